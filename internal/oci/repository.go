package oci

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Repository names a repository of a registry, or an OCI image layout on disk. The zero value names none. Equal
// repositories of registries are equal values, however they were spelled.
type Repository struct {
	name name.Repository
	// layout is the directory of a layout, as it was written; empty for a registry.
	layout string
}

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

// Address is the registry's host as the network knows it, with its port if it has one: "index.docker.io" for
// "docker.io". Empty for a layout.
func (r Repository) Address() string {
	if r.layout != "" {
		return ""
	}
	return r.name.RegistryStr()
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
