package oci

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

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
