package manifesto

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A resource was renamed without a moved block, with new content. One batch has the delete and the create of the same
// key, in either order.
func TestRenameInOneBatch(t *testing.T) {
	for _, createFirst := range []bool{true, false} {
		t.Run(fmt.Sprint("create first: ", createFirst), func(t *testing.T) {
			f := newFixture(t, registrytest.Olareg)
			ctx := context.Background()
			old := f.mustPut(t, f.run(t), "t", "old").Digest
			c := f.run(t).committer(f.remote.Repository())
			content := f.blob(t, "new")
			create := newTicket(ctx, change{{key: f.key("t"), create: true, content: content,
				check: func(d *format.Document) error {
					if current, ok := d.Lookup(f.image, "t"); ok {
						return &ConflictError{Key: f.key("t"), Found: current.Digest, kind: ErrExists}
					}
					return nil
				},
				apply: func(d *format.Document) { d.Set(f.image, format.Entry{Type: "t", Digest: content, Size: 3}) },
				holds: func(*format.Document) bool { return false },
			}})
			remove := newTicket(ctx, change{{key: f.key("t"), remove: true,
				check: func(d *format.Document) error {
					if current, ok := d.Lookup(f.image, "t"); ok && current.Digest != old {
						return &ConflictError{Key: f.key("t"), Found: current.Digest, Expected: old, kind: ErrChanged}
					}
					return nil
				},
				apply: func(d *format.Document) { d.Delete(f.image, "t") },
				holds: func(*format.Document) bool { return false },
			}})
			batch := []*ticket{remove, create}
			if createFirst {
				slices.Reverse(batch)
			}
			c.commit(ctx, batch, newBurst())
			if create.err != nil || remove.err != nil {
				t.Errorf("create: %v, delete: %v", create.err, remove.err)
			}
			if entry, ok := f.version(t).doc.Lookup(f.image, "t"); !ok || entry.Digest != content {
				t.Errorf("the entry is %+v, %t", entry, ok)
			}
			if !c.ledger.wasCreated(f.key("t"), "") {
				t.Error("the create is not in the ledger")
			}
		})
	}
}

// putEdits returns the change that creates several pieces of metadata together. Content of a type is its name.
func (f *fixture) putEdits(t *testing.T, c *committer, types ...string) change {
	t.Helper()
	var edits change
	for _, typ := range types {
		e, err := c.putEdit(t.Context(), Put{Key: f.key(typ), Content: []byte(typ)}, f.blob(t, typ))
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, e)
	}
	return edits
}

func TestChangeOfSeveralKeysIsOneCommit(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	c := f.run(t).committer(f.remote.Repository())
	ticket := newTicket(t.Context(), f.putEdits(t, c, "one", "two", "three"))
	f.server.Reset()
	if err := c.submit(t.Context(), ticket); err != nil {
		t.Fatal(err)
	}
	if got := f.tagPuts(); got != 1 {
		t.Errorf("the manifesto was put %d times", got)
	}
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("types: %v", got)
	}
	for _, typ := range []string{"one", "two", "three"} {
		if piece := ticket.stored[f.key(typ)]; !piece.Pinned || piece.Digest != oci.DigestOf([]byte(typ)) {
			t.Errorf("%s is stored as %+v", typ, piece)
		}
	}
}

func TestChangeOfSeveralKeysIsRefusedAsAWhole(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "there", "other content")
	c := f.run(t).committer(f.remote.Repository())
	refused := newTicket(t.Context(), f.putEdits(t, c, "before", "there", "after"))
	alone := f.document(t)
	if err := c.submit(t.Context(), refused); !errors.Is(err, ErrExists) {
		t.Errorf("a change with one failing precondition: %v", err)
	}
	if got := f.document(t); got != alone {
		t.Errorf("a refused change leaves the document %s", got)
	}
	// The other changes of its batch are stored.
	refused = newTicket(t.Context(), f.putEdits(t, c, "before", "there", "after"))
	stored := newTicket(t.Context(), f.putEdits(t, c, "another"))
	c.commit(t.Context(), []*ticket{refused, stored}, newBurst())
	if !errors.Is(refused.err, ErrExists) || refused.stored != nil || stored.err != nil {
		t.Errorf("refused: %v, %v; stored: %v", refused.err, refused.stored, stored.err)
	}
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"there", "another"}) {
		t.Errorf("types: %v", got)
	}
	if c.ledger.wasCreated(f.key("before"), "") || !c.ledger.wasCreated(f.key("another"), "") {
		t.Error("the ledger has a create of the refused change, or not that of the stored one")
	}
}

// A rival has looked before our PUT and overwrites it. Its version has one of the two edits of our change.
func TestOnlyTheOverwrittenKeyOfAChangeIsStoredAgain(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "zero", "0")
	rival := f.version(t).successor()
	c := f.runWith(t, Options{Settle: Adaptive}).committer(f.remote.Repository())
	edits := f.putEdits(t, c, "kept", "lost")
	edits[0].apply(rival.doc)
	f.overwriteAtSettle(t, rival)
	applied := map[string]int{}
	for i, e := range edits {
		edits[i].apply = func(d *format.Document) {
			applied[e.key.Type]++
			e.apply(d)
		}
	}
	if err := c.submit(t.Context(), newTicket(t.Context(), edits)); err != nil {
		t.Fatal(err)
	}
	f.server.Intercept(nil)
	if applied["kept"] != 1 || applied["lost"] != 2 {
		t.Errorf("the edits were applied so many times: %v", applied)
	}
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"zero", "kept", "lost"}) {
		t.Errorf("types: %v", got)
	}
}
