// Command registry starts an empty registry server on a free loopback port, prints its URL, and ends when its standard
// input does. Its argument is the kind of the server: distribution, docker-registry, olareg, ggcr or ociregistry. This
// runs the acceptance tests against one:
//
//	REGISTRYTEST_COMMAND="/tmp/registry distribution" go test ./internal/provider
package main
