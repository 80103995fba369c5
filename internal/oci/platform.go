package oci

import (
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
