package registry

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

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

// What a registry asks to wait is waited for; not where it exceeds what the operation has left, or all
// reason: then its answer comes at once.
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

// One answer that asks to wait holds back all requests to the registry, not only its own.
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

// A manifest that is refused for the rate, or for immutability, is known not to have been taken.
func TestRefusedManifests(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"rate":        {http.StatusTooManyRequests, "", oci.ErrRateLimited},
		"ECR":         {http.StatusBadRequest, `{"errors":[{"code":"TAG_INVALID","message":"The image tag '_manifesto' already exists in the 'app' repository and cannot be overwritten because the repository is immutable."}]}`, ErrImmutable},
		"Harbor":      {http.StatusPreconditionFailed, `{"errors":[{"code":"PRECONDITION","message":"Failed to process request due to 'app:_manifesto' configured as immutable."}]}`, ErrImmutable},
		"forbidden":   {http.StatusForbidden, "", ErrForbidden},
		"bad request": {http.StatusBadRequest, `{"errors":[{"code":"MANIFEST_INVALID"}]}`, oci.ErrManifestRefused},
	} {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut {
				return false
			}
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
			return true
		})
		r := open(t, server, Options{})
		err := r.PutManifest(context.Background(), "tag", oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}")), time.Time{})
		if !errors.Is(err, test.want) || errors.Is(err, oci.ErrAmbiguous) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(test.body, "immutable") && errors.Is(err, oci.ErrManifestRefused) {
			t.Errorf("%s: taken for an invalid manifest: %v", name, err)
		}
	}
}
