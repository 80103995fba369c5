package manifesto

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestPutGetListDelete(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		digest := checkPut(t, f)
		checkReads(t, f)
		checkDelete(t, f, digest)
	})
}

// checkPut puts the type contact.
func checkPut(t *testing.T, f *fixture) oci.Digest {
	t.Helper()
	result := f.mustPut(t, f.run(t), "contact", "team@example.com")
	if !result.Pinned || result.Digest != oci.DigestOf([]byte("team@example.com")) || result.Size != 16 ||
		result.Created.IsZero() {
		t.Errorf("Put returns %+v", result)
	}
	want := fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"contact","digest":"%s","size":16,`+
		`"media_type":"text/plain","created":"2026-01-02T03:04:05Z","pin":0}]}]}`, f.image, result.Digest)
	if got := f.document(t); got != want {
		t.Errorf("the document is\n%s\nwant\n%s", got, want)
	}
	if got := f.pinned(t, 0); !slices.Equal(got, []oci.Digest{result.Digest}) {
		t.Errorf("pinned: %v", got)
	}
	return result.Digest
}

func checkReads(t *testing.T, f *fixture) {
	t.Helper()
	s := f.run(t)
	piece, err := s.Get(t.Context(), f.key("contact"))
	if err != nil || !piece.Pinned || piece.Missing {
		t.Fatalf("Get: %+v, %v", piece, err)
	}
	content, _, err := s.Content(t.Context(), f.remote.Repository(), piece.Entry)
	if err != nil || string(content) != "team@example.com" {
		t.Errorf("Content: %q, %v", content, err)
	}
	entries, err := s.List(t.Context(), f.remote.Repository(), f.image)
	if err != nil || len(entries) != 1 || !entries[0].Equal(piece.Entry) {
		t.Errorf("List: %+v, %v", entries, err)
	}
	var missing *NoEntryError
	_, err = s.Get(t.Context(), f.key("other"))
	if !errors.As(err, &missing) || !slices.Equal(missing.Types, []string{"contact"}) {
		t.Errorf("Get of another type: %v", err)
	}
}

func checkDelete(t *testing.T, f *fixture, digest oci.Digest) {
	t.Helper()
	if err := f.run(t).remove(t.Context(), f.key("contact"), digest); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if got := f.document(t); got != `{"images":[]}` {
		t.Errorf("after the last delete the document is %s", got)
	}
	if err := f.run(t).remove(t.Context(), f.key("contact"), digest); err != nil {
		t.Errorf("a second Delete: %v", err)
	}
	if got := f.version(t).Number; got != 2 {
		t.Errorf("the version counter is %d after two commits", got)
	}
}

func TestPreconditions(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	digest := f.mustPut(t, s, "t", "mine").Digest
	before := f.document(t)
	put := func(s *Store, put Put) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := s.Put(ctx, put)
			return err
		}
	}
	remove := func(s *Store, expected oci.Digest) func(context.Context) error {
		return func(ctx context.Context) error { return s.remove(ctx, f.key("t"), expected) }
	}
	for name, test := range map[string]struct {
		do              func(context.Context) error
		want            error
		found, expected oci.Digest
	}{
		"create over other content": {
			put(f.run(t), Put{Key: f.key("t"), Content: []byte("theirs")}), ErrExists, digest, "",
		},
		"update of what changed": {
			put(f.run(t), Put{Key: f.key("t"), Content: []byte("new"), Update: true, Expected: dig("e")}),
			ErrChanged, digest, dig("e"),
		},
		"update of what was removed": {
			put(f.run(t), Put{Key: f.key("gone"), Content: []byte("new"), Update: true, Expected: dig("e")}),
			ErrChanged, "", dig("e"),
		},
		"delete of what changed": {remove(f.run(t), dig("e")), ErrChanged, digest, dig("e")},
		"a second create in one run": {
			put(s, Put{Key: f.key("t"), Content: []byte("mine")}), ErrDeclaredTwice, "", "",
		},
		"delete of what this run created": {remove(s, digest), ErrCreatedThisRun, "", ""},
	} {
		err := test.do(t.Context())
		var conflict *ConflictError
		if errors.As(err, &conflict); conflict == nil {
			conflict = &ConflictError{}
		}
		if !errors.Is(err, test.want) || conflict.Found != test.found || conflict.Expected != test.expected {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := f.document(t); got != before {
		t.Errorf("refused changes left the document %s", got)
	}
}

func TestCreateOfAnExistingEntry(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "t", "mine")
	f.server.Reset()
	f.mustPut(t, f.run(t), "t", "mine")
	if puts := f.server.Count(http.MethodPut, "/manifests/"); puts != 0 {
		t.Errorf("create of what is there already spends %d manifest puts", puts)
	}
	put := Put{Key: f.key("t"), Content: []byte("theirs"), Overwrite: true}
	if _, err := f.run(t).Put(t.Context(), put); err != nil {
		t.Errorf("create with overwrite: %v", err)
	}
	if entry, _ := f.version(t).doc.Lookup(f.image, "t"); entry.Digest != oci.DigestOf([]byte("theirs")) {
		t.Errorf("overwrite left %+v", entry)
	}
}

func TestContentThatCannotBeStoredIsNotSent(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	large := make([]byte, format.MaxContent+1)
	for name, test := range map[string]struct {
		put  Put
		want error
	}{
		"create without content":    {Put{}, format.ErrEmpty},
		"create of empty content":   {Put{Content: []byte{}}, format.ErrEmpty},
		"update to empty content":   {Put{Content: []byte{}, Update: true, Expected: dig("e")}, format.ErrEmpty},
		"create of too much":        {Put{Content: large}, format.ErrTooLarge},
		"update to too much":        {Put{Content: large, Update: true, Expected: dig("e")}, format.ErrTooLarge},
		"repair with too much":      {Put{Content: large, Update: true, Repair: true}, format.ErrTooLarge},
		"overwrite with too much":   {Put{Content: large, Overwrite: true}, format.ErrTooLarge},
		"overwrite with no content": {Put{Overwrite: true}, format.ErrEmpty},
	} {
		test.put.Key = f.key("t")
		if _, err := s.Put(t.Context(), test.put); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if got := f.server.Requests(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
	f.mustPut(t, s, "t", "x") // A refused create does not claim the key.
}
