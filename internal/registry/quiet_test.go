package registry

import (
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// A pause that one answer asks for holds back all requests to the registry.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := newRecords()
		options := Options{MaxRetries: -1, Logger: slog.New(records)}
		r := openInMemory(t, options, asksForPause(http.StatusServiceUnavailable, "60"))
		if _, err := r.GetManifest(t.Context(), "tag"); err == nil || errors.Is(err, oci.ErrNotFound) {
			t.Fatalf("the first: %v", err)
		}
		began := time.Now()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				absent(t, r)
				if took := time.Since(began); took < time.Minute || took > 62*time.Second {
					t.Errorf("a request ended after %s", took)
				}
			})
		}
		group.Wait()
		records.has(t, "DEBUG waiting out the pause that the registry asked for subsystem=registry")
	})
}
