package manifesto

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Between the last look at the tag and the PUT, a commit may have to wait inside the client: because the registry
// wants to be left alone, or for a place among its concurrent requests. A rival that has stored and settled in the
// meantime is not overwritten.
func TestWaitingInsideTheClient(t *testing.T) {
	const wait = 2 * time.Second
	odd := oci.DigestOf([]byte("odd"))
	for name, options := range map[string]registry.Options{
		"quiet": {UserAgent: "slow", Backoff: time.Millisecond, MaxRetries: -1},
		"place": {UserAgent: "slow", Backoff: time.Millisecond, MaxConcurrentRequests: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, registrytest.Olareg)
			open := func(o registry.Options) (*registry.Client, *Store) {
				client := registry.NewClient(o)
				t.Cleanup(client.Close)
				return client, NewStore(func(r oci.Repository) Repository { return client.Open(r) }, Options{Settle: Adaptive})
			}
			client, slow := open(options)
			_, rival := open(registry.Options{UserAgent: "rival", Backoff: time.Millisecond})
			f.mustPut(t, slow, "first", "first")

			var once atomic.Bool
			rivals := make(chan error, 1)
			f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.UserAgent() != "slow" {
					return false
				}
				if strings.Contains(r.URL.Path, odd.String()) {
					if name == "quiet" {
						w.Header().Set("Retry-After", "2")
						registrytest.Refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "wait")
						return true
					}
					time.Sleep(wait) // As long as a large blob takes on a slow line.
				}
				if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/"+format.ShardTag(0)) && once.CompareAndSwap(false, true) {
					asked := make(chan struct{})
					go func() {
						_, _ = client.Open(f.remote.Repository()).HeadBlob(context.Background(), odd) // Only to make the other wait.
						close(asked)
					}()
					if name == "quiet" {
						<-asked
					} else {
						time.Sleep(20 * time.Millisecond) // Until it waits for the place that this request has.
					}
					go func() {
						_, err := rival.Put(context.Background(), Put{Key: f.key("rival"), Content: []byte("rival")})
						rivals <- err
					}()
				}
				return false
			})
			f.mustPut(t, slow, "second", "second")
			if err := <-rivals; err != nil {
				t.Fatal(err)
			}
			f.server.Intercept(nil)
			for _, typ := range []string{"first", "second", "rival"} {
				if !strings.Contains(f.document(t), `"`+typ+`"`) {
					t.Errorf("%s is lost", typ)
				}
			}
		})
	}
}
