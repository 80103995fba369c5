package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Registries answer a POST with a whole blob in many ways. None of them may cost more than one trial.
func TestUploadsBySinglePost(t *testing.T) {
	refuse := func(status int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if isTrial(r) {
				w.WriteHeader(status)
			}
			return isTrial(r)
		}
	}
	for name, test := range map[string]struct {
		hook func(w http.ResponseWriter, r *http.Request) bool
		want []string
	}{
		"taken": {never, []string{"POST whole", "POST whole", "POST whole"}},
		"an upload is opened instead": {
			func(_ http.ResponseWriter, r *http.Request) bool {
				if isTrial(r) {
					r.URL.RawQuery = ""
					r.Body = io.NopCloser(strings.NewReader(""))
				}
				return false
			},
			[]string{"POST whole", "PUT", "POST", "PUT", "POST", "PUT"},
		},
		"the opened upload has the blob in it already": {
			func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case isTrial(r):
					w.Header().Set("Location", "/v2/app/blobs/uploads/half-done")
					w.WriteHeader(http.StatusAccepted)
				case strings.HasSuffix(r.URL.Path, "/half-done"): // Otherwise the blob would be stored twice.
					w.WriteHeader(http.StatusBadRequest)
				default:
					return false
				}
				return true
			},
			[]string{"POST whole", "PUT", "POST", "PUT", "POST", "PUT", "POST", "PUT"},
		},
		"bad request":  {refuse(http.StatusBadRequest), refusedTrial},
		"server error": {refuse(http.StatusInternalServerError), refusedTrial},
		"broken connection": {
			func(_ http.ResponseWriter, r *http.Request) bool {
				if isTrial(r) {
					panic(http.ErrAbortHandler)
				}
				return false
			},
			refusedTrial,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := uploadThree(t, test.hook); !slices.Equal(got, test.want) {
				t.Errorf("requests: %q\nwant %q", got, test.want)
			}
		})
	}
}

// refusedTrial lists the requests for three blobs at a registry that refuses the trial.
var refusedTrial = []string{"POST whole", "POST", "PUT", "POST", "PUT", "POST", "PUT"}

// isTrial reports whether a request is a POST with a whole blob.
func isTrial(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("digest") }

// uploadThree uploads three blobs to a registry with a hook, and returns the POST and PUT requests.
func uploadThree(t *testing.T, hook func(http.ResponseWriter, *http.Request) bool) []string {
	t.Helper()
	var mu sync.Mutex
	var log []string
	r := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			entry := r.Method
			if isTrial(r) {
				entry += " whole"
			}
			mu.Lock()
			log = append(log, entry)
			mu.Unlock()
		}
		return hook(w, r)
	}), Options{})
	ctx := context.Background()
	for i := range 3 {
		content := fmt.Appendf(nil, "content %d", i)
		digest, err := r.PutBlob(ctx, content)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.GetBlob(ctx, digest, 100); err != nil || !bytes.Equal(got, content) {
			t.Errorf("read back: %q, %v", got, err)
		}
	}
	return log
}

// A trial that fails for its credentials or for a rate limit is the answer, and tells nothing about uploads.
func TestRefusedTrialIsAnAnswer(t *testing.T) {
	ctx := context.Background()
	status := http.StatusForbidden
	uploads := 0
	r := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		uploads++
		if status != 0 {
			w.WriteHeader(status)
		}
		return status != 0
	}), Options{})
	if _, err := r.PutBlob(ctx, []byte("content")); !errors.Is(err, ErrForbidden) || uploads != 1 {
		t.Errorf("%d uploads: %v", uploads, err)
	}
	status = 0
	if _, err := r.PutBlob(ctx, []byte("content")); err != nil || uploads != 2 {
		t.Errorf("%d uploads: %v", uploads, err)
	}
}

// A large blob is never sent as a trial.
func TestLargeBlobsAreNoTrial(t *testing.T) {
	whole := 0
	r := open(t, serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Query().Has("digest") {
			whole++
		}
		return false
	}), Options{})
	if _, err := r.PutBlob(context.Background(), make([]byte, maxTrial+1)); err != nil || whole != 0 {
		t.Errorf("%d trials: %v", whole, err)
	}
}

// A registry that takes only small blobs with a single POST gets the others in two steps.
func TestUploadsBySinglePostUpToASize(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge} {
		r := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) bool {
			refused := r.Method == http.MethodPost && r.URL.Query().Has("digest") && r.ContentLength > maxTrial
			if refused {
				w.WriteHeader(status)
			}
			return refused
		}), Options{})
		for _, size := range []int{10, maxTrial + 1, 20} {
			if _, err := r.PutBlob(context.Background(), make([]byte, size)); err != nil {
				t.Errorf("%d: a blob of %d bytes: %v", status, size, err)
			}
		}
	}
}

func TestBlobs(t *testing.T) {
	ctx := context.Background()
	r := open(t, serve(t, never), Options{})
	digest, err := r.PutBlob(ctx, []byte("content"))
	if err != nil || digest != oci.DigestOf([]byte("content")) {
		t.Fatalf("PutBlob: %s, %v", digest, err)
	}
	if _, err := r.PutBlob(ctx, []byte("content")); err != nil {
		t.Errorf("a second PutBlob: %v", err)
	}
	if content, err := r.GetBlob(ctx, digest, 100); err != nil || string(content) != "content" {
		t.Errorf("GetBlob: %q, %v", content, err)
	}
	if size, err := r.HeadBlob(ctx, digest); err != nil || size != 7 {
		t.Errorf("HeadBlob: %d, %v", size, err)
	}
	if _, err := r.GetBlob(ctx, digest, 6); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("GetBlob over its limit: %v", err)
	}
	absent := oci.DigestOf([]byte("absent"))
	if _, err := r.GetBlob(ctx, absent, 100); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("GetBlob of nothing: %v", err)
	}
	if _, err := r.HeadBlob(ctx, absent); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("HeadBlob of nothing: %v", err)
	}
}

// Uploads go to the location that the registry names: without credentials to another host, and by the registry's own
// scheme to the registry itself.
func TestUploadLocations(t *testing.T) {
	var elsewhere atomic.Value
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		elsewhere.Store(r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(storage.Close)
	var location string
	var authorized atomic.Bool
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodPost:
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusAccepted)
		default:
			authorized.Store(true)
			w.WriteHeader(http.StatusCreated)
		}
		return true
	})
	host := strings.TrimPrefix(server.URL, "http://")
	r := open(t, server, Options{Credentials: credentials.Settings{host: {Username: "u", Password: "p"}}})
	location = storage.URL + "/upload?signature=x"
	if _, err := r.PutBlob(context.Background(), []byte("one")); err != nil || elsewhere.Load() != "" {
		t.Errorf("an upload to another host: %v, with the header %q", err, elsewhere.Load())
	}
	location = "https://" + host + "/upload"
	if _, err := r.PutBlob(context.Background(), []byte("two")); err != nil || !authorized.Load() {
		t.Errorf("an upload to the same host by another scheme: %v, authorized: %t", err, authorized.Load())
	}
	location = "ftp://" + strings.TrimPrefix(storage.URL, "http://")
	if _, err := r.PutBlob(context.Background(), []byte("three")); !errors.Is(err, ErrRedirect) {
		t.Errorf("an upload by FTP: %v", err)
	}
}
