package oci

import (
	"errors"
	"testing"
)

func TestParsePlatform(t *testing.T) {
	for text, want := range map[string]Platform{
		"linux/amd64":    {OS: "linux", Architecture: "amd64"},
		"linux/arm64/v8": {OS: "linux", Architecture: "arm64", Variant: "v8"},
	} {
		if got, err := ParsePlatform(text); err != nil || got != want || got.String() != text {
			t.Errorf("ParsePlatform(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "linux", "linux/", "/amd64", "a/b/c/d", "linux/ amd64"} {
		if got, err := ParsePlatform(text); !errors.Is(err, ErrBadPlatform) {
			t.Errorf("ParsePlatform(%q) = %v, %v", text, got, err)
		}
	}
}
