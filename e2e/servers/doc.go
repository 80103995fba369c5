// Package servers starts real registry servers on free loopback ports. distribution 3.1, olareg, go-containerregistry's
// and CUE's run in this process. distribution 2.8 is the program docker-registry, as Debian packages it.
package servers
