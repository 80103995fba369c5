package oci

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Repository names a repository of a registry, or an OCI image layout on disk. The zero value names none. Two
// spellings of one repository of a registry parse to equal values.
type Repository struct {
	name name.Repository
	// layout is the directory of a layout, cleaned, with slashes; empty for a registry's repository.
	layout string
}

func layoutRepository(path string) (Repository, error) {
	if path == "" {
		return Repository{}, fmt.Errorf("%w: %s without a directory", ErrBadReference, LayoutHost)
	}
	path = filepath.ToSlash(filepath.Clean(path))
	if last := path[strings.LastIndexByte(path, '/')+1:]; strings.Contains(last, ":") {
		// String omits the final slash; without it, the rest would parse as a directory and a tag.
		return Repository{}, fmt.Errorf("%w: the directory's name %q has a colon", ErrBadReference, last)
	}
	return Repository{layout: path}, nil
}

// ParseRepository reads a repository without tag or digest, such as "ghcr.io/org/app" or "oci-layout:DIRECTORY". A
// repository without a registry belongs to defaultRegistry, or to Docker Hub if that is empty. The error wraps
// ErrBadReference.
func ParseRepository(s, defaultRegistry string) (Repository, error) {
	if path, isLayout := strings.CutPrefix(s, LayoutHost+":"); isLayout {
		return layoutRepository(path)
	}
	if err := checkName(s + ":latest"); err != nil { // A tag or digest of its own is an error, too.
		return Repository{}, err
	}
	parsed, err := name.NewRepository(s, nameOptions(defaultRegistry)...)
	if err != nil {
		return Repository{}, fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	return canonical(parsed)
}

// canonical gives two spellings of one repository (alpine, docker.io/library/alpine) the same value. The value is a
// key: two values would mean two committers for one repository.
func canonical(parsed name.Repository) (Repository, error) {
	repository, err := name.NewRepository(CanonicalHost(parsed.RegistryStr()) + "/" + parsed.RepositoryStr())
	if err != nil {
		return Repository{}, fmt.Errorf("%w: %w", ErrBadReference, err)
	}
	return Repository{name: repository}, nil
}

// Layout returns the directory of an image layout on disk. ok is false for a registry's repository and for the zero
// value.
func (r Repository) Layout() (directory string, ok bool) {
	return r.layout, r.layout != ""
}

// Host returns the registry's canonical host with its port if it has one: "docker.io", "localhost:5000". It is
// LayoutHost for a layout, and "" for the zero value.
func (r Repository) Host() string {
	switch {
	case r == Repository{}:
		return ""
	case r.layout != "":
		return LayoutHost
	}
	return CanonicalHost(r.name.RegistryStr())
}

// Address returns the registry's host as the network knows it, with its port if it has one: "index.docker.io" for
// "docker.io". It is "" for a layout and for the zero value.
func (r Repository) Address() string {
	if r == (Repository{}) || r.layout != "" {
		return ""
	}
	return r.name.RegistryStr()
}

// Path returns the repository's name inside its registry, such as "library/alpine", or a layout's directory. It is ""
// for the zero value.
func (r Repository) Path() string {
	if r.layout != "" {
		return r.layout
	}
	return r.name.RepositoryStr()
}

// String returns the canonical name: host and path. It is "" for the zero value.
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
