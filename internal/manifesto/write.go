package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Put describes a piece of metadata to create or to update.
type Put struct {
	Key
	// Reference is how the caller names the image: a tag, or format.DeclaredByDigest. The entry remembers the references
	// through which it was declared, and goes with the last. Empty records nothing.
	Reference string
	// Previous is the reference that Reference replaces; empty if there is none.
	Previous string
	// Content is what to store: 1 to format.MaxContent bytes. Nil in an update leaves the content unchanged.
	Content []byte
	// MediaType and Annotations are stored in the entry; both may be empty.
	MediaType   string
	Annotations map[string]string
	// ArtifactType publishes the piece as an artifact of this type, which is attached to the image; empty does not. Sign
	// signs the artifact; it needs one. SignAgain signs once more even if nothing else changes, the manifesto too, and
	// ReplacedSignature is then the signature to remove; empty if there is none. SignAgain without Sign removes all
	// signatures of the artifact.
	ArtifactType      string
	Sign, SignAgain   bool
	ReplacedSignature oci.Digest
	// Floor is the number of the newest manifesto that the caller has verified: the change is not built upon an older one,
	// unless that is Options.Accepted. It is 0 if the caller knows none.
	Floor int64
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
	// Number is that of the manifesto that has the change.
	Number int64
	// Unverified is why the manifesto that the change was built upon is not to be trusted, although this run has now
	// signed what was in it; nil if it is, or if Options has no Signer or no Verifier.
	Unverified error
	// Missing are blobs that other entries of the repository name and that the commit could not pin, because they are
	// not there. Each is reported once a run.
	Missing []oci.Digest
	// Leftover are artifacts that this change and others with it have superseded, and that could not be removed.
	Leftover []Leftover
}

// Put creates or updates a piece of metadata. It returns once the registry has taken it, or, for the last of the
// changes that come together, once no other writer can overwrite them unseen. The error wraps format.ErrEmpty or
// format.ErrTooLarge if the content cannot be stored, and ErrDeclaredTwice if this run has already created the entry.
// It is a *ConflictError if the entry is not as expected, and wraps ErrInterrupted if ctx has ended and the outcome is
// unknown.
func (s *Store) Put(ctx context.Context, put Put) (Result, error) {
	if put.Content != nil || !put.Update {
		if err := format.CheckContent(put.Content); err != nil {
			return Result{}, err
		}
	}
	c := s.committer(put.Repository)
	defer c.queue.enter()()
	digest := put.digest()
	if put.Update {
		return c.putEntry(ctx, put, digest)
	}
	if !c.ledger.claim(put.Key, put.Reference, digest) {
		return Result{}, ErrDeclaredTwice
	}
	result, err := c.putEntry(ctx, put, digest)
	if err != nil {
		c.ledger.release(put.Key, put.Reference)
	}
	return result, err
}

func (c *committer) putEntry(ctx context.Context, put Put, digest oci.Digest) (Result, error) {
	if err := c.supply(ctx, put, digest); err != nil {
		return Result{}, err
	}
	e, err := c.putEdit(ctx, put, digest)
	if err != nil {
		return Result{}, err
	}
	t := newTicket(ctx, change{e})
	if err := c.submit(ctx, t); err != nil {
		return Result{}, err
	}
	return Result{
		Piece: t.stored[put.Key], Number: t.number, Unverified: t.unverified, Missing: t.missing, Leftover: t.leftover,
	}, nil
}

// putEdit returns the edit of a Put, whose content has the digest.
func (c *committer) putEdit(ctx context.Context, put Put, digest oci.Digest) (edit, error) {
	published, err := c.publicationOf(ctx, put)
	if err != nil {
		return edit{}, err
	}
	size := put.size()
	if published != nil && size < 0 {
		if size, err = c.measure(ctx, digest); err != nil {
			return edit{}, err
		}
	}
	entry := format.Entry{
		Type: put.Type, Digest: digest, Size: size, MediaType: put.MediaType, Annotations: put.Annotations,
		Created: c.now(), // Taken once, so that every attempt stores the same entry.
	}
	return edit{
		publication: published, floor: put.Floor,
		key: put.Key, reference: put.Reference, create: !put.Update, content: digest, repair: put.Repair,
		check: func(d *format.Document) error { return put.check(d, digest) },
		apply: func(d *format.Document) {
			current, _ := d.Lookup(put.Image, put.Type)
			d.Set(put.Image, put.after(current, entry, published))
		},
		holds: func(d *format.Document) bool {
			current, ok := d.Lookup(put.Image, put.Type)
			return ok && current.Digest == digest && current.MediaType == put.MediaType &&
				current.Artifact.Type == put.ArtifactType &&
				maps.Equal(current.Annotations, put.Annotations) &&
				(put.Reference == "" || slices.Contains(current.DeclaredBy, put.Reference))
		},
	}, nil
}

// after returns what a document has after the Put of an entry. current is what it has before; zero if there is none.
func (p Put) after(current, entry format.Entry, published *publication) format.Entry {
	entry.DeclaredBy = p.declaredBy(current)
	if current.Digest == entry.Digest {
		entry.Created = current.Created // It changes only with the content.
		if entry.Size < 0 {
			entry.Size = current.Size
		}
	}
	if published != nil {
		entry.Artifact = published.of(entry)
	}
	return entry
}

// measure returns the size of a blob in bytes. The error wraps ErrContentMissing if it is not there.
func (c *committer) measure(ctx context.Context, digest oci.Digest) (int64, error) {
	size, err := c.repository.HeadBlob(ctx, digest)
	if err == nil && size < 0 { // The registry does not say.
		var content []byte
		content, err = c.repository.GetBlob(ctx, digest, format.MaxContent)
		size = int64(len(content))
	}
	if errors.Is(err, oci.ErrNotFound) {
		err = fmt.Errorf("%w: %w", ErrContentMissing, err)
	}
	return size, err
}

// publicationOf returns how a Put publishes its piece; nil if it does not.
func (c *committer) publicationOf(ctx context.Context, put Put) (*publication, error) {
	if put.ArtifactType == "" {
		return nil, nil //nolint:nilnil // Most pieces are not published.
	}
	if put.Sign && c.publisher.signer == nil {
		return nil, ErrNoSigner
	}
	image, err := c.publisher.describe(ctx, put.Image)
	if err != nil {
		return nil, fmt.Errorf("looking for the image that the artifact is attached to: %w", err)
	}
	return &publication{
		image: image, artifactType: put.ArtifactType, sign: put.Sign, again: put.SignAgain, replaces: put.ReplacedSignature,
	}, nil
}

// of returns what an entry says of its artifact.
func (p *publication) of(entry format.Entry) format.Artifact {
	artifact, _, err := format.NewArtifact(p.image, p.artifactType, entry)
	if err != nil {
		return format.Artifact{} // JSON of texts and numbers cannot fail.
	}
	return artifact
}

// declaredBy returns the references of the entry after the Put.
func (p Put) declaredBy(current format.Entry) []string {
	references := without(current.DeclaredBy, p.Previous)
	if p.Reference == "" || slices.Contains(references, p.Reference) {
		return references
	}
	references = append(references, p.Reference)
	slices.Sort(references)
	return references
}

// without returns a copy of references that lacks one; nil if it is empty.
func without(references []string, reference string) []string {
	var rest []string
	for _, r := range references {
		if r != reference {
			rest = append(rest, r)
		}
	}
	return rest
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

// Ways to make sure that the content of a Put is in the repository, the later ones as good as the earlier.
const (
	supplyNothing = iota
	supplyLook
	supplyUpload
)

// supplies says how to make sure that the content of a Put, whose digest is given, is in the repository.
func (p Put) supplies(digest oci.Digest) int {
	switch {
	case p.Content != nil && (!p.Update || p.Expected != digest || p.Repair):
		return supplyUpload
	case p.Content == nil && p.Repair:
		return supplyLook
	}
	return supplyNothing
}

// supply makes sure that the content of a Put, whose digest is given, is in the repository.
func (c *committer) supply(ctx context.Context, put Put, digest oci.Digest) error {
	switch put.supplies(digest) {
	case supplyUpload:
		if _, err := c.repository.PutBlob(ctx, put.Content); err != nil {
			return err
		}
		c.pins.unpinnable.remove(digest)
	case supplyLook:
		_, err := c.repository.HeadBlob(ctx, digest)
		if errors.Is(err, oci.ErrNotFound) {
			err = fmt.Errorf("%w: %w", ErrContentMissing, err)
		}
		return err
	}
	return nil
}

// digest returns the digest of the content after the Put.
func (p Put) digest() oci.Digest {
	if p.Content == nil {
		return p.Expected
	}
	return oci.DigestOf(p.Content)
}

// size returns the size of the content in bytes, format.UnknownSize if the entry's content stays.
func (p Put) size() int64 {
	if p.Content == nil {
		return format.UnknownSize
	}
	return int64(len(p.Content))
}

// Removal describes a piece of metadata to delete.
type Removal struct {
	Key
	// Expected is the digest of the content that the caller last saw.
	Expected oci.Digest
	// Reference is how the caller names the image, as in Put; empty if it recorded none.
	Reference string
	// All removes the entry through whatever other references it is declared, too.
	All bool
	// Floor is as in Put.
	Floor int64
}

// Removed is the result of a Delete.
type Removed struct {
	// Remaining are the references through which the entry is still declared; nil if it is gone.
	Remaining []string
	// Unverified is as in Result.
	Unverified error
	// Leftover is as in Result.
	Leftover []Leftover
}

// Delete removes the caller's reference from an entry, and the entry with the last reference. If that goes, the entry's
// content must have the digest Expected. It succeeds if there is no such entry. The error is a *ConflictError if the
// entry has other content, and wraps ErrCreatedThisRun if another resource has created the entry in this run. It wraps
// ErrInterrupted if ctx has ended and the outcome is unknown.
func (s *Store) Delete(ctx context.Context, removal Removal) (Removed, error) {
	c := s.committer(removal.Repository)
	defer c.queue.enter()()
	t := newTicket(ctx, change{c.deleteEdit(removal)})
	if err := c.submit(ctx, t); err != nil {
		return Removed{}, err
	}
	return Removed{
		Remaining: t.stored[removal.Key].DeclaredBy, Unverified: t.unverified, Leftover: t.leftover,
	}, nil
}

func (c *committer) deleteEdit(removal Removal) edit {
	key := removal.Key
	return edit{
		key: key, reference: removal.Reference, remove: true, floor: removal.Floor,
		check: func(d *format.Document) error {
			current, ok := d.Lookup(key.Image, key.Type)
			switch {
			case c.ledger.wasCreated(key, removal.Reference):
				return ErrCreatedThisRun
			case ok && len(removal.remaining(current)) == 0 && current.Digest != removal.Expected:
				return &ConflictError{Key: key, Found: current.Digest, Expected: removal.Expected, kind: ErrChanged}
			}
			return nil
		},
		apply: func(d *format.Document) {
			current, _ := d.Lookup(key.Image, key.Type)
			if rest := removal.remaining(current); len(rest) > 0 {
				current.DeclaredBy = rest
				d.Set(key.Image, current)
				return
			}
			d.Delete(key.Image, key.Type)
		},
		holds: func(d *format.Document) bool {
			current, ok := d.Lookup(key.Image, key.Type)
			return !ok || !removal.All && len(current.DeclaredBy) > 0 &&
				!slices.Contains(current.DeclaredBy, removal.Reference)
		},
	}
}

// remaining returns the references through which an entry is declared after the removal; nil if it goes.
func (r Removal) remaining(current format.Entry) []string {
	if r.All {
		return nil
	}
	return without(current.DeclaredBy, r.Reference)
}
