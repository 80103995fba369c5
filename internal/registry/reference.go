package registry

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// DefaultRegistry is the registry of references that name none, where no other is configured.
const DefaultRegistry = "docker.io"

// LayoutHost stands in place of a registry's host for image layouts on disk. References to them begin with it
// and a colon.
const LayoutHost = "oci-layout"

// Repository names a repository of a registry, or an OCI image layout on disk. The zero value names none. Equal
// repositories of registries are equal values, however they were spelled.
type Repository struct {
	name name.Repository
	// layout is the directory of a layout, as it was written; empty for a registry.
	layout string
}

// Reference names an image: a repository and either a tag or a digest. It is parsed once, where text
// enters the program; everything after takes the type.
type Reference struct {
	// Repository holds the image.
	Repository Repository
	// Tag is empty where the reference is by digest, and where it is to the only image of a layout.
	Tag string
	// Digest is empty where the reference is by tag.
	Digest Digest
}

// ParseReference reads a reference as Docker writes it: "alpine", "alpine:3.20",
// "ghcr.io/org/app@sha256:…". Without a tag or digest the tag is "latest"; with both, the digest
// counts. A reference without a registry belongs to defaultRegistry, or to Docker Hub where that is
// empty. "oci-layout:DIRECTORY[:TAG|@DIGEST]" is an image of a layout on disk; without a tag or digest, its only
// one. The error wraps ErrBadReference.
func ParseReference(s, defaultRegistry string) (Reference, error) {
	if rest, isLayout := strings.CutPrefix(s, LayoutHost+":"); isLayout {
		return parseLayout(rest)
	}
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

// parseLayout reads what follows "oci-layout:". A colon begins a tag where it is in the last part of the path: that
// of a Windows drive has a backslash or slash behind it.
func parseLayout(s string) (Reference, error) {
	path, digest, byDigest := strings.Cut(s, "@sha256:")
	ref := Reference{}
	if byDigest {
		var err error
		if ref.Digest, err = ParseDigest("sha256:" + digest); err != nil {
			return Reference{}, fmt.Errorf("%w: %w", ErrBadReference, err)
		}
	}
	if i := strings.LastIndexByte(path, ':'); i > strings.LastIndexAny(path, `/\`) {
		if !tagPattern.MatchString(path[i+1:]) {
			return Reference{}, fmt.Errorf("%w: %q is not a tag", ErrBadReference, path[i+1:])
		}
		if !byDigest {
			ref.Tag = path[i+1:]
		}
		path = path[:i]
	}
	var err error
	ref.Repository, err = layoutRepository(path)
	return ref, err
}

// tagPattern is what the distribution specification allows as a tag.
var tagPattern = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

func layoutRepository(path string) (Repository, error) {
	if path == "" {
		return Repository{}, fmt.Errorf("%w: %s without a directory", ErrBadReference, LayoutHost)
	}
	path = filepath.ToSlash(filepath.Clean(path))
	if last := path[strings.LastIndexByte(path, '/')+1:]; strings.Contains(last, ":") {
		// Written without the slash that made it a directory, it would be read as another one and a tag.
		return Repository{}, fmt.Errorf("%w: the directory's name %q has a colon", ErrBadReference, last)
	}
	return Repository{layout: path}, nil
}

// ParseRepository reads a repository without tag or digest, such as "ghcr.io/org/app" or
// "oci-layout:DIRECTORY". The error wraps ErrBadReference.
func ParseRepository(s, defaultRegistry string) (Repository, error) {
	if path, isLayout := strings.CutPrefix(s, LayoutHost+":"); isLayout {
		return layoutRepository(path)
	}
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
	return Repository{name: repository}, nil
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

// Layout returns the directory of an image layout on disk. False means that this is a registry's repository.
func (r Repository) Layout() (directory string, ok bool) {
	return r.layout, r.layout != ""
}

// Host is the registry's canonical host with its port if it has one: "docker.io", "localhost:5000". For a
// layout it is LayoutHost.
func (r Repository) Host() string {
	if r.layout != "" {
		return LayoutHost
	}
	return canonicalHost(r.name.Registry)
}

// Path is the repository's name inside its registry, such as "library/alpine", or a layout's directory.
func (r Repository) Path() string {
	if r.layout != "" {
		return r.layout
	}
	return r.name.RepositoryStr()
}

// String is the canonical name: host and path.
func (r Repository) String() string {
	switch {
	case r == Repository{}:
		return ""
	case r.layout != "":
		return LayoutHost + ":" + r.layout
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

// String is the canonical spelling, with a tag or a digest except for the only image of a layout.
func (r Reference) String() string {
	if r.Digest != "" {
		return r.Repository.String() + "@" + r.Digest.String()
	}
	if r.Tag == "" {
		return r.Repository.String()
	}
	return r.Repository.String() + ":" + r.Tag
}
