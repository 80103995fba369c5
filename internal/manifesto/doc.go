// Package manifesto reads and commits the metadata of a repository's images: it looks entries up, fetches content, and
// brings changes from many callers into few commits that survive rival writers, lagging replicas, broken connections
// and killed processes. It sees a repository through the interface Repository. It knows nothing of Terraform and
// nothing of HTTP, and leaves the stored bytes to package format.
package manifesto
