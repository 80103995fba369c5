package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Put describes a piece of metadata to create or to update.
type Put struct {
	Key
	// Content is what to store; not empty. Nil in an update leaves the content as it is.
	Content []byte
	// MediaType and Annotations are stored beside it; both may be empty.
	MediaType   string
	Annotations map[string]string
	// Update says that there is an entry, whose content the caller last saw with the digest Expected.
	// Otherwise the entry is created: there must be none yet, or one with this very content.
	Update   bool
	Expected oci.Digest
	// Overwrite lets a create replace an entry with other content.
	Overwrite bool
	// Repair uploads and pins the content of an update even if the entry's digest stays: it was found
	// missing or unpinned.
	Repair bool
}

// Result is what a Put left behind.
type Result struct {
	Piece
	// Missing are blobs, named by other entries of the repository, that this commit could not pin
	// because they are not there. Each is reported once a run.
	Missing []oci.Digest
}

// edit is a change on its way into a commit.
type edit struct {
	key Key
	// check returns an error where the document is not as the caller expects. It fails this edit only.
	check func(*format.Document) error
	// apply changes the document, which passed check.
	apply func(*format.Document)
	// holds says whether a document has this edit in it.
	holds func(*format.Document) bool
	// remove says that the edit is a delete, create that it is a put which expects no entry.
	remove, create bool
	// content is what a put leaves in the entry.
	content oci.Digest
	// repair forces a pin for the entry's content.
	repair bool

	ctx  context.Context //nolint:containedctx // The queue carries it from its caller to the committer.
	done chan struct{}
	// confirmed is the manifest in which it was seen under the tag.
	confirmed oci.Digest
	// What became of it, before done is closed.
	err     error
	piece   Piece
	missing []oci.Digest
}

// Put creates or updates a piece of metadata. It returns once the manifesto is confirmed to have it.
// Errors: *ConflictError where the entry is not as expected, ErrDeclaredTwice for a second create of a
// key in this run, ErrInterrupted where ctx ended with the outcome unknown.
func (s *Store) Put(ctx context.Context, put Put) (Result, error) {
	if put.Content != nil || !put.Update {
		if err := format.CheckContent(put.Content); err != nil {
			return Result{}, err
		}
	}
	r := s.repository(put.Repository)
	if put.Update {
		return r.put(ctx, put)
	}
	if !r.claim(put.Key) {
		return Result{}, ErrDeclaredTwice
	}
	result, err := r.put(ctx, put)
	if err != nil {
		r.release(put.Key)
	}
	return result, err
}

func (r *repository) put(ctx context.Context, put Put) (Result, error) {
	digest, size, err := r.supply(ctx, put)
	if err != nil {
		return Result{}, err
	}
	e := &edit{key: put.Key, create: !put.Update, content: digest, repair: put.Repair, ctx: ctx, done: make(chan struct{})}
	e.check = func(d *format.Document) error {
		current, ok := d.Lookup(put.Image, put.Type)
		switch {
		case !put.Update && ok && current.Digest != digest && !put.Overwrite:
			return &ConflictError{Key: put.Key, Found: current.Digest, kind: ErrExists}
		case put.Update && (!ok || (current.Digest != put.Expected && current.Digest != digest)):
			return &ConflictError{Key: put.Key, Found: current.Digest, Expected: put.Expected, kind: ErrChanged}
		}
		return nil
	}
	created := r.now() // Once: the same entry again, where the commit starts over.
	e.apply = func(d *format.Document) {
		entry := format.Entry{
			Type: put.Type, Digest: digest, Size: size,
			MediaType: put.MediaType, Annotations: put.Annotations, Created: created,
		}
		if current, ok := d.Lookup(put.Image, put.Type); ok && current.Digest == digest {
			entry.Created = current.Created // It moves with the content only.
			if put.Content == nil {
				entry.Size = current.Size
			}
		}
		d.Set(put.Image, entry)
	}
	e.holds = func(d *format.Document) bool {
		current, ok := d.Lookup(put.Image, put.Type)
		return ok && current.Digest == digest && current.MediaType == put.MediaType &&
			maps.Equal(current.Annotations, put.Annotations)
	}
	if err := r.submit(ctx, e); err != nil {
		return Result{}, err
	}
	return Result{Piece: e.piece, Missing: e.missing}, nil
}

// supply makes sure that the content is in the repository, and returns its digest and its size,
// which is UnknownSize where the entry knows it.
func (r *repository) supply(ctx context.Context, put Put) (oci.Digest, int64, error) {
	if put.Content == nil {
		if !put.Repair {
			return put.Expected, format.UnknownSize, nil
		}
		_, err := r.remote.HeadBlob(ctx, put.Expected)
		if errors.Is(err, oci.ErrNotFound) {
			err = fmt.Errorf("%w: %w", ErrContentMissing, err)
		}
		return put.Expected, format.UnknownSize, err
	}
	digest := oci.DigestOf(put.Content)
	if !put.Update || put.Expected != digest || put.Repair {
		if _, err := r.remote.PutBlob(ctx, put.Content); err != nil {
			return "", 0, err
		}
		r.uploaded(digest)
	}
	return digest, int64(len(put.Content)), nil
}

// Delete removes the entry of a key, whose content the caller last saw with the digest expected. An
// entry that is gone already is success. Errors: *ConflictError where it is another one now, and
// ErrCreatedThisRun where another resource created it in this run and it therefore stays.
func (s *Store) Delete(ctx context.Context, key Key, expected oci.Digest) error {
	r := s.repository(key.Repository)
	e := &edit{key: key, remove: true, ctx: ctx, done: make(chan struct{})}
	e.check = func(d *format.Document) error {
		if r.wasCreated(key) {
			return ErrCreatedThisRun
		}
		if current, ok := d.Lookup(key.Image, key.Type); ok && current.Digest != expected {
			return &ConflictError{Key: key, Found: current.Digest, Expected: expected, kind: ErrChanged}
		}
		return nil
	}
	e.apply = func(d *format.Document) { d.Delete(key.Image, key.Type) }
	e.holds = func(d *format.Document) bool {
		_, ok := d.Lookup(key.Image, key.Type)
		return !ok
	}
	return r.submit(ctx, e)
}

// claim reserves a key for a create; false means that this run has created or is creating it.
func (r *repository) claim(key Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.claimed[key] {
		return false
	}
	r.claimed[key] = true
	return true
}

// release gives a key up after a create that failed.
func (r *repository) release(key Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.claimed, key)
}

// wasCreated reports whether a create of this run has been committed.
func (r *repository) wasCreated(key Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.created[key]
}

// submit queues an edit and waits until it is committed or refused.
func (r *repository) submit(ctx context.Context, e *edit) error {
	r.mu.Lock()
	r.queue = append(r.queue, e)
	r.pace.arrive(time.Now())
	select {
	case r.arrived <- struct{}{}:
	default: // It has been told.
	}
	if !r.committing {
		r.committing = true
		go r.commitQueue() //nolint:contextcheck // It serves many callers; each batch gets a context of its edits'.
	}
	r.mu.Unlock()
	select {
	case <-e.done:
		return e.err
	case <-ctx.Done():
	}
	if r.withdraw(e) {
		return context.Cause(ctx)
	}
	<-e.done // Its commit ends soon: it was cancelled too, or goes on for others' edits.
	if errors.Is(e.err, context.Canceled) || errors.Is(e.err, context.DeadlineExceeded) {
		return errors.Join(ErrInterrupted, e.err)
	}
	return e.err
}

// withdraw takes an edit out of the queue. False means that it is being committed.
func (r *repository) withdraw(e *edit) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, queued := range r.queue {
		if queued == e {
			r.queue = append(r.queue[:i:i], r.queue[i+1:]...)
			return true
		}
	}
	return false
}
