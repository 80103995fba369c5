package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Registries answer a POST with a whole blob in many ways; none of them may cost more than one trial.
func TestUploadsBySinglePost(t *testing.T) {
	isTrial := func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("digest") }
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
				case strings.HasSuffix(r.URL.Path, "/half-done"): // It would be there twice.
					w.WriteHeader(http.StatusBadRequest)
				default:
					return false
				}
				return true
			},
			[]string{"POST whole", "PUT", "POST", "PUT", "POST", "PUT", "POST", "PUT"},
		},
		"bad request":  {refuse(http.StatusBadRequest), []string{"POST whole", "POST", "PUT", "POST", "PUT", "POST", "PUT"}},
		"server error": {refuse(http.StatusInternalServerError), []string{"POST whole", "POST", "PUT", "POST", "PUT", "POST", "PUT"}},
		"broken connection": {
			func(_ http.ResponseWriter, r *http.Request) bool {
				if isTrial(r) {
					panic(http.ErrAbortHandler)
				}
				return false
			},
			[]string{"POST whole", "POST", "PUT", "POST", "PUT", "POST", "PUT"},
		},
	} {
		t.Run(name, func(t *testing.T) {
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
				return test.hook(w, r)
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
			if !slices.Equal(log, test.want) {
				t.Errorf("requests: %q\nwant %q", log, test.want)
			}
		})
	}
}

// Where credentials or a rate limit refuse the trial, that is the answer, and says nothing about uploads.
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

// A large blob is never sent for trial.
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

// A registry that takes small blobs only with a POST gets the others in two steps.
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
