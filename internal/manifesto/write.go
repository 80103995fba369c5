package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Put describes a piece of metadata to create or to update.
type Put struct {
	Key
	// Content is what to store: 1 to format.MaxContent bytes. Nil in an update leaves the content unchanged.
	Content []byte
	// MediaType and Annotations are stored in the entry; both may be empty.
	MediaType   string
	Annotations map[string]string
	// Update asks for an update of the entry: its content must have the digest Expected, or already be Content.
	// Without it, the entry is created: there must be none, or one with the same content.
	Update   bool
	Expected oci.Digest
	// Overwrite lets a create replace an entry with other content.
	Overwrite bool
	// Repair uploads and pins the content of an update even if the entry's digest stays, because the content was found
	// missing or unpinned.
	Repair bool
}

// Result is the result of a Put.
type Result struct {
	Piece
	// Missing are blobs that other entries of the repository name and that the commit could not pin, because they are
	// not there. Each is reported once a run.
	Missing []oci.Digest
}

// Put creates or updates a piece of metadata. It returns once the registry has shown that it is stored. The error wraps
// format.ErrEmpty or format.ErrTooLarge if the content cannot be stored, and ErrDeclaredTwice if this run has already
// created the entry. It is a *ConflictError if the entry is not as expected, and wraps ErrInterrupted if ctx has ended
// and the outcome is unknown.
func (s *Store) Put(ctx context.Context, put Put) (Result, error) {
	if put.Content != nil || !put.Update {
		if err := format.CheckContent(put.Content); err != nil {
			return Result{}, err
		}
	}
	c := s.committer(put.Repository)
	if put.Update {
		return c.putEntry(ctx, put)
	}
	if !c.ledger.claim(put.Key) {
		return Result{}, ErrDeclaredTwice
	}
	result, err := c.putEntry(ctx, put)
	if err != nil {
		c.ledger.release(put.Key)
	}
	return result, err
}

func (c *committer) putEntry(ctx context.Context, put Put) (Result, error) {
	digest, size, err := c.supply(ctx, put)
	if err != nil {
		return Result{}, err
	}
	t := newTicket(ctx, change{c.putEdit(put, digest, size)})
	if err := c.submit(ctx, t); err != nil {
		return Result{}, err
	}
	return Result{Piece: t.stored[put.Key], Missing: t.missing}, nil
}

// putEdit returns the edit of a Put. A size of format.UnknownSize keeps the entry's size.
func (c *committer) putEdit(put Put, digest oci.Digest, size int64) edit {
	created := c.now() // Taken once, so that every attempt stores the same entry.
	return edit{
		key: put.Key, create: !put.Update, content: digest, repair: put.Repair,
		check: func(d *format.Document) error { return put.check(d, digest) },
		apply: func(d *format.Document) {
			entry := format.Entry{
				Type: put.Type, Digest: digest, Size: size,
				MediaType: put.MediaType, Annotations: put.Annotations, Created: created,
			}
			if current, ok := d.Lookup(put.Image, put.Type); ok && current.Digest == digest {
				entry.Created = current.Created // It changes only with the content.
				if put.Content == nil {
					entry.Size = current.Size
				}
			}
			d.Set(put.Image, entry)
		},
		holds: func(d *format.Document) bool {
			current, ok := d.Lookup(put.Image, put.Type)
			return ok && current.Digest == digest && current.MediaType == put.MediaType &&
				maps.Equal(current.Annotations, put.Annotations)
		},
	}
}

// check compares the entry with what the caller expects. digest is the digest of the content to store.
func (p Put) check(d *format.Document, digest oci.Digest) error {
	current, ok := d.Lookup(p.Image, p.Type)
	switch {
	case !p.Update && ok && current.Digest != digest && !p.Overwrite:
		return &ConflictError{Key: p.Key, Found: current.Digest, kind: ErrExists}
	case p.Update && (!ok || (current.Digest != p.Expected && current.Digest != digest)):
		return &ConflictError{Key: p.Key, Found: current.Digest, Expected: p.Expected, kind: ErrChanged}
	}
	return nil
}

// supply makes sure that the content is in the repository. It returns the content's digest and its size in bytes,
// format.UnknownSize if the entry's content stays.
func (c *committer) supply(ctx context.Context, put Put) (oci.Digest, int64, error) {
	if put.Content == nil {
		if !put.Repair {
			return put.Expected, format.UnknownSize, nil
		}
		_, err := c.repository.HeadBlob(ctx, put.Expected)
		if errors.Is(err, oci.ErrNotFound) {
			err = fmt.Errorf("%w: %w", ErrContentMissing, err)
		}
		return put.Expected, format.UnknownSize, err
	}
	digest := oci.DigestOf(put.Content)
	if !put.Update || put.Expected != digest || put.Repair {
		if _, err := c.repository.PutBlob(ctx, put.Content); err != nil {
			return "", format.UnknownSize, err
		}
		c.pins.unpinnable.remove(digest)
	}
	return digest, int64(len(put.Content)), nil
}

// Delete removes the entry of a key if its content has the digest expected. It succeeds if there is no such entry. The
// error is a *ConflictError if the entry has other content, and wraps ErrCreatedThisRun if another resource has created
// the entry in this run. It wraps ErrInterrupted if ctx has ended and the outcome is unknown.
func (s *Store) Delete(ctx context.Context, key Key, expected oci.Digest) error {
	c := s.committer(key.Repository)
	return c.submit(ctx, newTicket(ctx, change{c.deleteEdit(key, expected)}))
}

func (c *committer) deleteEdit(key Key, expected oci.Digest) edit {
	return edit{
		key: key, remove: true,
		check: func(d *format.Document) error {
			if c.ledger.wasCreated(key) {
				return ErrCreatedThisRun
			}
			if current, ok := d.Lookup(key.Image, key.Type); ok && current.Digest != expected {
				return &ConflictError{Key: key, Found: current.Digest, Expected: expected, kind: ErrChanged}
			}
			return nil
		},
		apply: func(d *format.Document) { d.Delete(key.Image, key.Type) },
		holds: func(d *format.Document) bool {
			_, ok := d.Lookup(key.Image, key.Type)
			return !ok
		},
	}
}
