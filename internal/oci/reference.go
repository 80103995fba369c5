package oci

import (
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Reference names an image: a repository and either a tag or a digest. Text is parsed once, where it enters the
// program; all later code takes the type. The zero value names no image.
type Reference struct {
	// Repository holds the image.
	Repository Repository
	// Tag is empty in a reference by digest, and in one to the only image of a layout.
	Tag string
	// Digest is empty in a reference by tag.
	Digest Digest
}

// ParseReference reads a reference as Docker writes it: "alpine", "alpine:3.20", "ghcr.io/org/app@sha256:…". Without a
// tag or digest the tag is "latest"; with both, the digest counts. A reference without a registry belongs to
// defaultRegistry, or to Docker Hub if that is empty. "oci-layout:DIRECTORY[:TAG|@DIGEST]" is an image of a layout on
// disk; without a tag or digest, it is the layout's only image. The error wraps ErrBadReference.
func ParseReference(s, defaultRegistry string) (Reference, error) {
	if rest, isLayout := strings.CutPrefix(s, LayoutHost+":"); isLayout {
		return parseLayout(rest)
	}
	if scheme, _, found := strings.Cut(s, "://"); found {
		return Reference{}, fmt.Errorf("%w: %q starts with %s://; write the registry's host and the repository only",
			ErrBadReference, s, scheme)
	}
	if err := checkName(s); err != nil {
		return Reference{}, err
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

// parseLayout reads the text after "oci-layout:". A colon begins a tag only in the last element of the path: the colon
// of a Windows drive is followed by a slash or backslash.
func parseLayout(s string) (Reference, error) {
	path, digest, byDigest := strings.Cut(s, "@sha256:")
	ref := Reference{}
	if found := foreignDigest.FindStringSubmatch(s); !byDigest && found != nil {
		return Reference{}, checkDigest(found[1])
	}
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

// Identifier returns what the registry API takes for the manifest: the digest, or else the tag.
func (r Reference) Identifier() string {
	if r.Digest != "" {
		return r.Digest.String()
	}
	return r.Tag
}

// String returns the canonical spelling. It has a tag or a digest, except for the only image of a layout.
func (r Reference) String() string {
	if r.Digest != "" {
		return r.Repository.String() + "@" + r.Digest.String()
	}
	if r.Tag == "" {
		return r.Repository.String()
	}
	return r.Repository.String() + ":" + r.Tag
}
