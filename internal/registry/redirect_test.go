package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Redirects of a blob carry no credentials. They never lead from TLS to plain HTTP, nor from a public host into a
// private network.
func TestRedirects(t *testing.T) {
	var authorization atomic.Value
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorization.Store(r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, "content")
	}))
	t.Cleanup(storage.Close)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		http.Redirect(w, r, storage.URL+"/blob?signature=x", http.StatusTemporaryRedirect)
		return true
	})
	address := strings.TrimPrefix(server.URL, "http://")
	r := open(t, server, Options{Credentials: credentials.Settings{address: {Username: "u", Password: "p"}}})
	content, err := r.GetBlob(context.Background(), oci.DigestOf([]byte("content")), 100)
	if err != nil || string(content) != "content" {
		t.Fatalf("GetBlob: %q, %v", content, err)
	}
	if got := authorization.Load(); got != "" {
		t.Errorf("the storage got the header %q", got)
	}

	public := openHost(t, "registry.example.com", Options{}).host
	for target, want := range map[string]error{
		"https://storage.example.net/x": nil,
		"http://storage.example.net/x":  ErrRedirect,
		"https://169.254.169.254/x":     ErrRedirect,
		"https://10.0.0.1/x":            ErrRedirect,
		"https://localhost/x":           ErrRedirect,
	} {
		req, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := public.checkRedirect(req, []*http.Request{req}); !errors.Is(err, want) {
			t.Errorf("redirect to %s: %v, want %v", target, err, want)
		}
		many := slices.Repeat([]*http.Request{req}, maxRedirects+1)
		if err := public.checkRedirect(req, many); !errors.Is(err, ErrRedirect) {
			t.Errorf("the sixth redirect: %v", err)
		}
	}
}

// A 404 of the storage behind a registry is not absence, and a PUT that a redirect turns into a GET is not a success.
func TestRedirectsDecideNothing(t *testing.T) {
	storage := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(storage.Close)
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/v2/":
			return false
		case r.URL.Path == "/elsewhere":
			w.WriteHeader(http.StatusOK)
		case r.Method == http.MethodPut:
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			http.Redirect(w, r, storage.URL+"/gone", http.StatusTemporaryRedirect)
		}
		return true
	})
	r := open(t, server, Options{})
	_, err := r.HeadManifest(context.Background(), "tag")
	if !errors.Is(err, oci.ErrBadResponse) || errors.Is(err, oci.ErrNotFound) {
		t.Errorf("HeadManifest: %v", err)
	}
	if err := putEmpty(r); !errors.Is(err, ErrRedirect) {
		t.Errorf("PutManifest: %v", err)
	}
}

// A malformed Location header does not appear in the error: it may be signed.
func TestSecretsInLocations(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.Header().Set("Location", "https://storage.example.com/%zz?signature=secret")
		status := map[string]int{http.MethodPost: http.StatusAccepted, http.MethodGet: http.StatusTemporaryRedirect}
		w.WriteHeader(status[r.Method])
		return true
	})
	r := open(t, server, Options{})
	_, get := r.GetBlob(context.Background(), oci.DigestOf([]byte("x")), 100)
	_, put := r.PutBlob(context.Background(), []byte("x"))
	for _, err := range []error{get, put} {
		if !errors.Is(err, oci.ErrBadResponse) || strings.Contains(err.Error(), "secret") {
			t.Errorf("the error: %v", err)
		}
	}
}
