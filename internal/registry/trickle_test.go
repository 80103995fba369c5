package registry

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// trickle answers with a status and a body that comes in parts, each after a pause.
func trickle(t *testing.T, status, part int, pause time.Duration) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.Header().Set("Content-Type", oci.MediaTypeOCIManifest)
		w.WriteHeader(status)
		for {
			if _, err := w.Write(make([]byte, part)); err != nil {
				return
			}
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(pause):
			case <-r.Context().Done():
				return
			}
		}
	}
}

// A body that comes a byte at a time, so that no silence is as long as the request timeout, ends in an error after a
// few of these timeouts, whoever reads the body.
func TestTrickle(t *testing.T) {
	calls := map[string]func(context.Context, *Repository) error{
		"a manifest": func(ctx context.Context, r *Repository) error {
			_, err := r.GetManifest(ctx, "tag")
			return err
		},
		"a blob": func(ctx context.Context, r *Repository) error {
			_, err := r.GetBlob(ctx, oci.DigestOf(nil), 64<<20)
			return err
		},
		"a list of tags": func(ctx context.Context, r *Repository) error {
			_, _, err := r.ListTags(ctx, "_manifesto")
			return err
		},
	}
	for name, call := range calls {
		for _, status := range []int{http.StatusOK, http.StatusForbidden} {
			t.Run(name+", "+http.StatusText(status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					options := Options{MaxRetries: 1, RequestTimeout: time.Minute}
					r := openInMemory(t, options, trickle(t, status, 1, time.Second))
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					defer cancel()
					began := time.Now()
					err := call(ctx, r)
					want := errTrickle
					if status != http.StatusOK { // The status is enough.
						want = ErrForbidden
					}
					if !errors.Is(err, want) || !strings.Contains(err.Error(), "localhost") {
						t.Errorf("%v, want %v", err, want)
					}
					if took := time.Since(began); took > 5*time.Minute {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// A slow line is no trickle: a body may take many times the request timeout.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 1 << 20
		options := Options{MaxRetries: -1, RequestTimeout: time.Minute}
		r := openInMemory(t, options, trickle(t, http.StatusOK, 2<<10, time.Second))
		began := time.Now()
		_, err := r.GetBlob(t.Context(), oci.DigestOf(nil), size)
		if took := time.Since(began); !errors.Is(err, oci.ErrTooLarge) || took < 8*time.Minute {
			t.Errorf("GetBlob: %v after %s", err, took)
		}
	})
}
