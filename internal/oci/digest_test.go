package oci

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDigest(t *testing.T) {
	digits := strings.Repeat("0f", 32)
	for _, text := range []string{digits, "sha256:" + digits} {
		if got, err := ParseDigest(text); err != nil || string(got) != "sha256:"+digits {
			t.Errorf("ParseDigest(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "sha256:", "sha512:" + digits + digits, strings.ToUpper(digits), digits[1:], "md5:" + digits,
	} {
		if got, err := ParseDigest(text); !errors.Is(err, ErrBadDigest) {
			t.Errorf("ParseDigest(%q) = %q, %v; want ErrBadDigest", text, got, err)
		}
	}
}
