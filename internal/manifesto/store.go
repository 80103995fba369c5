package manifesto

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/singleflight"
)

// Store reads and writes the metadata of images in any number of repositories. One Store serves one
// run: it reads each manifesto once, resolves each tag once, and remembers what the run created. It is
// safe for concurrent use.
type Store struct {
	open   func(oci.Repository) Repository
	now    func() time.Time
	settle time.Duration
	// jitter returns a random part of a wait, so that rivals do not start over at the same time.
	jitter func(time.Duration) time.Duration

	mu     sync.Mutex
	repos  map[oci.Repository]*repository
	images map[imageKey]oci.Digest
	flight singleflight.Group
}

// imageKey is a reference and a platform that were resolved in this run.
type imageKey struct {
	reference oci.Reference
	platform  oci.Platform
}

// Adaptive is the settle time that a store measures itself.
const Adaptive time.Duration = -1

// NewStore returns a store over the repositories that open gives access to; now is the clock of the
// entries' creation times. settle is how long the last of a burst of changes waits until no other writer
// can overwrite it unseen: Adaptive, or 0 where there is no other writer.
func NewStore(open func(oci.Repository) Repository, now func() time.Time, settle time.Duration) *Store {
	return &Store{
		open: open, now: now, settle: settle,
		jitter: rand.N[time.Duration],
		repos:  map[oci.Repository]*repository{},
		images: map[imageKey]oci.Digest{},
	}
}

func (s *Store) repository(name oci.Repository) *repository {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.repos[name]
	if !ok {
		r = &repository{
			name: name, remote: s.open(name), now: s.now,
			jitter:     s.jitter,
			timing:     &timing{fixed: s.settle},
			arrived:    make(chan struct{}, 1),
			past:       map[oci.Digest]bool{},
			claimed:    map[Key]bool{},
			created:    map[Key]bool{},
			pins:       newPins(),
			unpinnable: map[oci.Digest]bool{},
			reported:   map[oci.Digest]bool{},
		}
		s.repos[name] = r
	}
	return r
}

// Resolve returns the digest of the image that a reference names or, with a platform, of its child for
// it. There is no fallback from one to the other: metadata of an index is not its children's. Each
// reference is resolved once a run. A missing image is registry.ErrNotFound.
func (s *Store) Resolve(ctx context.Context, ref oci.Reference, platform oci.Platform) (oci.Digest, error) {
	key := imageKey{ref, platform}
	s.mu.Lock()
	digest, ok := s.images[key]
	s.mu.Unlock()
	if ok {
		return digest, nil
	}
	return shared(ctx, &s.flight, ref.String()+" "+platform.String(), func(ctx context.Context) (oci.Digest, error) {
		digest, err := resolve(ctx, s.open(ref.Repository), ref, platform)
		if err != nil {
			return "", err
		}
		s.mu.Lock()
		s.images[key] = digest
		s.mu.Unlock()
		return digest, nil
	})
}

func resolve(ctx context.Context, remote Repository, ref oci.Reference, platform oci.Platform) (oci.Digest, error) {
	if platform == (oci.Platform{}) {
		return remote.HeadManifest(ctx, ref.Identifier())
	}
	m, err := remote.GetManifest(ctx, ref.Identifier())
	if err != nil {
		return "", err
	}
	digest, err := m.Child(platform)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ref, err)
	}
	return digest, nil
}

// Piece is an entry and what the repository says of its content.
type Piece struct {
	format.Entry
	// Pinned says that a pin manifest protects the content from garbage collection.
	Pinned bool
	// Missing says that the content is gone: the entry names a blob that the repository lacks.
	Missing bool
}

// Get returns the current entry of a key. Where there is none, the error is a *NoEntryError.
func (s *Store) Get(ctx context.Context, key Key) (Piece, error) {
	entry, err := s.lookup(ctx, key)
	if err != nil {
		return Piece{}, err
	}
	if entry.Digest == "" {
		return Piece{Entry: entry, Missing: true}, nil
	}
	return s.repository(key.Repository).inspect(ctx, key, entry)
}

// Fetch returns the current entry of a key and its content, as Content does.
func (s *Store) Fetch(ctx context.Context, key Key) (format.Entry, []byte, error) {
	entry, err := s.lookup(ctx, key)
	if err != nil {
		return format.Entry{}, nil, err
	}
	if entry.Digest == "" {
		return format.Entry{}, nil, fmt.Errorf("%w: the entry %q has no usable digest", ErrContentMissing, entry.Type)
	}
	content, entry, err := s.Content(ctx, key.Repository, entry)
	return entry, content, err
}

func (s *Store) lookup(ctx context.Context, key Key) (format.Entry, error) {
	v, err := s.repository(key.Repository).view(ctx, key.Image)
	if err != nil {
		return format.Entry{}, err
	}
	entry, ok := v.doc.Lookup(key.Image, key.Type)
	if !ok {
		return format.Entry{}, &NoEntryError{Key: key, Types: v.doc.Types(key.Image)}
	}
	return entry, nil
}

// List returns the current entries of an image in the manifesto's order, possibly none.
func (s *Store) List(ctx context.Context, name oci.Repository, image oci.Digest) ([]format.Entry, error) {
	v, err := s.repository(name).view(ctx, image)
	if err != nil {
		return nil, err
	}
	return v.doc.Entries(image), nil
}

// Content returns the bytes of an entry and the entry itself: without what a foreign writer left
// behind when it changed the digest, which shows in a size that does not fit. Content that is gone is
// ErrContentMissing.
func (s *Store) Content(ctx context.Context, name oci.Repository, entry format.Entry) ([]byte, format.Entry, error) {
	remote := s.repository(name).remote
	content, err := remote.GetBlob(ctx, entry.Digest, format.MaxContent)
	// Some registries hand out a manifest as a blob as well, so that an entry which does not come from
	// us may have to be looked at twice.
	if errors.Is(err, oci.ErrNotFound) || (err == nil && entry.Created.IsZero() && looksLikeImage(content)) {
		content, err = imageContent(ctx, remote, entry.Digest)
	}
	if err != nil {
		return nil, entry, err
	}
	if size := int64(len(content)); entry.Size != size {
		if entry.Size >= 0 {
			entry = format.Entry{Type: entry.Type, Digest: entry.Digest}
		}
		entry.Size = size
	}
	return content, entry, nil
}

func looksLikeImage(content []byte) bool {
	parsed, err := format.ParseManifest(oci.NewManifest("", content))
	return err == nil && parsed.Config().Digest != ""
}

// imageContent reads the oldest form of content: the digest is that of an image whose /data is it.
func imageContent(ctx context.Context, remote Repository, digest oci.Digest) ([]byte, error) {
	m, err := remote.GetManifest(ctx, digest.String())
	if errors.Is(err, oci.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s is neither a blob nor an image", ErrContentMissing, digest)
	}
	if err != nil {
		return nil, err
	}
	parsed, err := resolveImage(ctx, remote, m)
	if err != nil {
		return nil, err
	}
	return readData(ctx, remote, parsed, format.MaxContent)
}

// sharedTimeout bounds work that several callers wait for and none may therefore cancel: a registry that
// stops in the middle of an answer must not stop every operation of the run.
const sharedTimeout = 2 * time.Minute

// shared runs work once for all who ask for key at the same time. One who gives up leaves the work to
// the others.
func shared[T any](ctx context.Context, flight *singleflight.Group, key string, work func(context.Context) (T, error)) (T, error) {
	result := flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedTimeout)
		defer cancel()
		return work(ctx)
	})
	var zero T
	select {
	case r := <-result:
		value, ok := r.Val.(T)
		if r.Err == nil && !ok {
			return zero, fmt.Errorf("shared work %q returned %T", key, r.Val)
		}
		return value, r.Err
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
}
