// Package registry is a client of the OCI distribution API that spends few requests: it authenticates once per registry
// and scope, uploads a blob with one or two requests, never sends a tag twice, verifies every byte it reads, and limits
// the size of every answer. It knows nothing of manifestos.
package registry
