package oci

import (
	"fmt"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// unknownPlatform is the operating system and architecture that BuildKit gives its attestations.
const unknownPlatform = "unknown"

// Platform is what an image runs on. The zero value is no platform.
type Platform struct {
	OS, Architecture, Variant string
}

// PlatformOf returns the platform of an index's child; the zero value if the index gives none.
func PlatformOf(child Descriptor) Platform {
	if child.Platform == nil {
		return Platform{}
	}
	return Platform{OS: child.Platform.OS, Architecture: child.Platform.Architecture, Variant: child.Platform.Variant}
}

// Spec returns the platform in the form that a descriptor carries.
func (p Platform) Spec() *v1.Platform {
	return &v1.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// ParsePlatform reads os/architecture[/variant]. The error wraps ErrBadPlatform.
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return Platform{}, badPlatform(s)
	}
	for _, part := range parts {
		if part == "" || strings.TrimSpace(part) != part {
			return Platform{}, badPlatform(s)
		}
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

func badPlatform(s string) error {
	return fmt.Errorf("%w: %q is not os/architecture[/variant], such as linux/arm64", ErrBadPlatform, s)
}

// String returns the platform as ParsePlatform reads it, and "" for the zero value.
func (p Platform) String() string {
	if p == (Platform{}) {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// IsAttestation reports whether a child of an index is an attestation of BuildKit's, which is not an image.
func IsAttestation(child Descriptor) bool {
	p := PlatformOf(child)
	return p.OS == unknownPlatform && p.Architecture == unknownPlatform
}
