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
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Registries with replicas, or whose tags are not written atomically, show what was. None of that may
// make a commit build on it.

// headTag answers the next HEADs of the tag with what lagging returns, as long as it does.
func (f *fixture) headTag(times int64, answer func(w http.ResponseWriter)) *atomic.Int64 {
	left := &atomic.Int64{}
	left.Store(times)
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method != http.MethodHead || !strings.HasSuffix(r.URL.Path, "/manifests/"+format.Tag) || left.Add(-1) < 0 {
			return false
		}
		answer(w)
		return true
	})
	return left
}

func notFound(w http.ResponseWriter) {
	registrytest.Refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "no")
}

func TestStaleReadBeforePut(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "one", "1")
	old := f.version(t).digest
	f.mustPut(t, s, "two", "2")
	left := f.headTag(2, func(w http.ResponseWriter) {
		w.Header().Set("Docker-Content-Digest", old.String())
		w.WriteHeader(http.StatusOK)
	})
	f.mustPut(t, s, "three", "3")
	if left.Load() > 0 {
		t.Fatal("the stale reads were not used up")
	}
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("types: %v", got)
	}
}

// An older manifest of a rival, which this run has never seen, is known by ancestry.
func TestStaleReadOfARivalsManifest(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "one", "1")
	old := f.version(t).digest
	f.mustPut(t, f.run(t), "two", "2")
	s := f.run(t)
	f.headTag(2, func(w http.ResponseWriter) {
		w.Header().Set("Docker-Content-Digest", old.String())
		w.WriteHeader(http.StatusOK)
	})
	f.mustPut(t, s, "three", "3")
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("types: %v", got)
	}
}

func TestLone404BeforePut(t *testing.T) {
	ctx := context.Background()
	t.Run("of a manifesto that there is", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		s := f.run(t)
		f.mustPut(t, s, "one", "1")
		f.headTag(2, notFound)
		f.mustPut(t, s, "two", "2")
		if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("types: %v", got)
		}
	})
	t.Run("of a rival's first manifesto", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		s := f.run(t)
		if _, err := s.Get(ctx, f.key("mine")); !errors.Is(err, ErrNoEntry) { // This run has seen that there is none.
			t.Fatal(err)
		}
		f.mustPut(t, f.run(t), "theirs", "1")
		f.headTag(1, notFound)
		f.mustPut(t, s, "mine", "2")
		if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"theirs", "mine"}) {
			t.Errorf("types: %v", got)
		}
	})
}

// Whoever commits on top of ours while we look has our edits, even where it has changed them since.
func TestDescendantConfirms(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	var followed atomic.Bool
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/"+format.Tag) || !followed.CompareAndSwap(false, true) {
			return false
		}
		next.ServeHTTP(w, r)
		digest := oci.DigestOf([]byte("mine"))
		if _, err := f.run(t).Put(ctx, Put{Key: f.key("t"), Content: []byte("later"), Update: true, Expected: digest}); err != nil {
			t.Errorf("the one who follows: %v", err)
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

// A retention rule removes the pin manifest and a collector its config: the next commit brings both back.
func TestCollectedPinsComeBack(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	one := f.mustPut(t, f.run(t), "one", "1").Digest
	config, err := format.PinConfig()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v2/app/manifests/" + format.ShardTag(0), "/v2/app/blobs/" + oci.DigestOf(config).String()} {
		if _, err := f.server.Do(ctx, http.MethodDelete, path, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	two := f.mustPut(t, f.run(t), "two", "2").Digest
	if got := f.pinned(t, 0); !slices.Contains(got, one) || !slices.Contains(got, two) {
		t.Errorf("pinned: %v", got)
	}
}

// The pins of a burst are confirmed however its last batch ends.
func TestPinsAreConfirmedAfterAFailingBatch(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	f.mustPut(t, f.run(t), "there", "theirs")
	s := f.run(t)
	rival := f.blob(t, "rival")
	var once sync.Once
	queued := make(chan struct{})
	f.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+format.Tag) {
			once.Do(func() {
				<-queued // The failing edit waits behind this commit.
				m, err := format.PinManifest(f.remote.Repository(), []oci.Descriptor{{MediaType: oci.MediaTypeOctetStream, Digest: rival, Size: 5}}, 1)
				if err == nil {
					err = f.remote.PutManifest(ctx, format.ShardTag(0), m, time.Time{})
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		return false
	})
	var group sync.WaitGroup
	var digest oci.Digest
	group.Go(func() { digest = f.mustPut(t, s, "mine", "mine").Digest })
	c := s.committer(f.remote.Repository())
	c.waitBusy()
	group.Go(func() {
		if _, err := s.Put(ctx, Put{Key: f.key("there"), Content: []byte("mine, too")}); !errors.Is(err, ErrExists) {
			t.Errorf("the failing edit: %v", err)
		}
	})
	c.waitQueued(1)
	close(queued)
	group.Wait()
	if got := f.pinned(t, 0); !slices.Contains(got, digest) {
		t.Errorf("pinned: %v", got)
	}
}

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

// A foreign tool that changes a digest and keeps our fields leaves a size and a pin that are not true.
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
