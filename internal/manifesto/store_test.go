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
		ctx := context.Background()
		result := f.mustPut(t, f.run(t), "contact", "team@example.com")
		if !result.Pinned || result.Digest != oci.DigestOf([]byte("team@example.com")) || result.Size != 16 || result.Created.IsZero() {
			t.Errorf("Put returns %+v", result)
		}
		want := fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"contact","digest":"%s","size":16,"media_type":"text/plain","created":"2026-01-02T03:04:05Z","pin":0}]}]}`, f.image, result.Digest)
		if got := f.document(t); got != want {
			t.Errorf("the document is\n%s\nwant\n%s", got, want)
		}
		if got := f.pinned(t, 0); !slices.Equal(got, []oci.Digest{result.Digest}) {
			t.Errorf("pinned: %v", got)
		}

		s := f.run(t)
		piece, err := s.Get(ctx, f.key("contact"))
		if err != nil || !piece.Pinned || piece.Missing {
			t.Fatalf("Get: %+v, %v", piece, err)
		}
		content, _, err := s.Content(ctx, f.remote.Repository(), piece.Entry)
		if err != nil || string(content) != "team@example.com" {
			t.Errorf("Content: %q, %v", content, err)
		}
		entries, err := s.List(ctx, f.remote.Repository(), f.image)
		if err != nil || len(entries) != 1 || !entries[0].Equal(piece.Entry) {
			t.Errorf("List: %+v, %v", entries, err)
		}
		var missing *NoEntryError
		if _, err := s.Get(ctx, f.key("other")); !errors.As(err, &missing) || !slices.Equal(missing.Types, []string{"contact"}) {
			t.Errorf("Get of another type: %v", err)
		}

		s = f.run(t)
		if err := s.Delete(ctx, f.key("contact"), result.Digest); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		if got := f.document(t); got != `{"images":[]}` {
			t.Errorf("after the last delete the document is %s", got)
		}
		if err := f.run(t).Delete(ctx, f.key("contact"), result.Digest); err != nil {
			t.Errorf("a second Delete: %v", err)
		}
		if got := f.version(t).Number; got != 2 {
			t.Errorf("the version counter is %d after two commits", got)
		}
	})
}

func TestPreconditions(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	digest := f.mustPut(t, s, "t", "mine").Digest
	before := f.document(t)

	var conflict *ConflictError
	_, err := f.run(t).Put(ctx, Put{Key: f.key("t"), Content: []byte("theirs")})
	if !errors.Is(err, ErrExists) || !errors.As(err, &conflict) || conflict.Found != digest {
		t.Errorf("create over other content: %v", err)
	}
	_, err = f.run(t).Put(ctx, Put{Key: f.key("t"), Content: []byte("new"), Update: true, Expected: dig("e")})
	if !errors.Is(err, ErrChanged) || !errors.As(err, &conflict) || conflict.Expected != dig("e") || conflict.Found != digest {
		t.Errorf("update of what changed: %v", err)
	}
	_, err = f.run(t).Put(ctx, Put{Key: f.key("gone"), Content: []byte("new"), Update: true, Expected: dig("e")})
	if !errors.Is(err, ErrChanged) {
		t.Errorf("update of what was removed: %v", err)
	}
	if err = f.run(t).Delete(ctx, f.key("t"), dig("e")); !errors.Is(err, ErrChanged) {
		t.Errorf("delete of what changed: %v", err)
	}
	if _, err = s.Put(ctx, Put{Key: f.key("t"), Content: []byte("mine")}); !errors.Is(err, ErrDeclaredTwice) {
		t.Errorf("a second create in one run: %v", err)
	}
	if err = s.Delete(ctx, f.key("t"), digest); !errors.Is(err, ErrCreatedThisRun) {
		t.Errorf("delete of what this run created: %v", err)
	}
	if got := f.document(t); got != before {
		t.Errorf("refused edits changed the document to %s", got)
	}

	f.server.Reset()
	if _, err = f.run(t).Put(ctx, Put{Key: f.key("t"), Content: []byte("mine"), MediaType: "text/plain"}); err != nil {
		t.Errorf("create with the same content: %v", err)
	}
	if puts := f.server.Count(http.MethodPut, "/manifests/"); puts != 0 {
		t.Errorf("create of what is there already spends %d manifest puts", puts)
	}
	if _, err = f.run(t).Put(ctx, Put{Key: f.key("t"), Content: []byte("theirs"), Overwrite: true}); err != nil {
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
