package registry

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func absent(t *testing.T, r *Repository) {
	t.Helper()
	if _, err := r.HeadManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("HeadManifest: %v", err)
	}
}

// serve starts a registry. The hook sees each request first, and returns true if it has answered.
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

// openInMemory gives access to a repository of a registry, which is the handler. Its connections are in memory, so that
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

func flush(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	if err := http.NewResponseController(w).Flush(); err != nil {
		t.Error(err)
	}
}

// putEmpty stores an empty manifest under the tag "tag".
func putEmpty(r *Repository) error {
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}"))
	return r.PutManifest(context.Background(), "tag", m, time.Time{})
}
