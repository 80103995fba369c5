package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
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
	var requests atomic.Int64
	var after atomic.Value
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" || requests.Add(1) > 1 {
			return false
		}
		w.Header().Set("Retry-After", after.Load().(string)) //nolint:forcetypeassert // Stored below.
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	get := func(timeout time.Duration, value string) (time.Duration, error) {
		requests.Store(0)
		after.Store(value)
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		began := time.Now()
		_, err := open(t, server, Options{}).GetManifest(ctx, "tag")
		return time.Since(began), err
	}
	if took, err := get(time.Minute, "1"); !errors.Is(err, oci.ErrNotFound) || took < time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	for _, value := range []string{"30", "86400", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)} {
		took, err := get(20*time.Second, value)
		if !errors.Is(err, oci.ErrRateLimited) || RetryAfter(err) < 29*time.Second || took > 10*time.Second {
			t.Errorf("%s: after %s: %v", value, took, err)
		}
	}
}
