package oci

import v1 "github.com/opencontainers/image-spec/specs-go/v1"

// Descriptor points at a manifest or blob of the same repository. Its size is in bytes.
type Descriptor = v1.Descriptor
