package oci

import (
	"errors"
	"strings"
	"testing"
)

func TestParseReference(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	tests := []struct{ text, defaultRegistry, want, host string }{
		{"alpine", "", "docker.io/library/alpine:latest", "docker.io"},
		{"alpine:3.20", "", "docker.io/library/alpine:3.20", "docker.io"},
		{"docker.io/alpine", "", "docker.io/library/alpine:latest", "docker.io"},
		{"index.docker.io/org/app", "", "docker.io/org/app:latest", "docker.io"},
		{"registry-1.docker.io/org/app", "", "docker.io/org/app:latest", "docker.io"},
		{"org/app@" + digest, "", "docker.io/org/app@" + digest, "docker.io"},
		{"ghcr.io/org/app:1@" + digest, "", "ghcr.io/org/app@" + digest, "ghcr.io"},
		{"GHCR.io/org/app", "", "ghcr.io/org/app:latest", "ghcr.io"},
		{"ghcr.io:443/org/app", "", "ghcr.io/org/app:latest", "ghcr.io"},
		{"localhost:5000/app", "", "localhost:5000/app:latest", "localhost:5000"},
		{"localhost/app", "", "localhost/app:latest", "localhost"},
		{"app:1", "registry.example.com:5000", "registry.example.com:5000/app:1", "registry.example.com:5000"},
		{"ghcr.io/app:1", "registry.example.com", "ghcr.io/app:1", "ghcr.io"},
		{"alpine", "docker.io", "docker.io/library/alpine:latest", "docker.io"},
	}
	for _, test := range tests {
		ref, err := ParseReference(test.text, test.defaultRegistry)
		if err != nil {
			t.Errorf("ParseReference(%q): %v", test.text, err)
			continue
		}
		if ref.String() != test.want || ref.Repository.Host() != test.host {
			t.Errorf("ParseReference(%q) = %s at %s; want %s at %s",
				test.text, ref, ref.Repository.Host(), test.want, test.host)
		}
		again, err := ParseReference(ref.String(), "")
		if err != nil || again != ref {
			t.Errorf("%s does not parse to itself: %v, %v", ref, again, err)
		}
	}
	for _, text := range []string{
		"", "UPPER", "https://ghcr.io/a", "a b", "app@sha256:abc", "app:" + strings.Repeat("x", 200), "ghcr.io/",
	} {
		if ref, err := ParseReference(text, ""); !errors.Is(err, ErrBadReference) {
			t.Errorf("ParseReference(%q) = %v, %v; want ErrBadReference", text, ref, err)
		}
	}
}

// In a reference to a layout on disk the directory is cleaned and the tag is optional. String parses to the same value.
func TestParseLayoutReference(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	tests := []struct{ text, directory, tag, digest, want string }{
		{"oci-layout:bundle", "bundle", "", "", "oci-layout:bundle"},
		{"oci-layout:bundle:1.2", "bundle", "1.2", "", "oci-layout:bundle:1.2"},
		{"oci-layout:b:1", "b", "1", "", "oci-layout:b:1"},
		{"oci-layout:./a//b/:1", "a/b", "1", "", "oci-layout:a/b:1"},
		{"oci-layout:./bundle/", "bundle", "", "", "oci-layout:bundle"},
		{"oci-layout:.", ".", "", "", "oci-layout:."},
		{"oci-layout:.:1", ".", "1", "", "oci-layout:.:1"},
		{"oci-layout:/srv/app:1/bundle", "/srv/app:1/bundle", "", "", "oci-layout:/srv/app:1/bundle"},
		{"oci-layout:../My Bundle:v_1", "../My Bundle", "v_1", "", "oci-layout:../My Bundle:v_1"},
		{"oci-layout:/srv/bundle@" + digest, "/srv/bundle", "", digest, "oci-layout:/srv/bundle@" + digest},
		{"oci-layout:/srv/bundle:1@" + digest, "/srv/bundle", "", digest, "oci-layout:/srv/bundle@" + digest},
		{"oci-layout:C:/bundle:1", "C:/bundle", "1", "", "oci-layout:C:/bundle:1"},
		{"oci-layout:C:/bundle", "C:/bundle", "", "", "oci-layout:C:/bundle"},
	}
	for _, test := range tests {
		ref, err := ParseReference(test.text, "registry.example.com")
		if err != nil {
			t.Errorf("ParseReference(%q): %v", test.text, err)
			continue
		}
		if ref.Tag != test.tag || ref.Digest.String() != test.digest || ref.String() != test.want {
			t.Errorf("ParseReference(%q) = %s, tag %q, digest %q", test.text, ref, ref.Tag, ref.Digest)
		}
		if !HasRegistry(test.text) {
			t.Errorf("%q needs a default registry", test.text)
		}
		if again, err := ParseReference(ref.String(), ""); err != nil || again != ref {
			t.Errorf("%s does not parse to itself: %v, %v", ref, again, err)
		}
		isLayout(t, ref.Repository, test.directory)
	}
	for _, text := range []string{
		"oci-layout:", "oci-layout::1", "oci-layout:bundle:", "oci-layout:bundle:a b", "oci-layout:bundle@sha256:abc",
		"oci-layout:a:b:c", "oci-layout:./a:b/",
	} {
		if ref, err := ParseReference(text, ""); !errors.Is(err, ErrBadReference) {
			t.Errorf("ParseReference(%q) = %v, %v; want ErrBadReference", text, ref, err)
		}
	}
}

// isLayout checks that a repository is the layout in a directory, and prints as text that parses to itself.
func isLayout(t *testing.T, r Repository, directory string) {
	t.Helper()
	got, ok := r.Layout()
	if !ok || got != directory || r.Path() != directory || r.Host() != LayoutHost || r.Address() != "" {
		t.Errorf("%s is the layout %q (%t), host %q, address %q", r, got, ok, r.Host(), r.Address())
	}
	if again, err := ParseRepository(r.String(), ""); err != nil || again != r {
		t.Errorf("%s does not parse to itself: %v, %v", r, again, err)
	}
}
