package manifesto

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/singleflight"
)

// repository is what this run knows of one repository, and its committer.
type repository struct {
	name   oci.Repository
	remote Repository
	now    func() time.Time
	flight singleflight.Group

	mu sync.Mutex
	// current is the manifesto as last seen; nil before the first look. Not changed once set here.
	current *version
	// looked is when the last look at the tag that showed it began.
	looked time.Time
	// past holds the digests that the tag has moved on from, as far as this run has seen.
	past map[oci.Digest]bool
	pins *pins
	// claimed holds the keys that this run is creating or has created, created those that are committed:
	// the ledger of section 4.
	claimed, created map[Key]bool
	// unpinnable are blobs that are missing or in the oldest form; reported are those of them that a
	// caller was told about.
	unpinnable, reported map[oci.Digest]bool

	queue      []*edit
	committing bool
	// pace is what the last commit was like.
	pace pace
	// arrived tells a committer that waits for a burst to settle that more is queued.
	arrived chan struct{}
	timing  *timing
	jitter  func(time.Duration) time.Duration
}

// version is one state of a repository's manifesto.
type version struct {
	// digest is that of the manifest under the tag; empty where there is no manifesto.
	digest oci.Digest
	format.Header
	doc *format.Document
}

// view returns the manifesto as this run knows it, reading it when it does not yet. image is one that
// the caller cares about: a way to prove that the repository can be read.
func (r *repository) view(ctx context.Context, image oci.Digest) (*version, error) {
	if v := r.known(); v != nil {
		return v, nil
	}
	return shared(ctx, &r.flight, "view", func(ctx context.Context) (*version, error) {
		if v := r.known(); v != nil {
			return v, nil
		}
		began := time.Now()
		v, err := r.read(ctx, image, true)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.current == nil { // A commit may have been faster, and knows more.
			r.current, r.looked = v, began
		}
		return r.current, nil
	})
}

func (r *repository) known() *version {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// remember makes v, which a look that began at looked has shown under the tag, the current version. The one
// before is past.
func (r *repository) remember(v *version, looked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil && r.current.digest != v.digest {
		r.past[r.current.digest] = true
	}
	delete(r.past, v.digest)
	r.current, r.looked = v, looked
}

// stood records that a look which began at looked has shown the current version.
func (r *repository) stood(looked time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked = looked
}

// lastLook is when the last look at the tag that showed the current version began.
func (r *repository) lastLook() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looked
}

// lost records that a rival has replaced a version of ours before it was confirmed.
func (r *repository) lost(v *version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.past[v.digest] = true
}

// descent returns the ancestors of a version that is built on v.
func (v *version) descent() []oci.Digest {
	if v.digest == "" {
		return nil
	}
	ancestors := append([]oci.Digest{v.digest}, v.Ancestors...)
	return ancestors[:min(len(ancestors), format.MaxAncestors)]
}

// read gets the manifesto under the tag. unknownIsEmpty says that a repository which the registry does
// not know has no metadata; a writer must not believe that.
func (r *repository) read(ctx context.Context, image oci.Digest, unknownIsEmpty bool) (*version, error) {
	m, err := r.fetch(ctx, image, unknownIsEmpty)
	if err != nil {
		return nil, err
	}
	return r.parse(ctx, m)
}

// fetch gets the manifest under the tag; the zero value where there is none.
func (r *repository) fetch(ctx context.Context, image oci.Digest, unknownIsEmpty bool) (oci.Manifest, error) {
	m, err := r.remote.GetManifest(ctx, format.Tag)
	if errors.Is(err, oci.ErrNotFound) {
		m, err = r.remote.GetManifest(ctx, format.Tag) // Only two answers in a row count (section 4).
	}
	if errors.Is(err, oci.ErrNotFound) {
		return oci.Manifest{}, r.proveAbsence(ctx, image, unknownIsEmpty)
	}
	return m, err
}

// parse turns the manifest under the tag into a version.
func (r *repository) parse(ctx context.Context, m oci.Manifest) (*version, error) {
	if m.Digest == "" {
		return &version{doc: &format.Document{}}, nil
	}
	v, err := readVersion(ctx, r.remote, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name.Tagged(format.Tag), err)
	}
	r.timing.announced(v.Window)
	return v, nil
}

func readVersion(ctx context.Context, remote Repository, m oci.Manifest) (*version, error) {
	parsed, err := resolveImage(ctx, remote, m)
	if err != nil {
		return nil, err
	}
	data, err := readData(ctx, remote, parsed, format.MaxData)
	if err != nil {
		return nil, err
	}
	doc, err := format.ParseDocument(data)
	if err != nil {
		return nil, err
	}
	return &version{digest: m.Digest, Header: parsed.Header(), doc: doc}, nil
}

// ReadDocument reads the manifesto of a repository as it is now, past every cache. A repository
// without one is registry.ErrNotFound.
func ReadDocument(ctx context.Context, remote Repository) (*format.Document, error) {
	m, err := remote.GetManifest(ctx, format.Tag)
	if err != nil {
		return nil, err
	}
	v, err := readVersion(ctx, remote, m)
	if err != nil {
		return nil, err
	}
	return v.doc, nil
}

// proveAbsence decides whether a 404 on the tag means that there is no manifesto: the repository must
// be readable otherwise, and this run must not have seen a manifesto there. Registries answer 404 for
// what they hide, too, and a manifesto is never to be rebuilt from nothing because it could not be read.
func (r *repository) proveAbsence(ctx context.Context, image oci.Digest, unknownIsEmpty bool) error {
	if v := r.known(); v != nil && v.digest != "" {
		return fmt.Errorf("%w: the registry now answers 404 for %s, which this run has read as %s",
			ErrVanished, r.name.Tagged(format.Tag), v.digest)
	}
	if image != "" {
		if _, err := r.remote.HeadManifest(ctx, image.String()); err == nil {
			return nil
		} else if !errors.Is(err, oci.ErrNotFound) {
			return err
		}
	}
	exists, err := r.remote.RepositoryExists(ctx)
	if err != nil {
		return fmt.Errorf("%w: %s is 404, and so may be because the repository cannot be read: %w",
			ErrVanished, r.name.Tagged(format.Tag), err)
	}
	if !exists && !unknownIsEmpty {
		return fmt.Errorf("%w: the registry does not know the repository %s", ErrVanished, r.name)
	}
	return nil
}

// readPins makes sure that all pin manifests are known, reading them once a run.
func (r *repository) readPins(ctx context.Context, d *format.Document) error {
	if r.pins.knowsAll() {
		return nil
	}
	_, err := shared(ctx, &r.flight, "pins", func(ctx context.Context) (struct{}, error) {
		if r.pins.knowsAll() {
			return struct{}{}, nil
		}
		return struct{}{}, r.pins.readAll(ctx, r.remote, d)
	})
	return err
}

// readPin makes sure that one pin manifest is known: a manifesto may name hundreds, of which a run wants few.
func (r *repository) readPin(ctx context.Context, shard int) error {
	if r.pins.knows(shard) {
		return nil
	}
	_, err := shared(ctx, &r.flight, format.ShardTag(shard), func(ctx context.Context) (struct{}, error) {
		if r.pins.knows(shard) {
			return struct{}{}, nil
		}
		return struct{}{}, r.pins.readOne(ctx, r.remote, shard)
	})
	return err
}

// pinned says whether the content of an entry is pinned, and its size in bytes if so: in the pin manifest
// that the entry names or, where it names none, in any.
func (r *repository) pinned(ctx context.Context, d *format.Document, key Key, digest oci.Digest) (size int64, ok bool, err error) {
	entry, _ := d.Lookup(key.Image, key.Type)
	if shard, ok := entry.Pin.Shard(); ok {
		if err := r.readPin(ctx, shard); err != nil {
			return 0, false, err
		}
		size, ok = r.pins.size(shard, digest)
		return size, ok, nil
	}
	if err := r.readPins(ctx, d); err != nil {
		return 0, false, err
	}
	_, size, ok = r.pins.holds(digest)
	return size, ok, nil
}

// inspect says whether an entry's content is pinned and, where it is not, whether it is there at all.
func (r *repository) inspect(ctx context.Context, key Key, entry format.Entry) (Piece, error) {
	piece := Piece{Entry: entry}
	v, err := r.view(ctx, key.Image)
	if err != nil {
		return Piece{}, err
	}
	size, ok, err := r.pinned(ctx, v.doc, key, entry.Digest)
	if err != nil {
		return Piece{}, err
	}
	if ok {
		piece.Pinned = true
		if piece.Size < 0 {
			piece.Size = size
		}
		return piece, nil
	}
	size, err = r.remote.HeadBlob(ctx, entry.Digest)
	switch {
	case err == nil:
		if piece.Size < 0 {
			piece.Size = size
		}
	case errors.Is(err, oci.ErrNotFound):
		// The oldest form names an image instead of a blob: readable, not pinnable, not missing.
		_, err := r.remote.HeadManifest(ctx, entry.Digest.String())
		if err != nil && !errors.Is(err, oci.ErrNotFound) {
			return Piece{}, err
		}
		piece.Missing = err != nil
	default:
		return Piece{}, err
	}
	return piece, nil
}
