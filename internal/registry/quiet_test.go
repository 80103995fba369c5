package registry

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// A pause that one answer asks for holds back all requests to the registry.
func TestQuiet(t *testing.T) {
	var requests atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" || requests.Add(1) > 1 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	r := open(t, server, Options{MaxRetries: -1})
	if _, err := r.GetManifest(context.Background(), "tag"); err == nil || errors.Is(err, oci.ErrNotFound) {
		t.Fatalf("the first: %v", err)
	}
	began := time.Now()
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() { absent(t, r) })
	}
	group.Wait()
	if took := time.Since(began); took < 500*time.Millisecond || requests.Load() != 6 {
		t.Errorf("%d requests, the others after %s", requests.Load(), took)
	}
}
