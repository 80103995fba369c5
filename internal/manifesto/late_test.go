package manifesto

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// hookedRepository calls a function before each PUT of the manifesto, after the committer has set its deadline.
type hookedRepository struct {
	Repository
	before func()
}

func (r *hookedRepository) PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error {
	if identifier == format.Tag {
		r.before()
	}
	return r.Repository.PutManifest(ctx, identifier, m, latest)
}

// Between the last look at the tag and the PUT, a commit may have to wait inside the client: because the registry has
// asked for a pause, or for a slot among the concurrent requests. A rival that has stored and settled in the meantime
// is not overwritten.
func TestWaitingInsideTheClient(t *testing.T) {
	t.Run("for the end of a pause", func(t *testing.T) {
		t.Parallel()
		checkWaiting(t, registry.Options{MaxRetries: -1}, func(w http.ResponseWriter, rival func()) {
			w.Header().Set("Retry-After", "2")
			registrytest.Refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "wait")
			go rival()
		}, func(ask func(), _ <-chan struct{}) {
			ask() // Its answer tells the client to pause.
		})
	})
	t.Run("for a slot", func(t *testing.T) {
		t.Parallel()
		checkWaiting(t, registry.Options{MaxConcurrentRequests: 1}, func(w http.ResponseWriter, rival func()) {
			rival() // Meanwhile this request keeps the only slot.
			registrytest.Refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "no")
		}, func(ask func(), arrived <-chan struct{}) {
			go ask()
			<-arrived
		})
	})
}

// checkWaiting has the client of one writer wait before its PUT of the manifesto. hold asks for a blob before the PUT
// is sent; arrived is closed when the registry gets that request. answer answers it, and has the rival store and
// settle.
func checkWaiting(
	t *testing.T, options registry.Options, answer func(w http.ResponseWriter, rival func()),
	hold func(ask func(), arrived <-chan struct{}),
) {
	t.Helper()
	f := newFixture(t, registrytest.Olareg)
	options.Backoff = time.Millisecond
	client := registry.NewClient(options)
	t.Cleanup(client.Close)
	odd := oci.DigestOf([]byte("odd"))
	arrived, rival := make(chan struct{}), make(chan error, 1)
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.Contains(r.URL.Path, odd.String()) {
			return false
		}
		close(arrived) // There is only one such request.
		answer(w, func() {
			_, err := f.runWith(t, Options{Settle: Adaptive}).Put(context.Background(), Put{
				Key: f.key("rival"), Content: []byte("rival"),
			})
			rival <- err
		})
		return true
	})
	before := func() {}
	slow := NewStore(func(r oci.Repository) Repository {
		return &hookedRepository{client.Open(r), func() { before() }}
	}, Options{Settle: Adaptive})
	f.mustPut(t, slow, "first", "first")
	var once sync.Once
	before = func() {
		once.Do(func() {
			hold(func() { _, _ = client.Open(f.remote.Repository()).HeadBlob(context.Background(), odd) }, arrived)
		})
	}
	f.mustPut(t, slow, "second", "second")
	if err := <-rival; err != nil {
		t.Fatal(err)
	}
	f.server.Intercept(nil)
	for _, typ := range []string{"first", "second", "rival"} {
		if !strings.Contains(f.document(t), `"`+typ+`"`) {
			t.Errorf("%s is lost", typ)
		}
	}
}
