package oci

import (
	"fmt"
	"net"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// DefaultRegistry is the registry of references that name none, where no other is configured.
const DefaultRegistry = "docker.io"

// LayoutHost stands in place of a registry's host for image layouts on disk. References to them begin with it
// and a colon.
const LayoutHost = "oci-layout"

// ParseHost reads a registry's host with an optional port, and returns it in its canonical spelling
// ("docker.io" for all of Docker Hub's names). The error wraps ErrBadReference.
func ParseHost(s string) (string, error) {
	if strings.Contains(s, "/") {
		return "", fmt.Errorf("%w: %q is more than a host and an optional port", ErrBadReference, s)
	}
	parsed, err := name.NewRegistry(s)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	return canonicalHost(parsed), nil
}

func nameOptions(defaultRegistry string) []name.Option {
	if defaultRegistry == "" || defaultRegistry == DefaultRegistry {
		return nil
	}
	return []name.Option{name.WithDefaultRegistry(defaultRegistry)}
}

// HasRegistry reports whether s, a reference that may be malformed, names a registry of its own, so
// that a default is not needed to read it.
func HasRegistry(s string) bool {
	if strings.HasPrefix(s, LayoutHost+":") {
		return true
	}
	first, _, found := strings.Cut(s, "/")
	return found && (strings.ContainsAny(first, ".:") || first == "localhost")
}

// canonicalHost undoes go-containerregistry's spelling of Docker Hub (users, Docker's own output and
// this provider's state say docker.io), and what else spells one host in two ways.
func canonicalHost(r name.Registry) string {
	host := strings.TrimSuffix(strings.ToLower(r.RegistryStr()), ":443")
	if host == name.DefaultRegistry || host == "registry-1.docker.io" {
		return DefaultRegistry
	}
	return host
}

// IsLoopback reports whether a host with an optional port is this machine.
func IsLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
