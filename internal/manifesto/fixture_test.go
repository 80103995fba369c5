package manifesto

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
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
	return f.runWith(t, Options{})
}

// runWith opens a store with options and with a clock that stands still.
func (f *fixture) runWith(t *testing.T, options Options) *Store {
	t.Helper()
	client := registry.NewClient(registry.Options{Backoff: time.Millisecond})
	t.Cleanup(client.Close)
	options.Now = func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	return NewStore(func(r oci.Repository) Repository { return client.Open(r) }, options)
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
	v, err := f.run(t).committer(f.remote.Repository()).tag.read(context.Background(), "", false)
	if err != nil {
		t.Fatalf("reading the manifesto: %v", err)
	}
	return v
}

// write stores a document as a foreign tool does: a Docker image with one layer.
func (f *fixture) write(t *testing.T, document string, compression registrytest.Compression) oci.Digest {
	t.Helper()
	layer := layerOf(t, compression, registrytest.File{Name: "data", Content: document})
	digest, err := registrytest.PushDockerImage(context.Background(), f.remote, format.Tag, layer)
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
	m, err := f.remote.GetManifest(context.Background(), format.ShardTag(shard))
	if errors.Is(err, oci.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := format.ParseManifest(m)
	if err != nil {
		t.Fatal(err)
	}
	var digests []oci.Digest
	for _, layer := range parsed.Layers() {
		digests = append(digests, layer.Digest)
	}
	if !slices.IsSorted(digests) {
		t.Errorf("the layers of %s are not sorted", format.ShardTag(shard))
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

func inParallel(n int, work func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { work(i) })
	}
	group.Wait()
}

// holdPut holds the next PUT of the manifesto until proceed is closed, and closes reached when it comes.
func (f *fixture) holdPut() (reached, proceed chan struct{}) {
	reached, proceed = make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if isTagRequest(r, http.MethodPut) {
			once.Do(func() {
				close(reached)
				<-proceed
			})
		}
		return false
	})
	return reached, proceed
}

// headTag answers the next HEADs of the tag with what lagging returns, as long as it does.
func (f *fixture) headTag(times int64, answer func(w http.ResponseWriter)) *atomic.Int64 {
	left := &atomic.Int64{}
	left.Store(times)
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !isTagRequest(r, http.MethodHead) || left.Add(-1) < 0 {
			return false
		}
		answer(w)
		return true
	})
	return left
}

// dig returns a digest that reads like its letter.
func dig(letter string) oci.Digest { return oci.Digest("sha256:" + hexOf(letter)) }

func hexOf(letter string) string { return strings.Repeat(letter, 64) }

func layerOf(t testing.TB, compression registrytest.Compression, files ...registrytest.File) []byte {
	t.Helper()
	layer, err := registrytest.Layer(compression, files...)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// oneEntry returns a document with one entry of the fixture's image, as a foreign tool writes it.
func (f *fixture) oneEntry(typ string, digest oci.Digest) string {
	return fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"%s","digest":"%s"}]}]}`,
		f.image, typ, digest)
}

// isTagRequest reports whether a request is for the manifesto's tag.
func isTagRequest(r *http.Request, method string) bool {
	return r.Method == method && strings.HasSuffix(r.URL.Path, "/manifests/"+format.Tag)
}

// tagPuts returns the number of PUTs of the manifesto since the last reset.
func (f *fixture) tagPuts() int {
	return f.server.Count(http.MethodPut, "/manifests/"+format.Tag) -
		f.server.Count(http.MethodPut, "/manifests/"+format.ShardTag(0))
}

// putVersion stores a version as a writer does that does not look what the tag holds.
func (f *fixture) putVersion(ctx context.Context, v *version) error {
	image, err := format.NewImage(v.doc.Render())
	if err != nil {
		return err
	}
	for _, blob := range [][]byte{image.Layer, image.Config} {
		if _, err = f.remote.PutBlob(ctx, blob); err != nil {
			return err
		}
	}
	m, err := image.Manifest(f.remote.Repository(), v.Header)
	if err != nil {
		return err
	}
	return f.remote.PutManifest(ctx, format.Tag, m, time.Time{})
}

// overwriteAtSettle has a rival put a version over the next manifesto after that was accepted, but before it is
// settled.
func (f *fixture) overwriteAtSettle(t *testing.T, rival *version) {
	t.Helper()
	var put atomic.Bool
	var once sync.Once
	f.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		switch {
		case isTagRequest(r, http.MethodPut):
			put.Store(true)
		case isTagRequest(r, http.MethodHead) && put.Load():
			once.Do(func() {
				if err := f.putVersion(context.Background(), rival); err != nil {
					t.Errorf("the rival: %v", err)
				}
			})
		}
		return false
	})
}

// pinManifest returns a pin manifest with the given blobs, and its layers.
func (f *fixture) pinManifest(ctx context.Context, blobs ...oci.Digest) (oci.Manifest, []oci.Descriptor, error) {
	sizes, absent, err := headBlobs(ctx, f.remote, blobs)
	if err == nil && len(absent) > 0 {
		err = fmt.Errorf("blobs %v are absent", absent)
	}
	if err != nil {
		return oci.Manifest{}, nil, err
	}
	layers := format.PinLayers(sizes)
	m, err := format.PinManifest(f.remote.Repository(), layers, 1)
	return m, layers, err
}

// putPins puts a pin manifest with the given blobs as a rival does that does not look what is there.
func (f *fixture) putPins(ctx context.Context, blobs ...oci.Digest) error {
	m, _, err := f.pinManifest(ctx, blobs...)
	if err != nil {
		return err
	}
	config, err := format.PinConfig()
	if err != nil {
		return err
	}
	if _, err = f.remote.PutBlob(ctx, config); err != nil {
		return err
	}
	return f.remote.PutManifest(ctx, format.ShardTag(0), m, time.Time{})
}

// remove deletes an entry for a caller that recorded no reference.
func (s *Store) remove(ctx context.Context, key Key, expected oci.Digest) error {
	_, err := s.Delete(ctx, Removal{Key: key, Expected: expected})
	return err
}
