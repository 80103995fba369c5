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
			t.Errorf("ParseReference(%q) = %s at %s; want %s at %s", test.text, ref, ref.Repository.Host(), test.want, test.host)
		}
		again, err := ParseReference(ref.String(), "")
		if err != nil || again != ref {
			t.Errorf("%s does not parse to itself: %v, %v", ref, again, err)
		}
	}
	for _, text := range []string{"", "UPPER", "https://ghcr.io/a", "a b", "app@sha256:abc", "app:" + strings.Repeat("x", 200), "ghcr.io/"} {
		if ref, err := ParseReference(text, ""); !errors.Is(err, ErrBadReference) {
			t.Errorf("ParseReference(%q) = %v, %v; want ErrBadReference", text, ref, err)
		}
	}
}

// A layout on disk: the directory is cleaned, the tag may be missing, and what is printed parses to the same.
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
		directory, ok := ref.Repository.Layout()
		if !ok || directory != test.directory || ref.Tag != test.tag || ref.Digest.String() != test.digest || ref.String() != test.want {
			t.Errorf("ParseReference(%q) = %s of %q, tag %q, digest %q", test.text, ref, directory, ref.Tag, ref.Digest)
		}
		if ref.Repository.Host() != LayoutHost || ref.Repository.Path() != test.directory || !HasRegistry(test.text) {
			t.Errorf("%q: host %s, path %s", test.text, ref.Repository.Host(), ref.Repository.Path())
		}
		if again, err := ParseReference(ref.String(), ""); err != nil || again != ref {
			t.Errorf("%s does not parse to itself: %v, %v", ref, again, err)
		}
		if repository, err := ParseRepository(ref.Repository.String(), ""); err != nil || repository != ref.Repository {
			t.Errorf("%s does not parse to itself: %v, %v", ref.Repository, repository, err)
		}
	}
	for _, text := range []string{
		"oci-layout:", "oci-layout::1", "oci-layout:bundle:", "oci-layout:bundle:a b", "oci-layout:bundle@sha256:abc", "oci-layout:a:b:c", "oci-layout:./a:b/",
	} {
		if ref, err := ParseReference(text, ""); !errors.Is(err, ErrBadReference) {
			t.Errorf("ParseReference(%q) = %v, %v; want ErrBadReference", text, ref, err)
		}
	}
	if _, ok := (Repository{}).Layout(); ok {
		t.Error("the zero value is a layout")
	}
}

func TestParseHost(t *testing.T) {
	for text, want := range map[string]string{
		"docker.io": "docker.io", "index.docker.io": "docker.io", "registry-1.docker.io": "docker.io",
		"ghcr.io": "ghcr.io", "localhost:5000": "localhost:5000",
	} {
		if got, err := ParseHost(text); err != nil || got != want {
			t.Errorf("ParseHost(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"https://ghcr.io", "ghcr.io/org", "a b"} {
		if got, err := ParseHost(text); !errors.Is(err, ErrBadReference) {
			t.Errorf("ParseHost(%q) = %q, %v; want ErrBadReference", text, got, err)
		}
	}
}

func TestHasRegistry(t *testing.T) {
	for text, want := range map[string]bool{
		"alpine": false, "org/app:1": false, "ghcr.io/app": true, "localhost/app": true, "host:5000/app": true,
	} {
		if got := HasRegistry(text); got != want {
			t.Errorf("HasRegistry(%q) = %t", text, got)
		}
	}
}

func TestParseDigest(t *testing.T) {
	digits := strings.Repeat("0f", 32)
	for _, text := range []string{digits, "sha256:" + digits} {
		if got, err := ParseDigest(text); err != nil || string(got) != "sha256:"+digits {
			t.Errorf("ParseDigest(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "sha256:", "sha512:" + digits + digits, strings.ToUpper(digits), digits[1:], "md5:" + digits} {
		if got, err := ParseDigest(text); !errors.Is(err, ErrBadDigest) {
			t.Errorf("ParseDigest(%q) = %q, %v; want ErrBadDigest", text, got, err)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1:5000": true, "127.8.9.1": true, "[::1]:5000": true,
		"10.0.0.1": false, "192.168.0.1:5000": false, "registry.local": false, "ghcr.io": false, "localhost.example.com": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %t", host, got)
		}
	}
}
