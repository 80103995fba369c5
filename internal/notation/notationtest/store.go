package notationtest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Store implements signing.Source in memory. It is safe for concurrent use; the zero value is empty.
type Store struct {
	mu        sync.Mutex
	listed    map[oci.Digest][]oci.ListedReferrer
	manifests map[string]oci.Manifest
	blobs     map[oci.Digest][]byte
	requests  []string
}

// Target returns the descriptor of a manifest with some content.
func Target(content string) oci.Descriptor {
	return oci.Descriptor{
		MediaType: oci.MediaTypeOCIManifest, Digest: oci.DigestOf([]byte(content)), Size: int64(len(content)),
	}
}

// Attach stores a signature and lists it. It returns the digest of its manifest.
func (s *Store) Attach(tb testing.TB, made signing.Signature, subject oci.Descriptor) oci.Digest {
	tb.Helper()
	manifest, err := made.Manifest(subject)
	if err != nil {
		tb.Fatal(err)
	}
	s.AttachManifest(manifest, subject.Digest, signing.ArtifactType)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blobs == nil {
		s.blobs = map[oci.Digest][]byte{}
	}
	s.blobs[oci.DigestOf(made.Envelope)] = made.Envelope
	return manifest.Digest
}

// AttachManifest stores any manifest, and lists it as what the list claims.
func (s *Store) AttachManifest(manifest oci.Manifest, subject oci.Digest, claimed string) {
	s.List(subject, oci.ListedReferrer{Digest: manifest.Digest, ArtifactType: claimed})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.manifests == nil {
		s.manifests = map[string]oci.Manifest{}
	}
	s.manifests[manifest.Digest.String()] = manifest
}

// List appends an entry to the list of a manifest's referrers.
func (s *Store) List(subject oci.Digest, entry oci.ListedReferrer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listed == nil {
		s.listed = map[oci.Digest][]oci.ListedReferrer{}
	}
	s.listed[subject] = append(s.listed[subject], entry)
}

// Requests returns what was asked for since the last call, one line each.
func (s *Store) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}

// ask counts a request. It holds the lock until the returned function is called.
func (s *Store) ask(ctx context.Context, request string) (unlock func(), err error) {
	s.mu.Lock()
	s.requests = append(s.requests, request)
	return s.mu.Unlock, context.Cause(ctx)
}

// Referrers implements signing.Source.
func (s *Store) Referrers(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	unlock, err := s.ask(ctx, "referrers")
	defer unlock()
	return append([]oci.ListedReferrer(nil), s.listed[subject]...), err
}

// GetManifest implements signing.Source.
func (s *Store) GetManifest(ctx context.Context, identifier string) (oci.Manifest, error) {
	unlock, err := s.ask(ctx, "manifest")
	defer unlock()
	if err != nil {
		return oci.Manifest{}, err
	}
	manifest, ok := s.manifests[identifier]
	if !ok {
		return oci.Manifest{}, fmt.Errorf("manifest %s: %w", identifier, oci.ErrNotFound)
	}
	return manifest, nil
}

// GetBlob implements signing.Source.
func (s *Store) GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error) {
	unlock, err := s.ask(ctx, "blob")
	defer unlock()
	if err != nil {
		return nil, err
	}
	blob, ok := s.blobs[digest]
	switch {
	case !ok:
		return nil, fmt.Errorf("blob %s: %w", digest, oci.ErrNotFound)
	case int64(len(blob)) > limit:
		return nil, fmt.Errorf("blob %s: %w", digest, oci.ErrTooLarge)
	}
	return blob, nil
}
