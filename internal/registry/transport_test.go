package registry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// A slot is taken until the answer has been read, and no more requests are under way than there are slots.
func TestMaxConcurrentRequests(t *testing.T) {
	const slots, all = 2, 20
	synctest.Test(t, func(t *testing.T) {
		content := []byte("content")
		var started atomic.Int64
		proceed := make(chan struct{})
		r := openInMemory(t, Options{MaxConcurrentRequests: slots}, func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				return
			}
			started.Add(1)
			_, _ = w.Write(content[:3]) // The answer has begun; its end has to wait.
			flush(t, w)
			<-proceed
			_, _ = w.Write(content[3:])
		})
		var group sync.WaitGroup
		for range all {
			group.Go(func() {
				if _, err := r.GetBlob(t.Context(), oci.DigestOf(content), 100); err != nil {
					t.Error(err)
				}
			})
		}
		for finished := range int64(all) {
			synctest.Wait()
			if got, want := started.Load(), min(finished+slots, all); got != want {
				t.Fatalf("%d requests have started after %d have finished, want %d", got, finished, want)
			}
			proceed <- struct{}{}
		}
		group.Wait()
	})
}

// openInMemory gives access to a repository of a registry that the handler is. It has connections in memory, so that
// a synctest bubble knows when all its goroutines wait.
func openInMemory(t *testing.T, options Options, handler http.HandlerFunc) *Repository {
	t.Helper()
	listener := &memoryListener{connections: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // It ends with the test.
	r := openHost(t, "localhost", options)
	base := r.host.client.base
	base.DialContext = listener.dial
	t.Cleanup(func() {
		r.host.client.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// memoryListener is a net.Listener whose connections are pipes.
type memoryListener struct {
	connections chan net.Conn
	once        sync.Once
	closed      chan struct{}
}

func (l *memoryListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.connections <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connections:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *memoryListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }

// One place is enough, also where a login comes in between.
func TestOneRequestAtATime(t *testing.T) {
	s := newTokens(t)
	r := open(t, s.server, Options{MaxConcurrentRequests: 1})
	absent(t, r)
	s.mu.Lock()
	s.valid = 2
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := r.GetManifest(ctx, "tag"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("GetManifest: %v", err)
	}
}

// A registry that falls silent, before or within an answer, is asked again; one that is slow is not.
func TestSilence(t *testing.T) {
	content := []byte("content")
	var requests atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		switch requests.Add(1) {
		case 1: // Before the answer.
			<-r.Context().Done()
		case 2: // Within it.
			_, _ = w.Write(content[:3])
			flush(t, w)
			<-r.Context().Done()
		default: // Slowly.
			for i := range content {
				_, _ = w.Write(content[i : i+1])
				flush(t, w)
				time.Sleep(60 * time.Millisecond)
			}
		}
		return true
	})
	r := open(t, server, Options{RequestTimeout: 700 * time.Millisecond})
	got, err := r.GetBlob(context.Background(), oci.DigestOf(content), 100)
	if err != nil || string(got) != "content" || requests.Load() != 3 {
		t.Errorf("GetBlob: %q, %v after %d requests", got, err, requests.Load())
	}
	requests.Store(0)
	r = open(t, server, Options{RequestTimeout: 50 * time.Millisecond, MaxRetries: -1})
	if _, err := r.GetBlob(context.Background(), oci.DigestOf(content), 100); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("GetBlob of a silent registry: %v", err)
	}
}

func flush(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Error(err)
	}
}

// Uploads go where the registry says, without credentials where that is another host, and by the registry's
// own scheme where it is the same one.
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

// Storage behind a registry does not decide what is absent, and a PUT that becomes a GET has not put anything.
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
	if _, err := r.HeadManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrBadResponse) || errors.Is(err, oci.ErrNotFound) {
		t.Errorf("HeadManifest: %v", err)
	}
	if err := r.PutManifest(context.Background(), "tag", oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}")), time.Time{}); !errors.Is(err, ErrRedirect) {
		t.Errorf("PutManifest: %v", err)
	}
}

// A manifest that waits too long for its turn is not sent any more.
func TestPutManifestIsNotSentLate(t *testing.T) {
	var puts atomic.Int64
	held, release := make(chan struct{}), make(chan struct{})
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			puts.Add(1)
		}
		if strings.Contains(r.URL.Path, "/blobs/sha256") {
			close(held)
			<-release
		}
		return false
	})
	r := open(t, server, Options{MaxConcurrentRequests: 1})
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2}`))
	if err := r.PutManifest(context.Background(), "tag", m, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() { _, _ = r.HeadBlob(context.Background(), m.Digest) }) // It only has to take the place.
	<-held
	soon := time.Now().Add(20 * time.Millisecond)
	time.AfterFunc(time.Until(soon)+20*time.Millisecond, func() { close(release) })
	if err := r.PutManifest(context.Background(), "tag", m, soon); !errors.Is(err, oci.ErrLate) || errors.Is(err, oci.ErrAmbiguous) {
		t.Errorf("PutManifest: %v", err)
	}
	group.Wait()
	if puts.Load() != 1 {
		t.Errorf("%d manifests were sent", puts.Load())
	}
}

// What a redirect or an upload's location says is not repeated where it is no address: it may be signed.
func TestSecretsInLocations(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.Header().Set("Location", "https://storage.example.com/%zz?signature=secret")
		w.WriteHeader(map[string]int{http.MethodPost: http.StatusAccepted}[r.Method] + map[string]int{http.MethodGet: http.StatusTemporaryRedirect}[r.Method])
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
