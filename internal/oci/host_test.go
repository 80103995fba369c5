package oci

import (
	"errors"
	"slices"
	"testing"
)

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

// All spellings of a registry have one canonical form, which is the key of its settings and credentials.
func TestCanonicalHost(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "docker.io": "docker.io", "index.docker.io": "docker.io", "Registry-1.Docker.io:443": "docker.io",
		"GHCR.io": "ghcr.io", "ghcr.io:443": "ghcr.io", "ghcr.io:80": "ghcr.io:80", "localhost:5000": "localhost:5000",
		"[2001:DB8::1]:443": "[2001:db8::1]",
	} {
		if got := CanonicalHost(text); got != want {
			t.Errorf("CanonicalHost(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestOriginHost(t *testing.T) {
	for _, test := range []struct{ scheme, host, want string }{
		{"https", "Registry.Example.com", "registry.example.com"},
		{"https", "registry.example.com:443", "registry.example.com"},
		{"http", "registry.example.com:80", "registry.example.com"},
		{"https", "registry.example.com:80", "registry.example.com:80"},
		{"http", "registry.example.com:443", "registry.example.com:443"},
		{"https", "[2001:DB8::1]:443", "[2001:db8::1]"},
		{"https", "index.docker.io", "index.docker.io"},
	} {
		if got := OriginHost(test.scheme, test.host); got != test.want {
			t.Errorf("OriginHost(%q, %q) = %q, want %q", test.scheme, test.host, got, test.want)
		}
	}
}

func TestHostSpellings(t *testing.T) {
	for host, want := range map[string][]string{
		"ghcr.io":        {"ghcr.io", "ghcr.io:443"},
		"localhost:5000": {"localhost:5000"},
		"[::1]":          {"[::1]", "[::1]:443"},
		"[::1]:5000":     {"[::1]:5000"},
	} {
		if got := HostSpellings(host); !slices.Equal(got, want) {
			t.Errorf("HostSpellings(%q) = %q, want %q", host, got, want)
		}
	}
}

func TestHostname(t *testing.T) {
	for host, want := range map[string]string{
		"Registry.Example.com:5000": "registry.example.com", "[::1]": "::1", "[2001:DB8::1]:443": "2001:db8::1", "": "",
	} {
		if got := Hostname(host); got != want {
			t.Errorf("Hostname(%q) = %q, want %q", host, got, want)
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

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "localhost:5000": true, "127.0.0.1:5000": true, "127.8.9.1": true,
		"[::1]:5000": true,
		"10.0.0.1":   false, "192.168.0.1:5000": false, "registry.local": false, "ghcr.io": false,
		"localhost.example.com": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %t", host, got)
		}
	}
}
