// Package oci holds the words of the field that the packages above it share: Digest, Reference, Repository, Platform,
// Descriptor, Manifest, the spelling of hosts, and the errors that any store of images has. It reads no network and no
// files, and builds on the Go types of the OCI image specification.
package oci
