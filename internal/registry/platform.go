package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Errors of choosing a child of a multi-platform image.
var (
	// ErrBadPlatform: the text is not os/architecture[/variant].
	ErrBadPlatform = errors.New("malformed platform")
	// ErrNoPlatforms: the image is not a multi-platform image.
	ErrNoPlatforms = errors.New("not a multi-platform image")
	// ErrPlatformNotFound: the image has no child, or more than one, for the platform.
	ErrPlatformNotFound = errors.New("platform not found")
)

// unknownPlatform is what BuildKit writes for its attestations, which are no images.
const unknownPlatform = "unknown"

// Platform is what an image runs on. The zero value is no platform.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
}

// ParsePlatform reads os/architecture[/variant]. The error wraps ErrBadPlatform.
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return Platform{}, fmt.Errorf("%w: %q is not os/architecture[/variant], such as linux/arm64", ErrBadPlatform, s)
	}
	for _, part := range parts {
		if part == "" || strings.TrimSpace(part) != part {
			return Platform{}, fmt.Errorf("%w: %q is not os/architecture[/variant], such as linux/arm64", ErrBadPlatform, s)
		}
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

// String is the platform as ParsePlatform reads it.
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// IsUnknown reports whether a child of an index is marked as no image at all.
func (p Platform) IsUnknown() bool {
	return p.OS == unknownPlatform && p.Architecture == unknownPlatform
}

// Descriptor points at a manifest or blob of the same repository.
type Descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      Digest            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *Platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// IsIndex reports whether the manifest lists images rather than being one. Some registries answer
// with a generic Content-Type, so the manifest's own mediaType counts too.
func (m Manifest) IsIndex() bool {
	mediaType := m.MediaType
	var own struct {
		MediaType string `json:"mediaType"`
	}
	if json.Unmarshal(m.Content, &own) == nil && own.MediaType != "" {
		mediaType = own.MediaType
	}
	return mediaType == MediaTypeOCIIndex || mediaType == MediaTypeDockerList
}

// Children returns the images of an index, without BuildKit's attestations. The error wraps
// ErrNoPlatforms where the manifest is no index, and ErrBadResponse where it cannot be read.
func (m Manifest) Children() ([]Descriptor, error) {
	if !m.IsIndex() {
		return nil, ErrNoPlatforms
	}
	var index struct {
		Manifests []Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(m.Content, &index); err != nil {
		return nil, fmt.Errorf("%w: image index %s: %w", ErrBadResponse, m.Digest, err)
	}
	var images []Descriptor
	for _, child := range index.Manifests {
		if child.Platform != nil && child.Platform.IsUnknown() {
			continue
		}
		if _, err := ParseDigest(child.Digest.String()); err != nil {
			return nil, fmt.Errorf("%w: image index %s: %w", ErrBadResponse, m.Digest, err)
		}
		images = append(images, child)
	}
	return images, nil
}

// Child returns the one child of an index that runs on a platform. A platform without a variant
// matches whatever variant there is, as long as there is only one. Errors wrap ErrNoPlatforms and
// ErrPlatformNotFound and list what there is.
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
		have := *child.Platform
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
		return "", fmt.Errorf("%w: %s is more than one of the image's: %s", ErrPlatformNotFound, want, strings.Join(found, ", "))
	}
	return "", fmt.Errorf("%w: the image has no %s; it has %s", ErrPlatformNotFound, want, strings.Join(all, ", "))
}
