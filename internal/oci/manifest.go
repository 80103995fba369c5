package oci

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// Manifest is the bytes of a manifest with their media type and digest. The zero value is no manifest.
type Manifest struct {
	// MediaType is the registry's Content-Type in a manifest that was read, and the type to store it as in one to write.
	MediaType string
	// Digest is that of Content.
	Digest Digest
	// Content is at most MaxManifestSize bytes.
	Content []byte
}

// NewManifest returns a manifest with its digest.
func NewManifest(mediaType string, content []byte) Manifest {
	return Manifest{MediaType: mediaType, Digest: DigestOf(content), Content: content}
}

// Descriptor returns a descriptor of the manifest. If the manifest came with a generic media type, as some registries
// answer, the mediaType in its content counts.
func (m Manifest) Descriptor() Descriptor {
	d := Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: int64(len(m.Content))}
	var own struct {
		MediaType string `json:"mediaType"`
	}
	if !IsManifestType(m.MediaType) && m.Decode(&own) == nil && own.MediaType != "" {
		d.MediaType = own.MediaType
	}
	return d
}

// manifestLimits bound what the decoder allocates for a manifest. Indexes list some hundreds of platforms, and
// registries take some hundreds of layers. The total leaves fifteen values for each of the descriptors: one with a
// platform and two annotations has eleven.
var manifestLimits = rawjson.Limits{List: 10_000, Total: 150_000}

// Check returns an error that wraps ErrTooLarge if the content has too many values, or nests them too deep. Children
// and Decode check that too, but do not know where the manifest comes from.
func (m Manifest) Check() error {
	if err := manifestLimits.Check(m.Content); err != nil {
		return fmt.Errorf("%w: the manifest %w", ErrTooLarge, err)
	}
	return nil
}

// Decode decodes the content like json.Unmarshal, after Check.
func (m Manifest) Decode(into any) error {
	if err := m.Check(); err != nil {
		return err
	}
	return json.Unmarshal(m.Content, into)
}

// IsIndex reports whether the manifest is an index of images. A mediaType in the content overrides the Content-Type:
// some registries answer with a generic one.
func (m Manifest) IsIndex() bool {
	mediaType := m.MediaType
	var own struct {
		MediaType string `json:"mediaType"`
	}
	if m.Decode(&own) == nil && own.MediaType != "" {
		mediaType = own.MediaType
	}
	return mediaType == MediaTypeOCIIndex || mediaType == MediaTypeDockerList
}

// Children returns the images of an index, without BuildKit's attestations. The error wraps ErrNoPlatforms if the
// manifest is not an index, ErrTooLarge if it exceeds the bounds of Check, and ErrBadResponse if it cannot be read.
func (m Manifest) Children() ([]Descriptor, error) {
	if !m.IsIndex() {
		return nil, ErrNoPlatforms
	}
	var index struct {
		Manifests []Descriptor `json:"manifests"`
	}
	switch err := m.Decode(&index); {
	case errors.Is(err, ErrTooLarge):
		return nil, fmt.Errorf("image index %s: %w", m.Digest, err)
	case err != nil:
		return nil, fmt.Errorf("%w: image index %s: %w", ErrBadResponse, m.Digest, err)
	}
	var images []Descriptor
	for _, child := range index.Manifests {
		if IsAttestation(child) {
			continue
		}
		if _, err := ParseDigest(child.Digest.String()); err != nil {
			return nil, fmt.Errorf("%w: image index %s: %w", ErrBadResponse, m.Digest, err)
		}
		images = append(images, child)
	}
	return images, nil
}

// Child returns the digest of the index's child for a platform. A platform without a variant matches any variant if
// the index has only one. The error wraps ErrNoPlatforms if the manifest is not an index, and otherwise
// ErrPlatformNotFound with a list of the index's platforms.
func (m Manifest) Child(want Platform) (Digest, error) {
	children, err := m.Children()
	if err != nil {
		return "", err
	}
	var found, all []string
	var digest Digest
	for _, child := range children {
		if child.Platform == nil {
			continue
		}
		have := PlatformOf(child)
		all = append(all, have.String())
		if have.OS != want.OS || have.Architecture != want.Architecture {
			continue
		}
		if have.Variant == want.Variant {
			return child.Digest, nil
		}
		if want.Variant == "" {
			found = append(found, have.String())
			digest = child.Digest
		}
	}
	switch {
	case len(found) == 1:
		return digest, nil
	case len(found) > 1:
		return "", fmt.Errorf("%w: %s is more than one of the image's: %s", ErrPlatformNotFound, want, listed(found))
	}
	return "", fmt.Errorf("%w: the image has no %s; it has %s", ErrPlatformNotFound, want, listed(all))
}

// maxListed is the number of platforms that an error names. An index lists as many as it likes.
const maxListed = 50

// listed returns the platforms that an index names as an error shows them.
func listed(platforms []string) string {
	if more := len(platforms) - maxListed; more > 0 {
		platforms = append(platforms[:maxListed:maxListed], fmt.Sprintf("%d more", more))
	}
	return Printable(strings.Join(platforms, ", "))
}

// IsManifest reports whether the content is a manifest or an index: its media type is known, or the content is JSON of
// schema version 2. Registries answer with a generic media type for real manifests, and proxies with a login page for
// anything.
func (m Manifest) IsManifest() bool {
	if IsManifestType(m.MediaType) {
		return true
	}
	var own struct {
		SchemaVersion int `json:"schemaVersion"`
	}
	return m.Decode(&own) == nil && own.SchemaVersion == 2
}
