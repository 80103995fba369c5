package oci

import (
	"errors"
	"strings"
	"testing"
)

// Names follow the grammar of the distribution specification. The error says which part is wrong.
func TestNames(t *testing.T) {
	hex := strings.Repeat("a", 64)
	for text, says := range map[string]string{
		"localhost:5000/../../etc:1":             `the part ".."`,
		"ghcr.io/a/../b":                         `the part ".."`,
		"a/../b":                                 `the part ".."`,
		"a/./b":                                  `the part "."`,
		"//x":                                    "an empty part",
		"ghcr.io//x":                             "an empty part",
		"ghcr.io/x/":                             "an empty part",
		"ghcr.io/":                               "name is missing",
		"Team/App:1.1":                           `lower case, such as "team/app"`,
		"ghcr.io/Team/app":                       "lower case",
		"ghcr.io/a..b":                           `the part "a..b"`,
		"ghcr.io/a___b":                          `the part "a___b"`,
		"ghcr.io/-a":                             `the part "-a"`,
		"ghcr.io/a%2fb":                          `the part "a%2fb"`,
		"ghcr.io/a?b":                            `the part "a?b"`,
		"ghcr.io/" + strings.Repeat("a", 256):    "256 characters",
		"ghcr.io/app:.x":                         `".x" is not a tag`,
		"ghcr.io/app:":                           `"" is not a tag`,
		"evil\u202e.io/app":                      "is not a host",
		"ghcr.io:x/app":                          "is not a host",
		"ghcr.io/app@sha256:abc":                 "64 hexadecimal digits; it has 3",
		"ghcr.io/app@sha512:" + hex + hex:        `"sha512" is not a sha256 digest`,
		"ghcr.io/app@" + hex:                     "must begin with sha256:",
		"oci-layout:dir@sha512:" + hex + hex:     `"sha512" is not a sha256 digest`,
		"oci-layout:a/dir:1@sha512:" + hex + hex: `"sha512" is not a sha256 digest`,
		"oci-layout:dir@SHA256:" + hex:           `"SHA256" is not a sha256 digest`,
	} {
		ref, err := ParseReference(text, "")
		if !errors.Is(err, ErrBadReference) || !strings.Contains(err.Error(), says) {
			t.Errorf("ParseReference(%q) = %v, %v; want %q", text, ref, err, says)
		}
	}
	for _, text := range []string{
		"ghcr.io/a.b/c_d/e__f/g---h:1", "ghcr.io/0/1a", "oci-layout:user@host:1", "oci-layout:a@b/c",
		"[::1]:5000/app", "my_registry.local:5000/app:_x", "ghcr.io/" + strings.Repeat("a", 255),
	} {
		if _, err := ParseReference(text, ""); err != nil {
			t.Errorf("ParseReference(%q): %v", text, err)
		}
	}
	for _, text := range []string{
		"ghcr.io/a/../b", "ghcr.io/App", "ghcr.io/app:1", "ghcr.io/app@sha256:" + hex, "//x", "",
	} {
		if got, err := ParseRepository(text, ""); !errors.Is(err, ErrBadReference) {
			t.Errorf("ParseRepository(%q) = %v, %v", text, got, err)
		}
	}
}
