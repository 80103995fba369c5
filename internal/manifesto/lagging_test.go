package manifesto

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Registries with lagging replicas, and those that do not write tags atomically, show an older manifest at times. A
// commit must not build on that.

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

// An older manifest of a rival, which this run has never seen, is recognised as an ancestor.
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

// After a successful PUT, a look that shows the manifest before ours comes from a lagging replica. The commit looks
// again, and puts nothing again.
func TestStaleReadAfterPut(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	before := f.version(t).digest
	f.server.Reset()
	var stale atomic.Int64
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !isTagRequest(r, http.MethodHead) ||
			f.tagPuts() == 0 || stale.Add(1) > 2 {
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
	if puts := f.tagPuts(); puts != 1 {
		t.Errorf("the manifesto was put %d times", puts)
	}
}
