package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// serve starts a registry in which the hook answers first where it returns true.
func serve(t *testing.T, hook func(w http.ResponseWriter, r *http.Request) bool) *httptest.Server {
	t.Helper()
	backend := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !hook(w, r) {
			backend.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func open(t *testing.T, server *httptest.Server, options Options) *Repository {
	t.Helper()
	return openHost(t, strings.TrimPrefix(server.URL, "http://"), options)
}

func openHost(t *testing.T, host string, options Options) *Repository {
	t.Helper()
	repository, err := oci.ParseRepository(host+"/app", "")
	if err != nil {
		t.Fatal(err)
	}
	if options.Backoff == 0 {
		options.Backoff = time.Millisecond
	}
	client := NewClient(options)
	t.Cleanup(client.Close)
	return client.Open(repository)
}

// through sends the requests of a Repository another way than by its host's name.
func through(r *Repository, base *http.Transport) {
	r.host.transport.load = func() (transports, error) { return transports{own: base, foreign: base}, nil }
}

func never(http.ResponseWriter, *http.Request) bool { return false }

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

func TestManifests(t *testing.T) {
	ctx := context.Background()
	r := open(t, serve(t, never), Options{})
	if _, err := r.HeadManifest(ctx, "tag"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("HeadManifest of nothing: %v", err)
	}
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2,"layers":[]}`))
	if err := r.PutManifest(ctx, "tag", m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for _, identifier := range []string{"tag", m.Digest.String()} {
		if digest, err := r.HeadManifest(ctx, identifier); err != nil || digest != m.Digest {
			t.Errorf("HeadManifest(%s): %s, %v", identifier, digest, err)
		}
		if got, err := r.GetManifest(ctx, identifier); err != nil || got.Digest != m.Digest || got.MediaType != oci.MediaTypeOCIManifest {
			t.Errorf("GetManifest(%s): %+v, %v", identifier, got, err)
		}
	}
	if err := r.PutManifest(ctx, "big", oci.NewManifest(oci.MediaTypeOCIManifest, make([]byte, oci.MaxManifestSize+1)), time.Time{}); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("PutManifest over the limit: %v", err)
	}
	if exists, err := r.RepositoryExists(ctx); err != nil || !exists {
		t.Errorf("RepositoryExists: %t, %v", exists, err)
	}
	if exists, err := openHost(t, strings.TrimSuffix(r.Repository().String(), "/app")+"/none", Options{}).RepositoryExists(ctx); err != nil || exists {
		t.Errorf("RepositoryExists of another: %t, %v", exists, err)
	}
}

// A registry that sends other bytes than it promises is caught, whatever it promises them by.
func TestEveryByteIsVerified(t *testing.T) {
	ctx := context.Background()
	right := oci.DigestOf([]byte("right"))
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.Header().Set("Docker-Content-Digest", right.String())
		_, _ = io.WriteString(w, "wrong")
		return true
	})
	r := open(t, server, Options{})
	if _, err := r.GetBlob(ctx, right, 100); !errors.Is(err, oci.ErrDigestMismatch) {
		t.Errorf("GetBlob: %v", err)
	}
	for _, identifier := range []string{"tag", right.String()} {
		if _, err := r.GetManifest(ctx, identifier); !errors.Is(err, oci.ErrDigestMismatch) {
			t.Errorf("GetManifest(%s): %v", identifier, err)
		}
	}
}

// A tag that looks like a bare digest is a tag.
func TestTagOfHexDigits(t *testing.T) {
	r := open(t, serve(t, never), Options{})
	tag := strings.Repeat("ab", 32)
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2}`))
	if err := r.PutManifest(context.Background(), tag, m, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.GetManifest(context.Background(), tag); err != nil || got.Digest != m.Digest {
		t.Errorf("GetManifest: %+v, %v", got, err)
	}
}

// Without Docker-Content-Digest the digest of a tag is computed from what GET returns.
func TestHeadWithoutDigest(t *testing.T) {
	body := `{"schemaVersion":2}`
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		_, _ = io.WriteString(w, body)
		return true
	})
	digest, err := open(t, server, Options{}).HeadManifest(context.Background(), "tag")
	if err != nil || digest != oci.DigestOf([]byte(body)) {
		t.Errorf("HeadManifest: %s, %v", digest, err)
	}
}

func TestEndlessBodies(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		chunk := []byte(strings.Repeat("x", 1<<16))
		if strings.Contains(r.URL.Path, "/tags/") {
			w.WriteHeader(http.StatusForbidden)
		}
		for {
			if _, err := w.Write(chunk); err != nil {
				return true
			}
		}
	})
	r := open(t, server, Options{MaxRetries: -1})
	if _, err := r.GetManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("GetManifest: %v", err)
	}
	if _, err := r.GetBlob(context.Background(), oci.DigestOf(nil), 1000); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("GetBlob: %v", err)
	}
	_, err := r.RepositoryExists(context.Background())
	if !errors.Is(err, ErrForbidden) || len(err.Error()) > 1000 {
		t.Errorf("an endless error: %d bytes, %.200v", len(err.Error()), err)
	}
}

// A tag is put once, whatever happens, and a broken outcome says that it is unknown.
func TestManifestPutsAreNotResent(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   error
	}{
		"reset": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, oci.ErrAmbiguous},
		"500":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }, oci.ErrAmbiguous},
		"503":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, oci.ErrAmbiguous},
		"403":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) }, ErrForbidden},
		"429":   {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }, oci.ErrRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			var puts atomic.Int64
			server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut {
					return false
				}
				puts.Add(1)
				test.answer(w)
				return true
			})
			err := open(t, server, Options{}).PutManifest(context.Background(), "tag", oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{}`)), time.Time{})
			if !errors.Is(err, test.want) {
				t.Errorf("PutManifest: %v, want %v", err, test.want)
			}
			if errors.Is(err, oci.ErrAmbiguous) != errors.Is(test.want, oci.ErrAmbiguous) {
				t.Errorf("ambiguity of %v", err)
			}
			if n := puts.Load(); n != 1 {
				t.Errorf("put %d times", n)
			}
		})
	}
}

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
			w.Header().Set("Content-Length", "100") // And break off: a truncated body.
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
	if len(paths) != 4 { // Ping, two failures, and the answer.
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

// tokenServer is a registry that wants bearer tokens, and its token service.
func tokenServer(t *testing.T) (server *httptest.Server, logins func() []string) {
	t.Helper()
	var mu sync.Mutex
	var scopes []string
	server = serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			username, password, _ := r.BasicAuth()
			if username != "robot" || password != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			mu.Lock()
			scopes = append(scopes, r.URL.Query().Get("scope"))
			mu.Unlock()
			_ = json.NewEncoder(w).Encode(map[string]string{"token": r.URL.Query().Get("scope")})
			return true
		}
		granted := r.Header.Get("Authorization")
		needed := "repository:app:pull"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			needed = "repository:app:pull,push"
		}
		if strings.HasPrefix(granted, "Bearer "+needed) {
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test",scope=%q`, r.Host, needed))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	return server, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), scopes...)
	}
}

// One login per registry and scope, however many operations start at once.
func TestOneLoginPerScope(t *testing.T) {
	server, logins := tokenServer(t)
	host := strings.TrimPrefix(server.URL, "http://")
	r := open(t, server, Options{Credentials: credentials.Settings{host: {Username: "robot", Password: "secret"}}})
	read := func() {
		if _, err := r.HeadManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrNotFound) {
			t.Errorf("HeadManifest: %v", err)
		}
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(read)
	}
	group.Wait()
	if got := logins(); len(got) != 1 || got[0] != "repository:app:pull" {
		t.Errorf("logins for reads: %v", got)
	}
	for i := range 20 {
		group.Go(func() {
			if _, err := r.PutBlob(context.Background(), fmt.Append(nil, i)); err != nil {
				t.Errorf("PutBlob: %v", err)
			}
		})
	}
	group.Wait()
	read()
	if got := logins(); len(got) != 2 || got[1] != "repository:app:pull,push" {
		t.Errorf("logins: %v", got)
	}
}

func TestCredentials(t *testing.T) {
	server, _ := tokenServer(t)
	host := strings.TrimPrefix(server.URL, "http://")
	for name, test := range map[string]struct {
		credential credentials.Credential
		want       error
	}{
		"none":           {credentials.Credential{}, ErrUnauthorized},
		"wrong":          {credentials.Credential{Username: "robot", Password: "wrong"}, ErrUnauthorized},
		"registry token": {credentials.Credential{RegistryToken: "repository:app:pull"}, oci.ErrNotFound},
		"wrong token":    {credentials.Credential{RegistryToken: "other"}, ErrUnauthorized},
	} {
		r := open(t, server, Options{Credentials: credentials.Settings{host: test.credential}})
		_, err := r.GetManifest(context.Background(), "tag")
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if password := test.credential.Password; err != nil && password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

// Redirects of a blob carry no credentials, and never lead from TLS to plain HTTP or, for a public
// host, into a private network.
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
		if err := public.checkRedirect(req, slices.Repeat([]*http.Request{req}, maxRedirects+1)); !errors.Is(err, ErrRedirect) {
			t.Errorf("the sixth redirect: %v", err)
		}
	}
}

// Plain HTTP is for loopback hosts and where it is configured; any other host is spoken to by TLS, and
// is not sent a request without.
func TestPlainHTTP(t *testing.T) {
	var requests atomic.Int64
	server := serve(t, func(http.ResponseWriter, *http.Request) bool {
		requests.Add(1)
		return false
	})
	for _, name := range []string{"registry.example.com", "registry.local", "10.1.2.3:5000"} {
		dial := func(r *Repository) {
			// The name leads to the test server, whatever it resolves to elsewhere.
			base := newBaseTransport()
			base.Proxy = nil
			base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}
			through(r, base)
		}
		r := openHost(t, name, Options{})
		dial(r)
		requests.Store(0)
		if _, err := r.GetManifest(context.Background(), "tag"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s without the setting: %v", name, err)
		}
		if n := requests.Load(); n != 0 {
			t.Errorf("%s was sent %d requests without TLS", name, n)
		}
		r = openHost(t, name, Options{Registries: map[string]HostConfig{name: {Scheme: "http"}}})
		dial(r)
		if _, err := r.GetManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrNotFound) {
			t.Errorf("%s with the setting: %v", name, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = openHost(t, host, Options{Backoff: time.Hour}).GetManifest(context.Background(), "tag") // No retry, so no wait.
	if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "https://") {
		t.Errorf("GetManifest: %v", err)
	}
}

// Fifty requests at a time share one connection where the registry speaks HTTP/2, and one after the other
// they share one where it does not.
func TestConnectionsAreShared(t *testing.T) {
	for name, test := range map[string]struct {
		secure   bool
		parallel int
	}{
		"HTTP/2":   {true, 50},
		"HTTP/1.1": {false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var connections atomic.Int32
			server := httptest.NewUnstartedServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					connections.Add(1)
				}
			}
			if server.EnableHTTP2 = test.secure; test.secure {
				server.StartTLS()
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			address := server.Listener.Addr().String()
			host := address
			if test.secure { // Loopback hosts are spoken to in plain HTTP.
				host = "registry.test"
			}
			r := openHost(t, host, Options{})
			base := r.host.client.base
			base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			}
			if test.secure {
				pool := x509.NewCertPool()
				pool.AddCert(server.Certificate())
				base.TLSClientConfig = &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12}
			}
			ctx := context.Background()
			digest, err := r.PutBlob(ctx, []byte("content"))
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			for range test.parallel {
				group.Go(func() {
					for range 4 {
						if _, err := r.GetBlob(ctx, digest, 100); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			if n := connections.Load(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}
