package oci

import (
	"errors"
	"fmt"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
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
	OS, Architecture, Variant string
}

// platformOf returns the platform of an index's child; the zero value where the index gives none.
func platformOf(child Descriptor) Platform {
	if child.Platform == nil {
		return Platform{}
	}
	return Platform{OS: child.Platform.OS, Architecture: child.Platform.Architecture, Variant: child.Platform.Variant}
}

// Spec returns the platform as a descriptor has it.
func (p Platform) Spec() *v1.Platform {
	return &v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
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

// IsAttestation reports whether a child of an index is marked as no image at all.
func IsAttestation(child Descriptor) bool {
	p := platformOf(child)
	return p.OS == unknownPlatform && p.Architecture == unknownPlatform
}
