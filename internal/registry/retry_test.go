package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func TestRetries(t *testing.T) {
	ctx := context.Background()
	var mu sync.Mutex
	var paths []string
	failures := 2
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
		if r.URL.Path == "/v2/" || failures == 0 {
			return false
		}
		failures--
		if failures == 0 {
			w.Header().Set("Content-Length", "100") // The body is truncated.
			_, _ = io.WriteString(w, "{")
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	r := open(t, server, Options{})
	if _, err := r.GetManifest(ctx, "tag"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("GetManifest: %v", err)
	}
	if len(paths) != 4 { // The ping, two failures, and the answer.
		t.Errorf("requests: %v", paths)
	}
	mu.Lock()
	paths, failures = nil, 1000
	mu.Unlock()
	if _, err := r.HeadManifest(ctx, "tag"); err == nil || errors.Is(err, oci.ErrNotFound) {
		t.Errorf("HeadManifest: %v", err)
	}
	if len(paths) != 1+DefaultMaxRetries {
		t.Errorf("%d requests, want %d", len(paths), 1+DefaultMaxRetries)
	}
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "7": 7 * time.Second, "99999999999999999999": 0,
		"9999999999":                    365 * 24 * time.Hour,
		"Tue, 24 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Tue, 24 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := parseRetryAfter(value, now); got != want {
			t.Errorf("parseRetryAfter(%q) = %s, want %s", value, got, want)
		}
	}
}

// Retry-After is obeyed. If it exceeds the time that the operation has left, or maxRetryAfter, the answer is returned
// at once.
func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		value string
		limit time.Duration // What the operation has.
		want  error
	}{
		{"30", time.Minute, oci.ErrNotFound},
		{"30", 20 * time.Second, oci.ErrRateLimited},
		{"86400", 48 * time.Hour, oci.ErrRateLimited},
		{"Sat, 01 Jan 2000 00:00:30 GMT", time.Minute, oci.ErrNotFound}, // A synctest bubble begins in the year 2000.
		{"Sat, 01 Jan 2000 01:00:00 GMT", 2 * time.Hour, oci.ErrRateLimited},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := openInMemory(t, Options{}, asksForPause(http.StatusTooManyRequests, test.value))
			ctx, cancel := context.WithTimeout(t.Context(), test.limit)
			defer cancel()
			began := time.Now()
			_, err := r.GetManifest(ctx, "tag")
			took, waited := time.Since(began), errors.Is(test.want, oci.ErrNotFound)
			if !errors.Is(err, test.want) || waited != (took >= 30*time.Second) || took > 35*time.Second {
				t.Errorf("%s, of %s: after %s: %v", test.value, test.limit, took, err)
			}
			if !waited && RetryAfter(err) < 30*time.Second {
				t.Errorf("%s: the error asks for %s", test.value, RetryAfter(err))
			}
		})
	}
}

// asksForPause is a registry that answers the first request after the ping with a Retry-After, and later ones with 404.
func asksForPause(status int, value string) http.HandlerFunc {
	var requests atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/":
		case requests.Add(1) == 1:
			w.Header().Set("Retry-After", value)
			w.WriteHeader(status)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}
}
