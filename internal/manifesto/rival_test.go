package manifesto

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestParallelWritersOfOneProcessLoseNothing(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		foreign := f.blob(t, "foreign")
		theirs := `{"owner":"x","images":[{"image_digest":"` + hexOf("c") + `","manifesto":[{"type":"foreign","digest":"`
		f.write(t, theirs+foreign.String()+`"}]}]}`, registrytest.Gzip)
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
		checkTwoShards(t, f, append(slices.Clone(digests), foreign))
		s = f.run(t)
		inParallel(writers, func(i int) {
			if err := s.remove(ctx, f.key(fmt.Sprint("t", i)), digests[i]); err != nil {
				t.Errorf("Delete %d: %v", i, err)
			}
		})
		if got := f.document(t); !strings.HasPrefix(got, theirs) ||
			f.version(t).doc.Types(f.image) != nil {
			t.Errorf("after deleting ours the document is %s", got)
		}
	})
}

// checkTwoShards checks that the first two shards pin the blobs, and that the first is as full as it may be.
func checkTwoShards(t *testing.T, f *fixture, blobs []oci.Digest) {
	t.Helper()
	pinned := append(f.pinned(t, 0), f.pinned(t, 1)...)
	for _, digest := range blobs {
		if !slices.Contains(pinned, digest) {
			t.Errorf("%s is not pinned", digest)
		}
	}
	if n := len(f.pinned(t, 0)); n > format.MaxUnion || n < format.MaxNext {
		t.Errorf("the first pin manifest has %d layers", n)
	}
}

// Two processes that write at the same time start over on each other's manifesto.
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
		// These stores do not settle, so a rival's PUT between a look and a PUT may be lost. But the document must be
		// readable.
		if types := f.version(t).doc.Types(f.image); len(types) == 0 {
			t.Error("nothing is left")
		}
	})
}

// A rival that builds on our manifesto before we have confirmed it has our changes, even if it has changed the entry.
func TestDescendantConfirms(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	var followed atomic.Bool
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if !isTagRequest(r, http.MethodPut) || !followed.CompareAndSwap(false, true) {
			return false
		}
		next.ServeHTTP(w, r)
		digest := oci.DigestOf([]byte("mine"))
		later := Put{Key: f.key("t"), Content: []byte("later"), Update: true, Expected: digest}
		if _, err := f.run(t).Put(ctx, later); err != nil {
			t.Errorf("the rival that follows: %v", err)
		}
		return true
	})
	result := f.mustPut(t, f.run(t), "t", "mine")
	if result.Digest != oci.DigestOf([]byte("mine")) {
		t.Errorf("Put returns %s", result.Digest)
	}
	if entry, _ := f.version(t).doc.Lookup(f.image, "t"); entry.Digest != oci.DigestOf([]byte("later")) {
		t.Errorf("the later edit is lost: %+v", entry)
	}
}

// A rival's manifest is 404 by its digest as soon as the next one has replaced it, as zot does: the commit looks at the
// tag again instead of failing.
func TestOverwrittenManifestIsGoneByDigest(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	f.mustPut(t, f.run(t), "overwritten", "1")
	gone := f.version(t).digest
	var again sync.Once
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/manifests/"+gone.String()) {
			return false
		}
		again.Do(func() { f.mustPut(t, f.run(t), "faster", "2") })
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	f.mustPut(t, s, "mine", "3")
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t", "overwritten", "faster", "mine"}) {
		t.Errorf("types: %v", got)
	}
}
