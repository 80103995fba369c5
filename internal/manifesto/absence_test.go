package manifesto

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A 404 for the tag counts only if it comes twice, the repository can be read, and this run has not seen a manifesto.
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
	isTag := func(path string) bool { return strings.HasSuffix(path, "/manifests/"+format.Tag) }
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

func notFound(w http.ResponseWriter) {
	registrytest.Refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "no")
}

// A 404 for a manifesto, such as an archive tier answers, is no absence while other tags show that there was one:
// neither a reader nor a writer believes it.
func TestOtherTagsShowThatThereWasAManifesto(t *testing.T) {
	listed := func(*http.Request) bool { return false }
	unlisted := func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/tags/list") }
	for name, test := range map[string]struct {
		types  []string
		hidden func(r *http.Request) bool
	}{
		"the tag is listed":                 {[]string{"t", "u"}, listed},
		"a pin manifest of a later version": {[]string{"t", "u"}, unlisted},
		"there was one commit only":         {[]string{"t"}, unlisted},
	} {
		t.Run(name, func(t *testing.T) {
			hidden := test.hidden
			f := newFixture(t, registrytest.Olareg)
			for _, typ := range test.types {
				f.mustPut(t, f.run(t), typ, "content of "+typ)
			}
			f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if !isTagRequest(r, http.MethodGet) && !isTagRequest(r, http.MethodHead) && !hidden(r) {
					return false
				}
				registrytest.Refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "archived")
				return true
			})
			_, getErr := f.run(t).Get(t.Context(), f.key("t"))
			_, putErr := f.run(t).Put(t.Context(), Put{Key: f.key("v"), Content: []byte("z")})
			for operation, err := range map[string]error{"Get": getErr, "Put": putErr} {
				if !errors.Is(err, ErrVanished) || !strings.Contains(err.Error(), "delete every tag that begins with _manifesto") {
					t.Errorf("%s: %v", operation, err)
				}
			}
			f.server.Intercept(nil)
			if got := f.version(t).doc.Types(f.image); !slices.Equal(got, test.types) {
				t.Errorf("types: %v", got)
			}
		})
	}
}

// A writer that was killed in its first commit leaves a pin manifest and no manifesto: the next run begins anew.
func TestPinsOfAKilledFirstCommitAreNoManifesto(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	layers := format.PinLayers(map[oci.Digest]int64{f.blob(t, "left"): 4})
	m, err := format.PinManifest(f.remote.Repository(), layers, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.remote.PutManifest(t.Context(), format.ShardTag(0), m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	f.mustPut(t, f.run(t), "t", "x")
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t"}) {
		t.Errorf("types: %v", got)
	}
}
