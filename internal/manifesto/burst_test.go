package manifesto

import (
	"slices"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// commitEdits commits the creates of some types in a burst.
func (f *fixture) commitEdits(t *testing.T, c *committer, b *burst, types ...string) {
	t.Helper()
	created := newTicket(t.Context(), f.putEdits(t, c, types...))
	if c.commit(t.Context(), []*ticket{created}, b); created.err != nil {
		t.Fatalf("creating %v: %v", types, created.err)
	}
}

// A rival that looked before our PUT has overwritten it. The next commit of the burst stores what was lost together
// with its own changes, in one PUT.
func TestOverwrittenEditsAreInTheNextCommit(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "before", "1")
	rival := f.version(t).successor()
	rival.doc.Set(f.image, format.Entry{Type: "rival", Digest: f.blob(t, "rival"), Size: 5})
	c, b := f.run(t).committer(f.remote.Repository()), newBurst()
	f.commitEdits(t, c, b, "one", "two")
	if err := f.putVersion(t.Context(), rival); err != nil {
		t.Fatal(err)
	}
	f.server.Reset()
	f.commitEdits(t, c, b, "three")
	if got := f.tagPuts(); got != 1 {
		t.Errorf("the manifesto was put %d times", got)
	}
	want := []string{"before", "rival", "one", "two", "three"}
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, want) {
		t.Errorf("types: %v, want %v", got, want)
	}
}

// The rival's entry is in the way of an edit that it has overwritten. The edit is dropped, and the burst goes on.
func TestOverwrittenEditThatDoesNotFitIsDropped(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "before", "1")
	rival := f.version(t).successor()
	theirs := f.blob(t, "theirs")
	rival.doc.Set(f.image, format.Entry{Type: "one", Digest: theirs, Size: 6})
	c, b := f.run(t).committer(f.remote.Repository()), newBurst()
	f.commitEdits(t, c, b, "one", "two")
	if err := f.putVersion(t.Context(), rival); err != nil {
		t.Fatal(err)
	}
	f.commitEdits(t, c, b, "three")
	doc := f.version(t).doc
	if got := doc.Types(f.image); !slices.Equal(got, []string{"before", "one", "two", "three"}) {
		t.Errorf("types: %v", got)
	}
	if entry, _ := doc.Lookup(f.image, "one"); entry.Digest != theirs {
		t.Errorf("the rival's entry is replaced by %s", entry.Digest)
	}
	if len(b.edits[f.key("one")]) != 0 {
		t.Error("the burst goes on to store the edit that does not fit")
	}
}

// A burst forgets an edit once a look has shown it after the settle time, and not before.
func TestBurstForgetsWhatHasSettled(t *testing.T) {
	first := &version{digest: dig("1")}
	second := &version{digest: dig("2"), Header: format.Header{Ancestors: []oci.Digest{dig("1")}}}
	stranger := &version{digest: dig("3"), doc: &format.Document{}}
	absent := func(*format.Document) bool { return false }
	b := newBurst()
	b.add([]*ticket{newTicket(t.Context(), change{{key: Key{Type: "t"}, holds: absent}})}, first)
	b.last = first.digest
	stored := time.Now()
	b.forgetSettled(second, stored.Add(-time.Hour))
	b.forgetSettled(stranger, stored.Add(time.Hour))
	if got := len(b.missingFrom(stranger)); got != 1 {
		t.Errorf("%d edits are missing from a rival's version, want 1", got)
	}
	if got := len(b.missingFrom(second)); got != 0 {
		t.Errorf("%d edits are missing from a descendant", got)
	}
	b.forgetSettled(second, stored)
	if got := len(b.missingFrom(stranger)); got != 0 {
		t.Errorf("%d settled edits are missing from a rival's version", got)
	}
}

// A pin manifest that was put for one base is put again for another: a rival may have replaced it before it committed.
func TestPinsArePutAgainForAnotherBase(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	pinned := f.mustPut(t, f.run(t), "t", "x").Digest
	c := f.run(t).committer(f.remote.Repository())
	base, err := c.tag.load(t.Context(), f.image)
	if err != nil {
		t.Fatal(err)
	}
	_, layers, err := f.pinManifest(t.Context(), pinned)
	if err != nil {
		t.Fatal(err)
	}
	f.server.Reset()
	plan, put := pinPlan{touched: map[int][]oci.Descriptor{0: layers}}, map[int]pinPut{}
	for i, want := range []int{1, 1, 2} {
		if i == 2 {
			earlier := put[0]
			earlier.base = dig("another")
			put[0] = earlier
		}
		if _, stands, err := c.pins.putAll(t.Context(), plan, base, 7, put); err != nil || !stands {
			t.Fatalf("the base stands: %t, %v", stands, err)
		}
		if got := f.server.Count("PUT", format.ShardTag(0)); got != want {
			t.Errorf("after call %d the pin manifest was put %d times, want %d", i+1, got, want)
		}
	}
}
