// Package layout reads and writes OCI image layouts on disk (image-layout.md of the OCI image specification) like
// repositories of a registry. Users carry such bundles to places without a registry, and tests need no server.
package layout
