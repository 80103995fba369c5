package manifesto

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// Store reads and writes the metadata of images in any number of repositories. One Store serves one run: it reads each
// manifesto once, resolves each reference once, and remembers what the run has created. It is safe for concurrent use.
type Store struct {
	open    func(oci.Repository) Repository
	options Options
	log     *slog.Logger
	// jitter returns a random duration below the given one, so that rivals do not start over at the same time.
	jitter func(time.Duration) time.Duration

	mu         sync.Mutex
	committers map[oci.Repository]*committer
	images     map[imageKey]oci.Digest
	flight     wait.Group
}

// imageKey is a reference and a platform that were resolved in this run.
type imageKey struct {
	reference oci.Reference
	platform  oci.Platform
}

// Adaptive makes a Store measure how long changes take to settle.
const Adaptive time.Duration = -1

// Options configure a Store.
type Options struct {
	// Now is the clock for the creation times of entries; nil means time.Now.
	Now func() time.Time
	// Settle is how long the last of a burst of changes waits until no other writer can overwrite it unseen. It is
	// Adaptive, or 0 if there is no other writer.
	Settle time.Duration
	// Signer signs artifacts and manifestos; nil signs nothing.
	Signer signing.Signer
	// Verifier checks the manifestos that a run with a Signer builds upon, because its signature makes all that is in them
	// valid; nil checks none. Accepted is the digest of a manifest that may be built upon although it is older than what
	// was seen before, or another repository's; empty if there is none.
	Verifier signing.Verifier
	Accepted oci.Digest
	// Logger gets records about reads and commits; nil discards them.
	Logger *slog.Logger
}

// NewStore returns a Store of the repositories that open returns.
func NewStore(open func(oci.Repository) Repository, options Options) *Store {
	if options.Now == nil {
		options.Now = time.Now
	}
	return &Store{
		open: open, options: options, log: logs.For(options.Logger, "commit"),
		jitter:     wait.Jitter,
		committers: map[oci.Repository]*committer{},
		images:     map[imageKey]oci.Digest{},
	}
}

func (s *Store) committer(name oci.Repository) *committer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.committers[name]
	if !ok {
		c = newCommitter(name, s.open(name), s)
		s.committers[name] = c
	}
	return c
}

// Resolve returns the digest of the image that a reference names. With a platform, the reference must name an index,
// and Resolve returns the digest of the image in it for the platform: metadata of an index is not metadata of its
// images. Each reference is resolved once a run. The error wraps oci.ErrNotFound if there is no such image.
func (s *Store) Resolve(ctx context.Context, ref oci.Reference, platform oci.Platform) (oci.Digest, error) {
	key := imageKey{ref, platform}
	known := func() (oci.Digest, bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		digest, ok := s.images[key]
		return digest, ok, nil
	}
	flight := ref.String() + " " + platform.String()
	return wait.Shared(ctx, &s.flight, flight, sharedLimit, known, func(ctx context.Context) (oci.Digest, error) {
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

// ResolveAgain is Resolve for a caller that needs the current answer. It neither uses nor changes what this run
// remembers: an apply may push the image later, and must not then find the earlier answer.
func (s *Store) ResolveAgain(ctx context.Context, ref oci.Reference, platform oci.Platform) (oci.Digest, error) {
	return resolve(ctx, s.open(ref.Repository), ref, platform)
}

func resolve(ctx context.Context, repository Repository, ref oci.Reference, platform oci.Platform) (oci.Digest, error) {
	if platform == (oci.Platform{}) {
		return repository.HeadManifest(ctx, ref.Identifier())
	}
	m, err := repository.GetManifest(ctx, ref.Identifier())
	if err != nil {
		return "", err
	}
	digest, err := m.Child(platform)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ref, err)
	}
	return digest, nil
}

// Piece is an entry and the state of its content. If the entry has no size, Size is what the registry says, or
// format.UnknownSize.
type Piece struct {
	format.Entry
	// Pinned says that a pin manifest protects the content from garbage collection.
	Pinned bool
	// Missing says that the repository does not have the blob that the entry names.
	Missing bool
	// Signature is the signature of the artifact that this run has made; zero if it has made none.
	Signature signing.Found
}

// Get returns the current entry of a key. If there is none, the error is a *NoEntryError.
func (s *Store) Get(ctx context.Context, key Key) (Piece, error) {
	return s.committer(key.Repository).inspect(ctx, key)
}

// Look returns the current entry of a key as the manifesto has it, without a look at its content. False without an
// error means that there is none. It is cheap: the plan of every creation calls it.
func (s *Store) Look(ctx context.Context, key Key) (entry format.Entry, ok bool, err error) {
	v, err := s.committer(key.Repository).tag.load(ctx, key.Image)
	if err != nil {
		return format.Entry{}, false, err
	}
	entry, ok = v.doc.Lookup(key.Image, key.Type)
	return entry, ok, nil
}

// Fetch returns the current entry of a key and its content, as Content does. If there is none, the error is a
// *NoEntryError.
func (s *Store) Fetch(ctx context.Context, key Key) (format.Entry, []byte, error) {
	v, err := s.committer(key.Repository).tag.load(ctx, key.Image)
	if err != nil {
		return format.Entry{}, nil, err
	}
	entry, err := v.entry(key)
	if err != nil {
		return format.Entry{}, nil, err
	}
	content, entry, err := s.Content(ctx, key.Repository, entry)
	return entry, content, err
}

// List returns the current entries of an image in the manifesto's order, possibly none.
func (s *Store) List(ctx context.Context, name oci.Repository, image oci.Digest) ([]format.Entry, error) {
	v, err := s.committer(name).tag.load(ctx, image)
	if err != nil {
		return nil, err
	}
	return v.doc.Entries(image), nil
}
