package manifesto

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// fixture is a registry with one image and a way to open stores on it: one for each run of Terraform.
type fixture struct {
	server *registrytest.Server
	remote *registry.Repository
	image  oci.Digest
}

func newFixture(t *testing.T, kind registrytest.Kind) *fixture {
	t.Helper()
	server := registrytest.New(t, registrytest.Options{Kind: kind})
	image := server.Image(t, "app", "1", "one")
	server.Reset()
	return &fixture{server: server, remote: server.Open(t, "app", registry.Options{}), image: image}
}

// run opens a store with a client of its own, as a new process would.
func (f *fixture) run(t *testing.T) *Store {
	t.Helper()
	client := registry.NewClient(registry.Options{Backoff: time.Millisecond})
	t.Cleanup(client.Close)
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return NewStore(func(r oci.Repository) Repository { return client.Open(r) }, func() time.Time { return clock }, 0)
}

func (f *fixture) key(typ string) Key {
	return Key{Repository: f.remote.Repository(), Image: f.image, Type: typ}
}

// document reads what a foreign tool would.
func (f *fixture) document(t *testing.T) string {
	t.Helper()
	return string(f.version(t).doc.Render())
}

func (f *fixture) version(t *testing.T) *version {
	t.Helper()
	v, err := f.run(t).repository(f.remote.Repository()).read(context.Background(), "", false)
	if err != nil {
		t.Fatalf("reading the manifesto: %v", err)
	}
	return v
}

// write stores a document as a foreign tool does: a Docker image with one layer.
func (f *fixture) write(t *testing.T, document string, compression registrytest.Compression) oci.Digest {
	t.Helper()
	layer := layerOf(t, compression, registrytest.File{Name: "data", Content: document})
	digest, err := registrytest.PushDockerImage(context.Background(), f.remote, Tag, layer)
	if err != nil {
		t.Fatalf("writing the manifesto: %v", err)
	}
	return digest
}

func (f *fixture) blob(t *testing.T, content string) oci.Digest {
	t.Helper()
	digest, err := f.remote.PutBlob(context.Background(), []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// pinned lists the blobs that a pin manifest names.
func (f *fixture) pinned(t *testing.T, shard int) []oci.Digest {
	t.Helper()
	m, err := f.remote.GetManifest(context.Background(), shardTag(shard))
	if errors.Is(err, oci.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parseManifest(m)
	if err != nil {
		t.Fatal(err)
	}
	var digests []oci.Digest
	for _, layer := range parsed.Layers {
		digests = append(digests, layer.Digest)
	}
	if !slices.IsSorted(digests) {
		t.Errorf("the layers of %s are not sorted", shardTag(shard))
	}
	return digests
}

func (f *fixture) mustPut(t *testing.T, s *Store, typ, content string) Result {
	t.Helper()
	result, err := s.Put(context.Background(), Put{Key: f.key(typ), Content: []byte(content), MediaType: "text/plain"})
	if err != nil {
		t.Fatalf("Put(%s): %v", typ, err)
	}
	return result
}

func everyKind(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t, kind))
		})
	}
}

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
		if err != nil || len(entries) != 1 || !entries[0].sameAs(piece.Entry) {
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
		if got := f.version(t).number; got != 2 {
			t.Errorf("the version counter is %d after two commits", got)
		}
	})
}

func TestUpdateMovesThePin(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		s := f.run(t)
		old := f.mustPut(t, s, "t", "old").Digest
		result, err := s.Put(ctx, Put{Key: f.key("t"), Content: []byte("new"), Update: true, Expected: old})
		if err != nil || !result.Pinned {
			t.Fatalf("update: %+v, %v", result, err)
		}
		// The old content stays pinned until the commit after: a rival may still name it.
		if got := f.pinned(t, 0); !slices.Contains(got, old) || !slices.Contains(got, result.Digest) {
			t.Errorf("after the update %v is pinned", got)
		}
		f.mustPut(t, s, "u", "another")
		if got := f.pinned(t, 0); slices.Contains(got, old) || !slices.Contains(got, result.Digest) || len(got) != 2 {
			t.Errorf("after the next commit %v is pinned", got)
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

// A failed create may be tried again in the same run.
func TestLedgerForgetsFailedCreates(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "t", "other")
	s := f.run(t)
	put := Put{Key: f.key("t"), Content: []byte("mine")}
	if _, err := s.Put(context.Background(), put); !errors.Is(err, ErrExists) {
		t.Fatalf("create over other content: %v", err)
	}
	put.Overwrite = true
	if _, err := s.Put(context.Background(), put); err != nil {
		t.Errorf("the second try: %v", err)
	}
}

func TestParallelWritersOfOneProcessLoseNothing(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		foreign := f.blob(t, "foreign")
		f.write(t, fmt.Sprintf(`{"owner":"x","images":[{"image_digest":"%s","manifesto":[{"type":"foreign","digest":"%s"}]}]}`, hexOf("c"), foreign), registrytest.Gzip)
		f.server.Reset()
		const writers = 300
		s := f.run(t)
		digests := make([]oci.Digest, writers)
		inParallel(writers, func(i int) {
			result, err := s.Put(ctx, Put{Key: f.key(fmt.Sprint("t", i)), Content: fmt.Appendf(nil, "content %d", i)})
			if err != nil || !result.Pinned {
				t.Errorf("Put %d: %+v, %v", i, result, err)
			}
			digests[i] = result.Digest
		})
		d := f.version(t).doc
		for i := range writers {
			if entry, ok := d.Lookup(f.image, fmt.Sprint("t", i)); !ok || entry.Digest != digests[i] {
				t.Errorf("entry %d is lost", i)
			}
		}
		all := append(slices.Clone(digests), foreign)
		pinned := append(f.pinned(t, 0), f.pinned(t, 1)...)
		for _, digest := range all {
			if !slices.Contains(pinned, digest) {
				t.Errorf("%s is not pinned", digest)
			}
		}
		if n := len(f.pinned(t, 0)); n > maxUnion || n < maxNext {
			t.Errorf("the first pin manifest has %d layers", n)
		}
		s = f.run(t)
		inParallel(writers, func(i int) {
			if err := s.Delete(ctx, f.key(fmt.Sprint("t", i)), digests[i]); err != nil {
				t.Errorf("Delete %d: %v", i, err)
			}
		})
		if got := f.document(t); !strings.HasPrefix(got, `{"owner":"x","images":[{"image_digest":"`+hexOf("c")+`","manifesto":[{"type":"foreign","digest":"`) ||
			f.version(t).doc.Types(f.image) != nil {
			t.Errorf("after deleting ours the document is %s", got)
		}
	})
}

func inParallel(n int, work func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { work(i) })
	}
	group.Wait()
}

// Two processes that write at the same moment start over on each other's manifesto.
func TestRivalProcessesMerge(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		inParallel(2, func(i int) {
			s := f.run(t)
			for j := range 5 {
				typ := fmt.Sprintf("t%d-%d", i, j)
				if _, err := s.Put(context.Background(), Put{Key: f.key(typ), Content: []byte(typ)}); err != nil {
					t.Errorf("Put %s: %v", typ, err)
				}
			}
		})
		// Without windows (a later protocol step) a rival's PUT may fall between our look and our PUT;
		// what a caller was told to be stored before its rival's last commit must be there, and the
		// document must be readable.
		if types := f.version(t).doc.Types(f.image); len(types) == 0 {
			t.Error("nothing is left")
		}
	})
}

func TestForeignEntriesAreKeptReadAndAdopted(t *testing.T) {
	for _, compression := range []registrytest.Compression{registrytest.Plain, registrytest.Gzip, registrytest.Zstd} {
		t.Run(string(compression), func(t *testing.T) {
			f := newFixture(t, registrytest.Olareg)
			ctx := context.Background()
			content := f.blob(t, "legacy content")
			bare := strings.TrimPrefix(string(f.image), "sha256:")
			gone := dig("9")
			f.write(t, fmt.Sprintf(`{
	"images": [{
		"image_digest": "%s",
		"manifesto": [{"type": "contact", "digest": "%s"}, {"type": "lost", "digest": "%s"}]
	}]}`, bare, content, gone), compression)
			s := f.run(t)
			piece, err := s.Get(ctx, f.key("contact"))
			if err != nil || piece.Pinned || piece.Missing || piece.Size != 14 {
				t.Errorf("Get of a legacy entry: %+v, %v", piece, err)
			}
			if piece, err := s.Get(ctx, f.key("lost")); err != nil || !piece.Missing {
				t.Errorf("Get of a lost entry: %+v, %v", piece, err)
			}
			if got, _, err := s.Content(ctx, f.remote.Repository(), piece.Entry); err != nil || string(got) != "legacy content" {
				t.Errorf("Content: %q, %v", got, err)
			}
			if _, _, err := s.Content(ctx, f.remote.Repository(), Entry{Digest: gone}); !errors.Is(err, ErrContentMissing) {
				t.Errorf("Content of a lost entry: %v", err)
			}
			result := f.mustPut(t, s, "new", "x")
			if !slices.Equal(result.Missing, []oci.Digest{gone}) {
				t.Errorf("the commit reports as missing: %v", result.Missing)
			}
			if again := f.mustPut(t, s, "new2", "y"); again.Missing != nil {
				t.Errorf("reported twice: %v", again.Missing)
			}
			if got := f.document(t); !strings.HasPrefix(got, fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"contact","digest":"%s","size":14,"pin":0},{"type":"lost","digest":"%s"},{"type":"new"`, f.image, content, gone)) {
				t.Errorf("the document is %s", got)
			}
			if got := f.pinned(t, 0); !slices.Contains(got, content) || slices.Contains(got, gone) {
				t.Errorf("pinned: %v", got)
			}
			if piece, err := f.run(t).Get(ctx, f.key("contact")); err != nil || !piece.Pinned {
				t.Errorf("the adopted entry: %+v, %v", piece, err)
			}
		})
	}
}

func TestReadmeDocumentIsKept(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	data, err := os.ReadFile("testdata/original.json")
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, string(data), registrytest.Gzip)
	result := f.mustPut(t, f.run(t), "contact", "x")
	if len(result.Missing) != 5 {
		t.Errorf("missing: %v", result.Missing)
	}
	compact, err := rawjson.Compact(data)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.document(t), strings.TrimSuffix(compact, "]}"); !strings.HasPrefix(got, want+`,{"image_digest":"`+string(f.image)) {
		t.Errorf("the document is\n%s\nwhich does not start with\n%s", got, want)
	}
}

// Another tool rewrites the manifesto without our fields: the pins keep their assignment, and the
// version goes on counting from theirs.
func TestStrippedPinsAreFoundAgain(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	one := f.mustPut(t, s, "one", "1").Digest
	f.mustPut(t, s, "two", "2")
	f.write(t, fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"one","digest":"%s"}]}]}`, f.image, one), registrytest.Gzip)
	f.server.Reset()
	f.mustPut(t, f.run(t), "three", "3")
	if heads := f.server.Count(http.MethodHead, "/blobs/"); heads != 0 {
		t.Errorf("%d HEADs of blobs whose pins are known", heads)
	}
	if v := f.version(t); v.number != 3 {
		t.Errorf("the version is %d, want 3", v.number)
	}
	if entry, _ := f.version(t).doc.Lookup(f.image, "one"); entry.Size != 1 {
		t.Errorf("the size was not found again: %+v", entry)
	}
}

// A pin that a rival's lost commit replaced shows as unpinned, and a repair pins it again.
func TestRepairPinsAgain(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		digest := f.mustPut(t, f.run(t), "t", "x").Digest
		rival := f.blob(t, "rival")
		m, err := pinManifest(f.remote.Repository(), []descriptor{{oci.MediaTypeOctetStream, rival, 5}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		config, err := newConfig()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.remote.PutBlob(ctx, config); err != nil {
			t.Fatal(err)
		}
		if err := f.remote.PutManifest(ctx, pinTag, m, time.Time{}); err != nil {
			t.Fatal(err)
		}
		piece, err := f.run(t).Get(ctx, f.key("t"))
		if err != nil || piece.Pinned || piece.Missing {
			t.Fatalf("after the loss: %+v, %v", piece, err)
		}
		result, err := f.run(t).Put(ctx, Put{Key: f.key("t"), Content: []byte("x"), Update: true, Expected: digest, Repair: true, MediaType: "text/plain"})
		if err != nil || !result.Pinned {
			t.Fatalf("repair: %+v, %v", result, err)
		}
		if got := f.pinned(t, 0); !slices.Contains(got, digest) {
			t.Errorf("pinned after the repair: %v", got)
		}
		if piece, err := f.run(t).Get(ctx, f.key("t")); err != nil || !piece.Pinned {
			t.Errorf("after the repair: %+v, %v", piece, err)
		}
	})
}

// At the end of a burst the pins must hold what the manifesto names, whoever put them last, and what
// they hold of a rival's stays.
func TestPinsAreConfirmed(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t, registrytest.Olareg)
	ours := f.mustPut(t, f.run(t), "ours", "ours")
	r := f.run(t).repository(f.remote.Repository())
	confirm := func(layers ...oci.Digest) {
		t.Helper()
		put := putPins{}
		for _, digest := range layers {
			put.layers = append(put.layers, descriptor{oci.MediaTypeOctetStream, digest, 4})
		}
		m, err := pinManifest(f.remote.Repository(), put.layers, 1)
		if err != nil {
			t.Fatal(err)
		}
		put.digest = m.Digest
		r.remember(f.version(t), time.Now())
		if err := r.confirmPins(ctx, map[int]putPins{0: put}); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want ...oci.Digest) {
		t.Helper()
		got := f.pinned(t, 0)
		for _, digest := range want {
			if !slices.Contains(got, digest) {
				t.Errorf("%s is not pinned", digest)
			}
		}
	}
	// A rival has committed on top of ours, with pins of its own: they are kept.
	rival := f.mustPut(t, f.run(t), "rival", "theirs")
	before := f.server.Count(http.MethodPut, pinTag)
	confirm(ours.Digest)
	holds(ours.Digest, rival.Digest)
	if puts := f.server.Count(http.MethodPut, pinTag) - before; puts != 0 {
		t.Errorf("pins that hold everything were put %d times", puts)
	}
	// A rival's lost commit has replaced the pins: ours come back, and its own stay.
	lost := f.blob(t, "lost")
	m, err := pinManifest(f.remote.Repository(), []descriptor{{oci.MediaTypeOctetStream, lost, 4}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.remote.PutManifest(ctx, pinTag, m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	confirm(ours.Digest, rival.Digest)
	holds(ours.Digest, rival.Digest, lost)
	// Our own pins stand, but the manifesto names more by now.
	m, err = pinManifest(f.remote.Repository(), []descriptor{{oci.MediaTypeOctetStream, ours.Digest, 4}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.remote.PutManifest(ctx, pinTag, m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	confirm(ours.Digest)
	holds(ours.Digest, rival.Digest)
}

// The registry refuses a pin manifest that names a blob which is gone: the entry of it is reported and
// left out, and the commit goes on.
func TestPinOfALostBlobIsLeftOut(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	kept := f.mustPut(t, f.run(t), "kept", "kept").Digest
	lost := f.mustPut(t, f.run(t), "lost", "lost").Digest
	if _, err := f.server.Do(context.Background(), http.MethodDelete, "/v2/app/blobs/"+string(lost), nil, ""); err != nil {
		t.Fatal(err)
	}
	result := f.mustPut(t, f.run(t), "new", "new")
	if !slices.Equal(result.Missing, []oci.Digest{lost}) {
		t.Errorf("missing: %v", result.Missing)
	}
	if got := f.pinned(t, 0); !slices.Contains(got, kept) || !slices.Contains(got, result.Digest) || slices.Contains(got, lost) {
		t.Errorf("pinned: %v", got)
	}
	if _, ok := f.version(t).doc.Lookup(f.image, "lost"); !ok {
		t.Error("the entry of the lost content was removed")
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
	f.write(t, fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"contact","digest":"%s"}]}]}`, f.image, image), registrytest.Gzip)
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

// Current Docker wraps a single image and its attestation into an index.
func TestIndexInThePlaceOfTheImage(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	document := fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"t","digest":"%s"}]}]}`, f.image, f.blob(t, "x"))
	child := f.write(t, document, registrytest.Gzip)
	attestation := f.server.Image(t, "app", "attestation", "a")
	size := func(digest oci.Digest) int64 {
		m, err := f.remote.GetManifest(ctx, digest.String())
		if err != nil {
			t.Fatal(err)
		}
		return int64(len(m.Content))
	}
	if _, err := registrytest.PutIndex(ctx, f.remote, Tag, []oci.Descriptor{
		{MediaType: oci.MediaTypeOCIManifest, Digest: attestation, Size: size(attestation), Platform: oci.Platform{OS: "unknown", Architecture: "unknown"}.Spec()},
		{MediaType: oci.MediaTypeDockerManifest, Digest: child, Size: size(child), Platform: oci.Platform{OS: "linux", Architecture: "arm64"}.Spec()},
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

// A foreign writer that keeps our fields but changes the digest leaves fields behind that describe the
// content before: they show in a size that does not fit.
func TestStaleFieldsAreDropped(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	digest := f.blob(t, "changed by a foreign tool")
	entry := Entry{Type: "t", Digest: digest, Size: 3, MediaType: "application/json", Created: time.Now(), Annotations: map[string]string{"a": "b"}}
	content, got, err := f.run(t).Content(context.Background(), f.remote.Repository(), entry)
	if err != nil || string(content) != "changed by a foreign tool" {
		t.Fatalf("Content: %q, %v", content, err)
	}
	if want := (Entry{Type: "t", Digest: digest, Size: 25}); !got.sameAs(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestUnreadableManifestoIsNeverOverwritten(t *testing.T) {
	ctx := context.Background()
	image := func(files ...registrytest.File) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) {
			t.Helper()
			if _, err := registrytest.PushDockerImage(ctx, f.remote, Tag, layerOf(t, registrytest.Gzip, files...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fail := func(status int) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) {
			t.Helper()
			image(registrytest.File{Name: "data", Content: `{"images":[]}`})(t, f)
			f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.Method != http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+Tag) {
					registrytest.Refuse(w, status, "OTHER", "no")
					return true
				}
				return false
			})
		}
	}
	tests := map[string]struct {
		prepare func(*testing.T, *fixture)
		want    error
	}{
		"not JSON":       {image(registrytest.File{Name: "data", Content: "hello"}), ErrMalformed},
		"not a document": {image(registrytest.File{Name: "data", Content: `{"images":"x"}`}), ErrMalformed},
		"without /data":  {image(registrytest.File{Name: "other", Content: "x"}), ErrNotManifesto},
		"no layers":      {func(t *testing.T, f *fixture) { t.Helper(); pushNoLayers(t, f) }, ErrNotManifesto},
		"a broken layer": {func(t *testing.T, f *fixture) {
			t.Helper()
			pushLayer(t, f, []byte("no tar at all, and no gzip either"))
		}, ErrNotManifesto},
		"401 on reads":    {fail(http.StatusUnauthorized), registry.ErrUnauthorized},
		"403 on reads":    {fail(http.StatusForbidden), registry.ErrForbidden},
		"500 on reads":    {fail(http.StatusInternalServerError), nil},
		"405 on reads":    {fail(http.StatusMethodNotAllowed), nil},
		"429 on reads":    {fail(http.StatusTooManyRequests), oci.ErrRateLimited},
		"too deep a JSON": {image(registrytest.File{Name: "data", Content: strings.Repeat("[", 20000)}), ErrMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, registrytest.Olareg)
			test.prepare(t, f)
			before, _ := f.remote.HeadManifest(ctx, Tag) // Fails where the reads do; compared only where not.
			f.server.Reset()
			s := f.run(t)
			if _, err := s.Get(ctx, f.key("t")); err == nil || errors.Is(err, ErrNoEntry) || (test.want != nil && !errors.Is(err, test.want)) {
				t.Errorf("Get: %v, want %v", err, test.want)
			}
			if _, err := s.Put(ctx, Put{Key: f.key("t"), Content: []byte("x")}); err == nil || (test.want != nil && !errors.Is(err, test.want)) {
				t.Errorf("Put: %v, want %v", err, test.want)
			}
			if err := f.run(t).Delete(ctx, f.key("t"), dig("1")); err == nil {
				t.Error("Delete succeeds")
			}
			if puts := f.server.Count(http.MethodPut, "/manifests/"); puts != 0 {
				t.Errorf("%d manifests were put", puts)
			}
			if after, _ := f.remote.HeadManifest(ctx, Tag); after != before {
				t.Error("the manifesto was replaced")
			}
		})
	}
}

func pushNoLayers(t *testing.T, f *fixture) {
	t.Helper()
	if _, err := registrytest.PushDockerImage(context.Background(), f.remote, Tag); err != nil {
		t.Fatal(err)
	}
}

func pushLayer(t *testing.T, f *fixture, layer []byte) {
	t.Helper()
	if _, err := registrytest.PushDockerImage(context.Background(), f.remote, Tag, layer); err != nil {
		t.Fatal(err)
	}
}

// A 404 counts only where the repository can be read otherwise, twice, and where this run has not seen
// a manifesto.
func TestAbsence(t *testing.T) {
	ctx := context.Background()
	hide := func(f *fixture, hidden func(path string) bool, times int) {
		var count atomic.Int64
		f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.Method == http.MethodPut || !hidden(r.URL.Path) || count.Add(1) > int64(times) {
				return false
			}
			registrytest.Refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "no")
			return true
		})
	}
	isTag := func(path string) bool { return strings.HasSuffix(path, "/manifests/"+Tag) }
	everything := func(path string) bool { return path != "/v2/" && !strings.Contains(path, "/blobs/uploads") }

	t.Run("one 404 is not enough", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		f.mustPut(t, f.run(t), "t", "x")
		hide(f, isTag, 1)
		if _, err := f.run(t).Get(ctx, f.key("t")); err != nil {
			t.Errorf("Get: %v", err)
		}
	})
	t.Run("a repository that cannot be read", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		f.mustPut(t, f.run(t), "t", "x")
		hide(f, everything, 1000)
		if _, err := f.run(t).Get(ctx, f.key("t")); !errors.Is(err, ErrVanished) {
			t.Errorf("Get: %v", err)
		}
		if _, err := f.run(t).Put(ctx, Put{Key: f.key("u"), Content: []byte("y")}); !errors.Is(err, ErrVanished) {
			t.Errorf("Put: %v", err)
		}
		f.server.Intercept(nil)
		if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t"}) {
			t.Errorf("types: %v", got)
		}
	})
	t.Run("a manifesto that this run has seen", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		s := f.run(t)
		f.mustPut(t, s, "t", "x")
		hide(f, isTag, 1000)
		if _, err := s.Put(ctx, Put{Key: f.key("u"), Content: []byte("y")}); !errors.Is(err, ErrVanished) {
			t.Errorf("Put: %v", err)
		}
	})
	t.Run("a repository that the registry does not know", func(t *testing.T) {
		f := newFixture(t, registrytest.GGCR)
		other, err := oci.ParseRepository(f.server.Host()+"/nothing", "")
		if err != nil {
			t.Fatal(err)
		}
		key := Key{Repository: other, Image: f.image, Type: "t"}
		if _, err := f.run(t).Get(ctx, key); !errors.Is(err, ErrNoEntry) {
			t.Errorf("Get: %v", err)
		}
	})
}

// The registry takes the manifesto, and the answer is lost: the commit looks instead of sending again.
func TestAmbiguousPut(t *testing.T) {
	for name, broken := range map[string]func(http.ResponseWriter){
		"reset": func(w http.ResponseWriter) { registrytest.Break(w) },
		"500":   func(w http.ResponseWriter) { registrytest.Refuse(w, http.StatusInternalServerError, "UNKNOWN", "oops") },
	} {
		for _, taken := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, taken: %t", name, taken), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, registrytest.Olareg)
				var puts atomic.Int64
				f.server.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
					if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/"+Tag) || puts.Add(1) > 1 {
						return false
					}
					if taken {
						next.ServeHTTP(discard{header: http.Header{}}, r)
					}
					broken(w)
					return true
				})
				f.mustPut(t, f.run(t), "t", "x")
				want := int64(1)
				if !taken {
					want = 2
				}
				if got := puts.Load(); got != want {
					t.Errorf("the manifesto was put %d times, want %d", got, want)
				}
				if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t"}) {
					t.Errorf("types: %v", got)
				}
			})
		}
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// distribution 2.8 answers 500 to a fifth of the reads during a PUT.
func TestPassingFailuresAreRetried(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	var mu sync.Mutex
	seen := map[string]int{}
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		mu.Lock()
		what, _, _ := strings.Cut(r.URL.Path, "/uploads/") // An upload's own path is new each time.
		seen[r.Method+what]++
		times := seen[r.Method+what]
		mu.Unlock()
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") || times > 2 {
			return false
		}
		if times == 2 {
			registrytest.Break(w)
		}
		registrytest.Refuse(w, http.StatusInternalServerError, "UNKNOWN", "oops")
		return true
	})
	s := f.run(t)
	inParallel(10, func(i int) {
		typ := fmt.Sprint("t", i)
		if _, err := s.Put(context.Background(), Put{Key: f.key(typ), Content: []byte(typ)}); err != nil {
			t.Errorf("Put: %v", err)
		}
	})
	f.server.Intercept(nil)
	if got := len(f.version(t).doc.Types(f.image)); got != 10 {
		t.Errorf("%d entries, want 10", got)
	}
}

// A read that shows the manifest before ours after our PUT succeeded comes from a lagging replica: it
// is looked at again, and nothing is put again.
func TestStaleReadAfterPut(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	before := f.version(t).digest
	f.server.Reset()
	var stale atomic.Int64
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method != http.MethodHead || !strings.HasSuffix(r.URL.Path, "/manifests/"+Tag) ||
			f.server.Count(http.MethodPut, "/manifests/"+Tag) <= f.server.Count(http.MethodPut, "/manifests/"+pinTag) || stale.Add(1) > 2 {
			return false
		}
		w.Header().Set("Docker-Content-Digest", string(before))
		w.WriteHeader(http.StatusOK)
		return true
	})
	f.mustPut(t, s, "u", "y")
	if stale.Load() < 2 {
		t.Fatal("the test served no stale read")
	}
	if puts := f.server.Count(http.MethodPut, "/manifests/"+Tag) - f.server.Count(http.MethodPut, "/manifests/"+pinTag); puts != 1 {
		t.Errorf("the manifesto was put %d times", puts)
	}
}

// A caller that gives up takes its edit along while it is queued, and never the others'.
func TestCancellation(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	reached, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+Tag) {
			once.Do(func() { close(reached); <-proceed })
		}
		return false
	})
	var group sync.WaitGroup
	group.Go(func() { f.mustPut(t, s, "first", "1") })
	<-reached // The committer is busy: what comes now is queued.
	ctx, cancel := context.WithCancel(context.Background())
	group.Go(func() {
		if _, err := s.Put(ctx, Put{Key: f.key("cancelled"), Content: []byte("2")}); !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled Put: %v", err)
		}
	})
	group.Go(func() { f.mustPut(t, s, "third", "3") })
	r := s.repository(f.remote.Repository())
	for queued := 0; queued < 2; {
		r.mu.Lock()
		queued = len(r.queue)
		r.mu.Unlock()
	}
	cancel()
	for queued := 2; queued > 1; {
		r.mu.Lock()
		queued = len(r.queue)
		r.mu.Unlock()
	}
	close(proceed)
	group.Wait()
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t", "first", "third"}) {
		t.Errorf("types: %v", got)
	}
}

func TestResolve(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t, registrytest.Olareg)
	index, children, err := registrytest.PushIndex(ctx, f.remote, "multi", "m", "linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "unknown/unknown")
	if err != nil {
		t.Fatal(err)
	}
	s := f.run(t)
	platform := func(text string) oci.Platform {
		if text == "" {
			return oci.Platform{}
		}
		p, err := oci.ParsePlatform(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := []struct {
		tag, platform string
		want          oci.Digest
		err           error
	}{
		{"1", "", f.image, nil},
		{"multi", "", index, nil},
		{"multi", "linux/amd64", children["linux/amd64"], nil},
		{"multi", "linux/arm64", children["linux/arm64/v8"], nil},
		{"multi", "linux/arm/v7", children["linux/arm/v7"], nil},
		{"multi", "linux/arm", "", oci.ErrPlatformNotFound},
		{"multi", "linux/s390x", "", oci.ErrPlatformNotFound},
		{"1", "linux/amd64", "", oci.ErrNoPlatforms},
		{"nothing", "", "", oci.ErrNotFound},
	}
	for _, test := range tests {
		got, err := s.Resolve(ctx, f.remote.Repository().Tagged(test.tag), platform(test.platform))
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("Resolve(%s, %s) = %s, %v; want %s, %v", test.tag, test.platform, got, err, test.want, test.err)
		}
	}
	f.server.Reset()
	inParallel(50, func(int) {
		if _, err := s.Resolve(ctx, f.remote.Repository().Tagged("1"), oci.Platform{}); err != nil {
			t.Error(err)
		}
	})
	if n := len(f.server.Requests()); n != 0 {
		t.Errorf("%d requests for a tag that was resolved", n)
	}
}
