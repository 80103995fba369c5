// Package manifesto reads and changes the metadata of a repository's images. It finds entries, fetches content, and
// commits the changes of many callers in few commits, which survive rival writers, lagging replicas, broken connections
// and killed processes.
//
// The package accesses a repository through the interface [Repository]. It knows neither Terraform nor HTTP, and leaves
// the stored bytes to package format. DESIGN.md describes the protocol under "Commits".
package manifesto
