package provider

import (
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// declaredAs returns the reference through which a resource declares its metadata: the tag of its image, or
// format.DeclaredByDigest. It is empty if the image is not known. An entry that several references declare is shared:
// it goes with the last of them.
func (d *providerData) declaredAs(m *subjectModel) string {
	image, err := d.subject(m.Image, m.Platform)
	switch reference := image.reference; {
	case err != nil && reference.Repository.String() == "":
		return ""
	case reference.Digest != "" || reference.Tag == "":
		return format.DeclaredByDigest
	default:
		return reference.Tag
	}
}

// describeReferences lists references in a diagnostic.
func describeReferences(references []string) string {
	described := make([]string, len(references))
	for i, reference := range references {
		described[i] = "the tag " + reference
		if reference == format.DeclaredByDigest {
			described[i] = "its digest"
		}
	}
	slices.Sort(described)
	return strings.Join(described, " and ")
}
