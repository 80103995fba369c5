package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// maxDeclared bounds the size of the whole object as Terraform carries it, in bytes: a message has it three times and
// at most 256 MiB. perDeclaredImage is what an element takes besides its content and its key: two digests.
const (
	maxDeclared      = 80 << 20
	perDeclaredImage = 2 * 75
)

// declaredImage is an element of images or images_base64.
type declaredImage struct {
	// attribute has the element, and key is the element's key: a tag or a digest.
	attribute, key string
	// content is nil if it is not known yet, and digest is its digest.
	content []byte
	digest  oci.Digest
	// image is the digest of the image; empty if it is not known yet.
	image oci.Digest
}

// declared returns the elements of images and images_base64, sorted by their keys. An element by digest has its image.
// If an element is wrong, diags has errors. known is false if one of the maps is unknown as a whole.
func (m *repositoryMetadataModel) declared(diags *diag.Diagnostics) (declared []declaredImage, known bool) {
	errs := elementErrors{diags: diags}
	var size, message int64
	where := ""
	for _, attribute := range []struct {
		name     string
		isBase64 bool
		textMap
	}{{"images", false, m.Images}, {"images_base64", true, m.ImagesBase64}} {
		for key := range attribute.unknowns {
			declared = append(declared, declaredImage{attribute: attribute.name, key: key})
		}
		for _, key := range attribute.nulls {
			errs.add(attribute.name, key, "Image without content", "The content is null. Remove the element to store no "+
				"metadata for the image, or give it a content.")
		}
		for key, text := range attribute.texts {
			content, summary, detail := decodeContent(text, attribute.isBase64)
			if summary != "" {
				errs.add(attribute.name, key, summary, detail)
				continue
			}
			size += int64(len(content))
			message += int64(len(text) + 3*len(key) + perDeclaredImage)
			where = attribute.name
			declared = append(declared, declaredImage{attribute: attribute.name, key: key, content: content})
		}
	}
	slices.SortFunc(declared, func(x, y declaredImage) int { return strings.Compare(x.key, y.key) })
	for i := range declared {
		d := &declared[i]
		if i > 0 && declared[i-1].key == d.key {
			errs.add("images_base64", d.key, "Image declared twice", "The key is in images and in images_base64. Keep one of "+
				"the two.")
			continue
		}
		if summary, detail := d.parse(); summary != "" {
			errs.add(d.attribute, d.key, summary, detail)
		}
		if d.content != nil {
			d.digest = oci.DigestOf(d.content)
		}
	}
	if errs.close() && checkContents(size, where, diags) && message > maxDeclared {
		diags.AddAttributeError(path.Root(where), "Too many images", fmt.Sprintf(
			"The %d images with their contents are more than Terraform carries in one object, which is %d MiB here. Use "+
				"several types, or shorter contents.", len(declared), maxDeclared>>20))
	}
	return declared, !m.Images.unknown && !m.ImagesBase64.unknown
}

// parse reads the key and sets the image if that is a digest. A summary that is not empty says what is wrong.
func (d *declaredImage) parse() (summary, detail string) {
	reference, err := oci.Repository{}.Identified(d.key)
	switch {
	case err != nil:
		reason := strings.TrimPrefix(err.Error(), oci.ErrBadReference.Error()+": ")
		return "Malformed tag or digest", reason + ".\n\nA key is a tag of the repository, such as 1.2, or the digest of " +
			"an image, such as sha256:3f4a…, without the repository's name."
	case strings.HasPrefix(reference.Tag, format.Tag):
		return "Not an image to describe", "The tag holds the metadata itself, and moves with every change. Name the image " +
			"that the metadata describes."
	}
	d.image = reference.Digest
	return "", ""
}

// byDigest reports whether the key is a digest.
func (d *declaredImage) byDigest() bool { return strings.Contains(d.key, ":") }

// declaredByKey returns the reference through which a key declares an entry, as in manifesto.Put.
func declaredByKey(key string) string {
	if strings.Contains(key, ":") {
		return format.DeclaredByDigest
	}
	return key
}

// checkShared checks that elements that name the same image have the same content, as far as both are known. If it
// returns false, diags has an error.
func checkShared(declared []declaredImage, diags *diag.Diagnostics) bool {
	type pair struct{ first, second declaredImage }
	first := make(map[oci.Digest]declaredImage, len(declared))
	var different []pair
	for _, d := range declared {
		if d.image == "" || d.digest == "" {
			continue
		}
		other, ok := first[d.image]
		if !ok {
			first[d.image] = d
		} else if other.digest != d.digest {
			different = append(different, pair{other, d})
		}
	}
	if len(different) == 0 {
		return true
	}
	diags.AddAttributeError(path.Root("images"), "Different contents for one image", fmt.Sprintf(
		"An image has at most one piece of metadata of a type, and keys with different contents name the same image.\n%s\n\n"+
			"Give both keys the same content, or remove one of them.",
		bulleted(different, func(p pair) string {
			return fmt.Sprintf("%q and %q name image %s", p.first.key, p.second.key, p.first.image)
		})))
	return false
}

// entriesOf returns the entries that elements with known images and contents declare, one for each image, in the order
// of the first key of each.
func (m *repositoryMetadataModel) entriesOf(repository oci.Repository, declared []declaredImage) []bulkEntry {
	annotations := m.annotations()
	seen := make(map[oci.Digest]bool, len(declared))
	entries := make([]bulkEntry, 0, len(declared))
	for _, d := range declared {
		if d.image == "" || seen[d.image] {
			continue
		}
		seen[d.image] = true
		entry := bulkEntry{
			key:       manifesto.Key{Repository: repository, Image: d.image, Type: typeIn(m.Type)},
			attribute: d.attribute, element: d.key, reference: declaredByKey(d.key),
			content: d.content, digest: d.digest, mediaType: m.MediaType.ValueString(), annotations: annotations,
			artifactType: m.ArtifactType.ValueString(), signs: m.Signed.ValueBool(),
		}
		if entry.mediaType == "" && d.content != nil {
			entry.mediaType = format.DetectMediaType(d.content)
		}
		entries = append(entries, entry)
	}
	return entries
}

// setDeclared plans image_digests and digests. Without known maps, both are unknown.
func (m *repositoryMetadataModel) setDeclared(declared []declaredImage, known bool) {
	if !known {
		m.ImageDigests, m.Digests = textMap{unknown: true}, textMap{unknown: true}
		return
	}
	m.ImageDigests = newTextMap(make(map[string]string, len(declared)))
	m.Digests = newTextMap(make(map[string]string, len(declared)))
	for _, d := range declared {
		if d.image == "" {
			m.ImageDigests.setUnknown(d.key)
		} else {
			m.ImageDigests.texts[d.key] = d.image.String()
		}
		if d.digest == "" {
			m.Digests.setUnknown(d.key)
		} else {
			m.Digests.texts[d.key] = d.digest.String()
		}
	}
}
