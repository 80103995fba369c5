package manifesto

import "github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"

// Key identifies an entry.
type Key struct {
	// Repository holds the image, the content and the manifesto.
	Repository oci.Repository
	// Image is the digest of the image that the metadata is about.
	Image oci.Digest
	// Type is the type of metadata: any text that is not empty.
	Type string
}

// String returns the entry's ID: REPOSITORY@DIGEST#TYPE.
func (k Key) String() string {
	return k.Repository.Digested(k.Image).String() + "#" + k.Type
}
