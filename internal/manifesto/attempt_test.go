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

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// The answer to the PUT of the manifesto is lost. The commit looks whether it is there before it sends another one.
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
					if !isTagRequest(r, http.MethodPut) || puts.Add(1) > 1 {
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

func (d discard) Header() http.Header { return d.header }

func (d discard) Write(p []byte) (int, error) { return len(p), nil }

func (d discard) WriteHeader(int) {}

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
