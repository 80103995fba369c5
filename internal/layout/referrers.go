package layout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Referrers returns what the layout lists as attached to a manifest: the manifests in its index whose subject it is,
// and the entries of the list under the fallback tag. Manifests of the index that cannot be read may be attached to it,
// too, and are among them. The error wraps oci.ErrTooManyReferrers if the list exceeds that bound.
func (l *Layout) Referrers(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	d, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	defer d.done()
	ix, err := d.readIndex()
	if err != nil {
		return nil, err
	}
	listed, err := l.attached(ctx, d, ix, subject)
	if err == nil {
		var more []oci.ListedReferrer
		more, err = d.referrersByTag(ix, subject)
		listed = append(listed, more...)
	}
	if err == nil && len(listed) > oci.MaxReferrers {
		err = oci.ErrTooManyReferrers
	}
	if err != nil {
		return nil, fmt.Errorf("the referrers of %s: %w", d.spell(subject.String()), err)
	}
	return listed, nil
}

// attached returns the manifests in the index whose subject is the given one, and those that cannot be read.
func (l *Layout) attached(
	ctx context.Context, d directory, ix index, subject oci.Digest,
) (listed []oci.ListedReferrer, err error) {
	for _, e := range ix.entries {
		if !e.mayRefer() {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		of, readable, err := l.subjects.of(d, ix, e.Digest)
		if err != nil {
			return nil, err
		}
		if of == subject || !readable {
			listed = append(listed, oci.ListedReferrer{Digest: e.Digest, ArtifactType: e.ArtifactType})
		}
	}
	return listed, nil
}

// mayRefer reports whether an entry may be attached to another manifest.
func (e entry) mayRefer() bool {
	switch e.MediaType {
	case "", oci.MediaTypeOCIManifest, oci.MediaTypeOCIIndex:
		return !strings.HasPrefix(e.tag(), tagPrefix)
	}
	return false
}

// referrersByTag returns the entries of the list under the fallback tag, which tools write that copy from a registry
// without an API for referrers.
func (d directory) referrersByTag(ix index, subject oci.Digest) ([]oci.ListedReferrer, error) {
	tag := oci.ReferrersTag(subject)
	if len(ix.tagged(tag)) == 0 {
		return nil, nil
	}
	m, err := d.manifest(ix, tag)
	if err != nil {
		return nil, fmt.Errorf("the tag %s: %w", tag, err)
	}
	listed, err := oci.ParseReferrers(m)
	if err != nil {
		return nil, fmt.Errorf("the tag %s: %w", tag, err)
	}
	return listed, nil
}

// subjects remembers what the manifests of a layout are attached to, so that each of them is read once, however many
// images are looked at. The zero value is ready to use. It is safe for concurrent use.
type subjects struct {
	mu    sync.Mutex
	known map[oci.Digest]oci.Digest
}

// of returns the subject of a manifest; empty if it has none. readable is false if the layout lacks the manifest, or
// what it has is none.
func (s *subjects) of(d directory, ix index, digest oci.Digest) (subject oci.Digest, readable bool, err error) {
	s.mu.Lock()
	subject, ok := s.known[digest]
	s.mu.Unlock()
	if ok {
		return subject, true, nil
	}
	if _, err = oci.ParseDigest(digest.String()); err != nil {
		return "", false, nil
	}
	m, err := d.manifest(ix, digest.String())
	if errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrTooLarge) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if subject, err = oci.SubjectOf(m); err != nil {
		return "", false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[oci.Digest]oci.Digest{}
	}
	s.known[digest] = subject
	return subject, true, nil
}
