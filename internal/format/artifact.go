package format

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"regexp"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// AnnotationType is the annotation of an artifact that names the type of its piece of metadata.
const AnnotationType = "dev.manifesto.type"

// Artifact says how a piece of metadata is published: as a manifest that is attached to the image (OCI image
// specification 1.1, "subject"). The zero value says that it is not.
type Artifact struct {
	// Digest is that of the artifact's manifest.
	Digest oci.Digest
	// Type is the artifactType.
	Type string
	// ImageMediaType and ImageSize (in bytes) are those of the image's manifest. With them the artifact's manifest can be
	// made again from the entry alone.
	ImageMediaType string
	ImageSize      int64
}

// Fields of an artifact in an entry.
const (
	keyArtifactDigest    = "digest"
	keyArtifactType      = "type"
	keyArtifactImageType = "image_media_type"
	keyArtifactImageSize = "image_size"
)

// parseArtifact reads the field artifact of an entry. A value of another shape counts as missing.
func parseArtifact(value string) Artifact {
	var parsed struct {
		Digest    oci.Digest `json:"digest"`
		Type      string     `json:"type"`
		ImageType string     `json:"image_media_type"`
		ImageSize int64      `json:"image_size"`
	}
	if value == "" || json.Unmarshal([]byte(value), &parsed) != nil || parsed.ImageSize < 0 {
		return Artifact{}
	}
	digest, err := oci.ParseDigest(parsed.Digest.String())
	if err != nil || !IsMediaType(parsed.Type) || !IsMediaType(parsed.ImageType) {
		return Artifact{}
	}
	return Artifact{digest, parsed.Type, parsed.ImageType, parsed.ImageSize}
}

// field returns the value of the field artifact of an entry.
func (a Artifact) field() string {
	object := rawjson.Object{
		rawjson.NewField(keyArtifactDigest, rawjson.Encode(a.Digest.String())),
		rawjson.NewField(keyArtifactType, rawjson.Encode(a.Type)),
		rawjson.NewField(keyArtifactImageType, rawjson.Encode(a.ImageMediaType)),
		rawjson.NewField(keyArtifactImageSize, rawjson.Encode(a.ImageSize)),
	}
	return string(object.AppendTo(nil))
}

// mediaType matches a media type without parameters, which is what a descriptor may have (RFC 6838, section 4.2).
var mediaType = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$`)

// IsMediaType reports whether text is a media type that a descriptor may have: one without parameters.
func IsMediaType(text string) bool { return mediaType.MatchString(text) }

// unnamed matches what RFC 6838 does not allow in the name of a media type.
var unnamed = regexp.MustCompile(`[^A-Za-z0-9!#$&^_.+-]`)

// maxTypeName is how much of a type's name goes into an artifact type: names have at most 127 characters.
const maxTypeName = 127 - len("vnd.manifesto..v1+json")

// DefaultArtifactType returns the artifact type for pieces of a type. Policies choose artifacts by it, so one type for
// all pieces would let an approval pass for a contact.
func DefaultArtifactType(typ string) string {
	name := unnamed.ReplaceAllString(typ, "-")
	return "application/vnd.manifesto." + name[:min(len(name), maxTypeName)] + ".v1+json"
}

// NewArtifact returns the artifact of an entry: a manifest that is attached to the image, whose only layer is the
// entry's content. The entry must have a digest and a size. Equal entries give equal artifacts; what an entry says of
// its artifact does not count.
func NewArtifact(image oci.Descriptor, artifactType string, e Entry) (Artifact, oci.Manifest, error) {
	annotations := map[string]string{}
	maps.Copy(annotations, e.Annotations)
	annotations[AnnotationType] = e.Type
	if !e.Created.IsZero() {
		annotations[v1.AnnotationCreated] = e.Created.UTC().Format(time.RFC3339)
	}
	empty := v1.DescriptorEmptyJSON
	empty.Data = nil // Some registries refuse it.
	content, err := json.Marshal(v1.Manifest{
		Versioned:    specs.Versioned{SchemaVersion: 2},
		MediaType:    oci.MediaTypeOCIManifest,
		ArtifactType: artifactType,
		Config:       empty,
		Layers:       []oci.Descriptor{{MediaType: e.layerType(), Digest: e.Digest, Size: e.Size}},
		Subject:      &oci.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size},
		Annotations:  annotations,
	})
	if err != nil {
		return Artifact{}, oci.Manifest{}, fmt.Errorf("encoding an artifact: %w", err)
	}
	m := oci.NewManifest(oci.MediaTypeOCIManifest, content)
	return Artifact{m.Digest, artifactType, image.MediaType, image.Size}, m, nil
}

// layerType returns the media type of the entry's content for a descriptor.
func (e Entry) layerType() string {
	if name, _, err := mime.ParseMediaType(e.MediaType); err == nil && IsMediaType(name) {
		return name
	}
	return oci.MediaTypeOctetStream
}

// ArtifactOf makes the artifact's manifest again from the entry of an image. ok is false if the entry has none, or if
// its artifact is not that of the entry: another tool has changed the entry since.
func ArtifactOf(image oci.Digest, e Entry) (m oci.Manifest, ok bool) {
	if e.Artifact == (Artifact{}) || e.Size < 0 {
		return oci.Manifest{}, false
	}
	of := oci.Descriptor{MediaType: e.Artifact.ImageMediaType, Digest: image, Size: e.Artifact.ImageSize}
	a, m, err := NewArtifact(of, e.Artifact.Type, e)
	return m, err == nil && a == e.Artifact
}
