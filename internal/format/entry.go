package format

import (
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// UnknownSize is the size of content that nobody has measured. A size of 0 is that of an empty blob.
const UnknownSize int64 = -1

// Pin names the pin manifest that protects a blob from garbage collection. The zero value names none.
type Pin int

// PinTo returns the pin to a shard, which is at least 0.
func PinTo(shard int) Pin { return Pin(shard + 1) }

// Shard returns the number of the pin manifest. False means that the pin names none.
func (p Pin) Shard() (shard int, ok bool) { return int(p) - 1, p > 0 }

// DeclaredByDigest stands in Entry.DeclaredBy for a reference by digest. No tag has this spelling.
const DeclaredByDigest = "@"

// Entry is what the manifesto says of one piece of metadata.
type Entry struct {
	// Type is the type of metadata.
	Type string
	// Digest is the content's. It is empty if the document has no valid digest there.
	Digest oci.Digest
	// Size is the content's, in bytes; UnknownSize if the document does not say.
	Size int64
	// MediaType is the content's; empty if the document does not say.
	MediaType string
	// Created is when the content was put; zero if the document does not say.
	Created time.Time
	// Annotations are nil if there are none.
	Annotations map[string]string
	// DeclaredBy are the references through which the entry was declared, sorted: tags, or DeclaredByDigest. It is nil if
	// nobody recorded them: another tool wrote the entry, or version 0 of this provider.
	DeclaredBy []string
	// Artifact says how the piece is published; zero if it is not.
	Artifact Artifact
	// Pin names the pin manifest that protects the content. Document.Set ignores it: a document assigns pins itself.
	Pin Pin
}
