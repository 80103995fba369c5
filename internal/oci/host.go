package oci

import (
	"fmt"
	"net"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// DefaultRegistry is Docker Hub. References that name no registry belong to it, unless another default is configured.
const DefaultRegistry = "docker.io"

// LayoutHost stands in place of a registry's host for image layouts on disk. References to them begin with it
// and a colon.
const LayoutHost = "oci-layout"

// A port that is left out of a host: 443 for https, and 80 for http.
const (
	httpsPort = ":443"
	httpPort  = ":80"
)

// ParseHost reads a registry's host with an optional port, and returns its canonical spelling. The error wraps
// ErrBadReference.
func ParseHost(s string) (string, error) {
	if strings.Contains(s, "/") {
		return "", fmt.Errorf("%w: %q is more than a host and an optional port", ErrBadReference, s)
	}
	if s != "" && !hostPattern.MatchString(s) {
		return "", fmt.Errorf("%w: %q is not a host with an optional port", ErrBadReference, s)
	}
	parsed, err := name.NewRegistry(s)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	return CanonicalHost(parsed.RegistryStr()), nil
}

// CanonicalHost returns the one spelling by which this program knows a registry: in lower case, without port 443, and
// "docker.io" for all names of Docker Hub. It does not check that the text is a host: ParseHost does.
func CanonicalHost(host string) string {
	switch host = OriginHost("https", host); host {
	case "index.docker.io", "registry-1.docker.io":
		return DefaultRegistry
	}
	return host
}

// OriginHost returns the host of an origin, as in a URL of the scheme, in lower case and without the scheme's own
// port. Unlike CanonicalHost it tells the servers of Docker Hub apart.
func OriginHost(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "https":
		return strings.TrimSuffix(host, httpsPort)
	case "http":
		return strings.TrimSuffix(host, httpPort)
	}
	return host
}

// HostSpellings returns the ways in which other programs may spell a canonical host: without and with port 443.
func HostSpellings(host string) []string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		return []string{host, host + httpsPort}
	}
	return []string{host}
}

// Hostname returns a host without its port and brackets, in lower case.
func Hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return strings.ToLower(h)
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// IsLoopback reports whether a host with an optional port is this machine.
func IsLoopback(host string) bool {
	host = Hostname(host)
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// HasRegistry reports whether s, a reference that may be malformed, names a registry, so that it can be read without a
// default.
func HasRegistry(s string) bool {
	if strings.HasPrefix(s, LayoutHost+":") {
		return true
	}
	first, _, found := strings.Cut(s, "/")
	return found && isHost(first)
}

// isHost reports whether the first part of a reference is a registry's host and not part of a repository's name.
func isHost(first string) bool {
	return strings.ContainsAny(first, ".:") || first == "localhost"
}

func nameOptions(defaultRegistry string) []name.Option {
	if defaultRegistry == "" || defaultRegistry == DefaultRegistry {
		return nil
	}
	return []name.Option{name.WithDefaultRegistry(defaultRegistry)}
}
