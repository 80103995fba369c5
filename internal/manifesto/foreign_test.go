package manifesto

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// legacy writes a document as the original does: with a bare digest, and an entry whose content is gone.
func (f *fixture) legacy(t *testing.T, content, gone oci.Digest, compression registrytest.Compression) {
	t.Helper()
	bare := strings.TrimPrefix(string(f.image), "sha256:")
	f.write(t, fmt.Sprintf(`{
	"images": [{
		"image_digest": "%s",
		"manifesto": [{"type": "contact", "digest": "%s"}, {"type": "lost", "digest": "%s"}]
	}]}`, bare, content, gone), compression)
}

func TestForeignEntriesAreKeptReadAndAdopted(t *testing.T) {
	for _, compression := range []registrytest.Compression{registrytest.Plain, registrytest.Gzip, registrytest.Zstd} {
		t.Run(string(compression), func(t *testing.T) {
			f := newFixture(t, registrytest.Olareg)
			content, gone := f.blob(t, "legacy content"), dig("9")
			f.legacy(t, content, gone, compression)
			s := f.run(t)
			checkForeignReads(t, f, s, gone)
			checkAdoption(t, f, s, content, gone)
		})
	}
}

func checkForeignReads(t *testing.T, f *fixture, s *Store, gone oci.Digest) {
	t.Helper()
	piece, err := s.Get(t.Context(), f.key("contact"))
	if err != nil || piece.Pinned || piece.Missing || piece.Size != 14 {
		t.Errorf("Get of a legacy entry: %+v, %v", piece, err)
	}
	lost, err := s.Get(t.Context(), f.key("lost"))
	if err != nil || !lost.Missing {
		t.Errorf("Get of a lost entry: %+v, %v", lost, err)
	}
	got, _, err := s.Content(t.Context(), f.remote.Repository(), piece.Entry)
	if err != nil || string(got) != "legacy content" {
		t.Errorf("Content: %q, %v", got, err)
	}
	_, _, err = s.Content(t.Context(), f.remote.Repository(), format.Entry{Digest: gone})
	if !errors.Is(err, ErrContentMissing) {
		t.Errorf("Content of a lost entry: %v", err)
	}
}

// checkAdoption commits, which pins the content of the foreign entries and reports what is missing.
func checkAdoption(t *testing.T, f *fixture, s *Store, content, gone oci.Digest) {
	t.Helper()
	result := f.mustPut(t, s, "new", "x")
	if !slices.Equal(result.Missing, []oci.Digest{gone}) {
		t.Errorf("the commit reports as missing: %v", result.Missing)
	}
	if again := f.mustPut(t, s, "new2", "y"); again.Missing != nil {
		t.Errorf("reported twice: %v", again.Missing)
	}
	want := fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"contact","digest":"%s","size":14,"pin":0},`+
		`{"type":"lost","digest":"%s"},{"type":"new"`, f.image, content, gone)
	if got := f.document(t); !strings.HasPrefix(got, want) {
		t.Errorf("the document is %s", got)
	}
	if got := f.pinned(t, 0); !slices.Contains(got, content) || slices.Contains(got, gone) {
		t.Errorf("pinned: %v", got)
	}
	if piece, err := f.run(t).Get(t.Context(), f.key("contact")); err != nil || !piece.Pinned {
		t.Errorf("the adopted entry: %+v, %v", piece, err)
	}
}

func TestReadmeDocumentIsKept(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	data, err := os.ReadFile("../format/testdata/original.json")
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, string(data), registrytest.Gzip)
	result := f.mustPut(t, f.run(t), "contact", "x")
	if len(result.Missing) != 5 {
		t.Errorf("missing: %v", result.Missing)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSuffix(compact.String(), "]}") + `,{"image_digest":"` + f.image.String()
	if got := f.document(t); !strings.HasPrefix(got, want) {
		t.Errorf("the document is\n%s\nwhich does not start with\n%s", got, want)
	}
}

// Current Docker wraps a single image and its attestation into an index.
func TestIndexInThePlaceOfTheImage(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	document := f.oneEntry("t", f.blob(t, "x"))
	child := f.write(t, document, registrytest.Gzip)
	attestation := f.server.Image(t, "app", "attestation", "a")
	describe := func(mediaType string, digest oci.Digest, platform oci.Platform) oci.Descriptor {
		m, err := f.remote.GetManifest(ctx, digest.String())
		if err != nil {
			t.Fatal(err)
		}
		return oci.Descriptor{
			MediaType: mediaType, Digest: digest, Size: int64(len(m.Content)), Platform: platform.Spec(),
		}
	}
	if _, err := registrytest.PutIndex(ctx, f.remote, format.Tag, []oci.Descriptor{
		describe(oci.MediaTypeOCIManifest, attestation, oci.Platform{OS: "unknown", Architecture: "unknown"}),
		describe(oci.MediaTypeDockerManifest, child, oci.Platform{OS: "linux", Architecture: "arm64"}),
	}); err != nil {
		t.Fatal(err)
	}
	if got := f.document(t); got != document {
		t.Errorf("read %s", got)
	}
	f.mustPut(t, f.run(t), "u", "y")
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t", "u"}) {
		t.Errorf("types after an edit: %v", got)
	}
}

// A foreign writer that changes the digest and keeps our fields leaves those of the content before. The wrong size
// shows that.
func TestStaleFieldsAreDropped(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	digest := f.blob(t, "changed by a foreign tool")
	entry := format.Entry{
		Type: "t", Digest: digest, Size: 3, MediaType: "application/json", Created: time.Now(),
		Annotations: map[string]string{"a": "b"},
	}
	content, got, err := f.run(t).Content(context.Background(), f.remote.Repository(), entry)
	if err != nil || string(content) != "changed by a foreign tool" {
		t.Fatalf("Content: %q, %v", content, err)
	}
	if want := (format.Entry{Type: "t", Digest: digest, Size: 25}); !got.Equal(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// The oldest form: the entry's digest is that of an image whose /data is the content.
func TestOldestForm(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	layer := layerOf(t, registrytest.Gzip, registrytest.File{Name: "data", Content: "oldest"})
	image, err := registrytest.PushDockerImage(ctx, f.remote, "_manifesto_contact", layer)
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, f.oneEntry("contact", image), registrytest.Gzip)
	s := f.run(t)
	piece, err := s.Get(ctx, f.key("contact"))
	if err != nil || piece.Missing || piece.Pinned {
		t.Fatalf("Get: %+v, %v", piece, err)
	}
	content, entry, err := s.Content(ctx, f.remote.Repository(), piece.Entry)
	if err != nil || string(content) != "oldest" || entry.Size != 6 {
		t.Errorf("Content: %q, %+v, %v", content, entry, err)
	}
	if result := f.mustPut(t, s, "new", "x"); result.Missing != nil {
		t.Errorf("an image in the place of a blob is reported as missing: %v", result.Missing)
	}
}

// A manifesto without our annotations, by the original or copied by a tool, is edited like any other, even if no pin
// changes.
func TestEditsOfAForeignManifesto(t *testing.T) {
	ctx := context.Background()
	t.Run("delete of the only entry", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		one := f.blob(t, "1")
		f.write(t, f.oneEntry("one", one), registrytest.Gzip)
		if err := f.run(t).remove(ctx, f.key("one"), one); err != nil {
			t.Fatal(err)
		}
		if got := f.document(t); got != `{"images":[]}` {
			t.Errorf("the document is %s", got)
		}
	})
	t.Run("delete from a copy", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		f.mustPut(t, f.run(t), "one", "1")
		two := f.mustPut(t, f.run(t), "two", "2").Digest
		f.write(t, f.document(t), registrytest.Gzip)
		if err := f.run(t).remove(ctx, f.key("two"), two); err != nil {
			t.Fatal(err)
		}
		if got := f.document(t); strings.Contains(got, "two") {
			t.Errorf("the document is %s", got)
		}
	})
	t.Run("annotations in a copy", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		one := f.mustPut(t, f.run(t), "one", "1").Digest
		f.write(t, f.document(t), registrytest.Gzip)
		put := Put{Key: f.key("one"), Annotations: map[string]string{"a": "b"}, Update: true, Expected: one}
		if _, err := f.run(t).Put(ctx, put); err != nil {
			t.Fatal(err)
		}
		if got := f.document(t); !strings.Contains(got, `"a":"b"`) {
			t.Errorf("the document is %s", got)
		}
	})
}

// A foreign tool that changes a digest and keeps our fields leaves a wrong size and a wrong pin.
func TestForeignDigestWithOurFields(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	old := f.mustPut(t, f.run(t), "t", "old").Digest
	changed := f.blob(t, "changed by hand")
	f.write(t, strings.Replace(f.document(t), old.String(), changed.String(), 1), registrytest.Gzip)
	f.mustPut(t, f.run(t), "u", "other")
	entry, _ := f.version(t).doc.Lookup(f.image, "t")
	if entry.Size != 15 {
		t.Errorf("the entry keeps the size of the content before: %+v", entry)
	}
	if got := f.pinned(t, 0); !slices.Contains(got, changed) {
		t.Errorf("pinned: %v", got)
	}
}
