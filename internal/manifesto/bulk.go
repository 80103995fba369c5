package manifesto

import (
	"context"
	"fmt"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// supplyParallel is how many contents of one call are uploaded at a time.
const supplyParallel = 16

// Stored is the result of a Commit.
type Stored struct {
	// Pieces are the pieces that the Puts have stored.
	Pieces map[Key]Piece
	// Number is that of the manifesto that has the changes.
	Number int64
	// Kept are entries of Removals that stay, and the references through which others declare them.
	Kept map[Key][]string
	// Unverified is as in Result.
	Unverified error
	// Missing is as in Result.
	Missing []oci.Digest
	// Leftover is as in Result.
	Leftover []Leftover
}

// Commit stores puts and removals of a repository's metadata in one commit, or none of them. All keys must be of the
// repository, and differ. Contents are uploaded before, equal ones once. Commit returns like Put once no other writer
// can overwrite the changes unseen, if they are the last that come together. The error is as those of Put and Delete;
// Conflicts returns all conflicts in it. Commit without puts and removals does nothing.
func (s *Store) Commit(ctx context.Context, name oci.Repository, puts []Put, removals []Removal) (Stored, error) {
	if len(puts)+len(removals) == 0 {
		return Stored{}, nil
	}
	for _, put := range puts {
		if put.Content == nil && put.Update {
			continue
		}
		if err := format.CheckContent(put.Content); err != nil {
			return Stored{}, fmt.Errorf("%s: %w", put.Key, err)
		}
	}
	c := s.committer(name)
	defer c.queue.enter()()
	digests := make([]oci.Digest, len(puts))
	for i, put := range puts {
		digests[i] = put.digest()
	}
	if err := c.claim(puts, digests); err != nil {
		return Stored{}, err
	}
	stored, err := c.commitAll(ctx, puts, digests, removals)
	if err != nil {
		c.release(puts)
	}
	return stored, err
}

// claim reserves the keys of all creates, or none.
func (c *committer) claim(puts []Put, digests []oci.Digest) error {
	for i, put := range puts {
		if !put.Update && !c.ledger.claim(put.Key, put.Reference, digests[i]) {
			c.release(puts[:i])
			return fmt.Errorf("%s: %w", put.Key, ErrDeclaredTwice)
		}
	}
	return nil
}

func (c *committer) release(puts []Put) {
	for _, put := range puts {
		if !put.Update {
			c.ledger.release(put.Key, put.Reference)
		}
	}
}

func (c *committer) commitAll(
	ctx context.Context, puts []Put, digests []oci.Digest, removals []Removal,
) (Stored, error) {
	if err := c.supplyAll(ctx, puts, digests); err != nil {
		return Stored{}, err
	}
	edits := make(change, len(removals)+len(puts))
	for i, removal := range removals {
		edits[i] = c.deleteUnlessCreated(removal)
	}
	stores := edits[len(removals):]
	err := eachAtOnce(ctx, puts, supplyParallel, func(ctx context.Context, i int, put Put) (err error) {
		stores[i], err = c.putEdit(ctx, put, digests[i])
		return err
	})
	if err != nil {
		return Stored{}, err
	}
	t := newTicket(ctx, edits)
	if err := c.submit(ctx, t); err != nil {
		return Stored{}, err
	}
	stored := Stored{
		Pieces: make(map[Key]Piece, len(puts)), Kept: map[Key][]string{}, Number: t.number, Missing: t.missing,
		Leftover: t.leftover, Unverified: t.unverified,
	}
	for _, put := range puts {
		stored.Pieces[put.Key] = t.stored[put.Key]
	}
	for _, removal := range removals {
		if references := t.stored[removal.Key].DeclaredBy; len(references) > 0 {
			stored.Kept[removal.Key] = references
		}
	}
	return stored, nil
}

// deleteUnlessCreated is deleteEdit, but leaves an entry that another resource has created in this run: the rest of the
// commit must not fail because of it.
func (c *committer) deleteUnlessCreated(removal Removal) edit {
	e := c.deleteEdit(removal)
	check, apply, holds := e.check, e.apply, e.holds
	created := func() bool { return c.ledger.wasCreated(removal.Key, removal.Reference) }
	e.check = func(d *format.Document) error {
		if created() {
			return nil
		}
		return check(d)
	}
	e.apply = func(d *format.Document) {
		if !created() {
			apply(d)
		}
	}
	e.holds = func(d *format.Document) bool { return created() || holds(d) }
	return e
}

// supplyAll makes sure that the contents of all puts are in the repository. It uploads equal contents once.
func (c *committer) supplyAll(ctx context.Context, puts []Put, digests []oci.Digest) error {
	chosen := map[oci.Digest]int{} // The put that supplies a content for all that name it.
	var order []oci.Digest
	for i, put := range puts {
		other, known := chosen[digests[i]]
		if !known {
			order = append(order, digests[i])
		}
		if !known || put.supplies(digests[i]) > puts[other].supplies(digests[i]) {
			chosen[digests[i]] = i
		}
	}
	return eachAtOnce(ctx, order, supplyParallel, func(ctx context.Context, _ int, digest oci.Digest) error {
		return c.supply(ctx, puts[chosen[digest]], digest)
	})
}

// Filter selects entries. Empty fields select all.
type Filter struct {
	Image oci.Digest
	Type  string
}

// Selects reports whether the filter selects the entry of a key.
func (f Filter) Selects(key Key) bool {
	return (f.Image == "" || f.Image == key.Image) && (f.Type == "" || f.Type == key.Type)
}

// Located is a piece and its key.
type Located struct {
	Key   Key
	Piece Piece
}

// Pieces returns the entries that a filter selects, in the manifesto's order, and whether their contents are pinned or
// missing. Once a run it reads each pin manifest that they name.
func (s *Store) Pieces(ctx context.Context, name oci.Repository, filter Filter) ([]Located, error) {
	c := s.committer(name)
	v, err := c.tag.load(ctx, filter.Image)
	if err != nil {
		return nil, err
	}
	pieces := v.selected(name, filter)
	err = eachAtOnce(ctx, pieces, lookParallel, func(ctx context.Context, i int, p Located) (err error) {
		pieces[i].Piece, err = c.inspectEntry(ctx, v, p.Piece.Entry)
		return err
	})
	return pieces, err
}

// selected returns the entries that a filter selects, in the manifesto's order, without a look at their contents.
func (v *version) selected(name oci.Repository, filter Filter) []Located {
	var pieces []Located
	add := func(image oci.Digest, entries []format.Entry) {
		for _, entry := range entries {
			if filter.Type == "" || entry.Type == filter.Type {
				// The entry's texts would keep the whole document in memory.
				key := Key{name, oci.Digest(strings.Clone(image.String())), strings.Clone(entry.Type)}
				pieces = append(pieces, Located{key, Piece{Entry: entry}})
			}
		}
	}
	if filter.Image != "" {
		add(filter.Image, v.doc.Entries(filter.Image))
	} else {
		for image, entries := range v.doc.Images() {
			add(image, entries)
		}
	}
	return pieces
}
