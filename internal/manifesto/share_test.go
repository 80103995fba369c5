package manifesto

import (
	"errors"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// declare creates the type contact through a reference in a run.
func (f *fixture) declare(t *testing.T, s *Store, reference string) oci.Digest {
	t.Helper()
	put := Put{Key: f.key("contact"), Reference: reference, Content: []byte("team")}
	result, err := s.Put(t.Context(), put)
	if err != nil {
		t.Fatalf("declaring through %q: %v", reference, err)
	}
	return result.Digest
}

// undeclare deletes the type contact through a reference in a run of its own.
func (f *fixture) undeclare(t *testing.T, reference string, expected oci.Digest) []string {
	t.Helper()
	removal := Removal{Key: f.key("contact"), Expected: expected, Reference: reference}
	removed, err := f.run(t).Delete(t.Context(), removal)
	if err != nil {
		t.Fatalf("deleting through %q: %v", reference, err)
	}
	return removed.Remaining
}

func (f *fixture) declaredBy(t *testing.T) []string {
	t.Helper()
	entry, _ := f.version(t).doc.Lookup(f.image, "contact")
	return entry.DeclaredBy
}

// An entry that two references declare goes with the last of them.
func TestEntryIsSharedByReferences(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	run := f.run(t)
	content := f.declare(t, run, "stage")
	f.declare(t, run, "prod")
	if got := f.declaredBy(t); !slices.Equal(got, []string{"prod", "stage"}) {
		t.Errorf("declared by %q", got)
	}
	if remaining := f.undeclare(t, "stage", content); !slices.Equal(remaining, []string{"prod"}) {
		t.Errorf("after the first delete it is declared by %q", remaining)
	}
	if got := f.declaredBy(t); !slices.Equal(got, []string{"prod"}) {
		t.Errorf("the manifesto says that it is declared by %q", got)
	}
	if remaining := f.undeclare(t, "prod", content); remaining != nil {
		t.Errorf("after the last delete it is declared by %q", remaining)
	}
	if got := f.version(t).doc.Types(f.image); len(got) != 0 {
		t.Errorf("types: %q", got)
	}
}

// A change of the reference of an entry that stays is stored.
func TestReferenceOfAnEntryChanges(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	content := f.declare(t, f.run(t), "stage")
	update := Put{
		Key: f.key("contact"), Update: true, Expected: content, Reference: format.DeclaredByDigest, Previous: "stage",
	}
	if _, err := f.run(t).Put(t.Context(), update); err != nil {
		t.Fatal(err)
	}
	if got := f.declaredBy(t); !slices.Equal(got, []string{format.DeclaredByDigest}) {
		t.Errorf("declared by %q", got)
	}
}

// Version 0 and other tools record no references: such an entry is taken over, and goes with its new owner.
func TestEntryWithoutReferencesIsTakenOver(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	content := f.mustPut(t, f.run(t), "contact", "team").Digest
	if got := f.declaredBy(t); got != nil {
		t.Fatalf("declared by %q", got)
	}
	f.declare(t, f.run(t), "stage")
	if remaining := f.undeclare(t, "stage", content); remaining != nil {
		t.Errorf("it is still declared by %q", remaining)
	}
}

// A delete through a reference that the entry does not have leaves the entry to those that it has.
func TestDeleteThroughAnUnrecordedReference(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	content := f.declare(t, f.run(t), "prod")
	if remaining := f.undeclare(t, "stage", content); !slices.Equal(remaining, []string{"prod"}) {
		t.Errorf("declared by %q", remaining)
	}
	// Other content is no conflict for a caller that only takes its reference away.
	if remaining := f.undeclare(t, "stage", dig("1")); !slices.Equal(remaining, []string{"prod"}) {
		t.Errorf("declared by %q", remaining)
	}
}

// One run cannot declare one entry twice: through one reference, or with different contents.
func TestDeclaredTwiceInOneRun(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	run := f.run(t)
	f.declare(t, run, "stage")
	for name, put := range map[string]Put{
		"the same reference": {Reference: "stage", Content: []byte("team")},
		"other content":      {Reference: "prod", Content: []byte("other"), Overwrite: true},
	} {
		put.Key = f.key("contact")
		if _, err := run.Put(t.Context(), put); !errors.Is(err, ErrDeclaredTwice) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
