package registry

import (
	"fmt"
	"net"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// DefaultRegistry is the registry of references that name none, where no other is configured.
const DefaultRegistry = "docker.io"

// Repository names a repository of a registry. The zero value names none. Equal repositories are equal
// values, however they were spelled.
type Repository struct {
	name name.Repository
}

// Reference names an image: a repository and either a tag or a digest. It is parsed once, where text
// enters the program; everything after takes the type.
type Reference struct {
	// Repository holds the image.
	Repository Repository
	// Tag is empty where the reference is by digest.
	Tag string
	// Digest is empty where the reference is by tag.
	Digest Digest
}

// ParseReference reads a reference as Docker writes it: "alpine", "alpine:3.20",
// "ghcr.io/org/app@sha256:…". Without a tag or digest the tag is "latest"; with both, the digest
// counts. A reference without a registry belongs to defaultRegistry, or to Docker Hub where that is
// empty. The error wraps ErrBadReference.
func ParseReference(s, defaultRegistry string) (Reference, error) {
	if scheme, _, found := strings.Cut(s, "://"); found {
		return Reference{}, fmt.Errorf("%w: %q starts with %s://; write the registry's host and the repository only",
			ErrBadReference, s, scheme)
	}
	parsed, err := name.ParseReference(s, nameOptions(defaultRegistry)...)
	if err != nil {
		return Reference{}, fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	ref := Reference{}
	if ref.Repository, err = canonical(parsed.Context()); err != nil {
		return Reference{}, err
	}
	switch parsed := parsed.(type) {
	case name.Digest:
		if ref.Digest, err = ParseDigest(parsed.DigestStr()); err != nil {
			return Reference{}, fmt.Errorf("%w: %w", ErrBadReference, err)
		}
	case name.Tag:
		ref.Tag = parsed.TagStr()
	default:
		return Reference{}, fmt.Errorf("%w: %q is neither a tag nor a digest", ErrBadReference, s)
	}
	return ref, nil
}

// ParseRepository reads a repository without tag or digest, such as "ghcr.io/org/app". The error
// wraps ErrBadReference.
func ParseRepository(s, defaultRegistry string) (Repository, error) {
	parsed, err := name.NewRepository(s, nameOptions(defaultRegistry)...)
	if err != nil {
		return Repository{}, fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	return canonical(parsed)
}

// canonical makes two spellings of one repository (alpine, docker.io/library/alpine) the same value: it
// is a key, and two of them would mean two committers.
func canonical(parsed name.Repository) (Repository, error) {
	repository, err := name.NewRepository(canonicalHost(parsed.Registry) + "/" + parsed.RepositoryStr())
	if err != nil {
		return Repository{}, fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	return Repository{repository}, nil
}

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

// isLoopback reports whether a host with an optional port is this machine.
func isLoopback(host string) bool {
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

// Host is the registry's canonical host with its port if it has one: "docker.io", "localhost:5000".
func (r Repository) Host() string { return canonicalHost(r.name.Registry) }

// Path is the repository's name inside its registry, such as "library/alpine".
func (r Repository) Path() string { return r.name.RepositoryStr() }

// String is the canonical name: host and path.
func (r Repository) String() string {
	if r == (Repository{}) {
		return ""
	}
	return r.Host() + "/" + r.Path()
}

// Tagged returns the reference to a tag of the repository.
func (r Repository) Tagged(tag string) Reference { return Reference{Repository: r, Tag: tag} }

// Digested returns the reference to a digest in the repository.
func (r Repository) Digested(d Digest) Reference { return Reference{Repository: r, Digest: d} }

// Identifier is what the registry API takes for the manifest: the digest, else the tag.
func (r Reference) Identifier() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// String is the canonical spelling, always with a tag or a digest.
func (r Reference) String() string {
	if r.Digest != "" {
		return r.Repository.String() + "@" + r.Digest.String()
	}
	return r.Repository.String() + ":" + r.Tag
}
