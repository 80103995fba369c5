package manifesto

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A resource renamed without saying so, with new content: one batch has the delete of the old one and
// the create of the new one, in whatever order they came.
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
			if !c.ledger.wasCreated(f.key("t")) {
				t.Error("the create is not in the ledger")
			}
		})
	}
}
