package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Plain HTTP is for loopback hosts and for hosts that are configured so. Any other host gets no request without TLS.
func TestPlainHTTP(t *testing.T) {
	var requests atomic.Int64
	server := serve(t, func(http.ResponseWriter, *http.Request) bool {
		requests.Add(1)
		return false
	})
	for _, name := range []string{"registry.example.com", "registry.local", "10.1.2.3:5000"} {
		dial := func(r *Repository) {
			// The name leads to the test server, and is not resolved.
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
	if err = listener.Close(); err != nil {
		t.Fatal(err)
	}
	r := openHost(t, host, Options{Backoff: time.Hour}) // A retry would wait.
	_, err = r.GetManifest(context.Background(), "tag")
	if !errors.Is(err, ErrUnreachable) || strings.Contains(err.Error(), "https://") {
		t.Errorf("GetManifest: %v", err)
	}
}

// Fifty parallel requests share one connection if the registry speaks HTTP/2. Without HTTP/2, sequential requests do.
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

// One slot is enough, even if a request needs a login in between.
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

// A request to a registry that falls silent, before or within its answer, is retried. A slow answer is read to its end.
func TestSilence(t *testing.T) {
	content := []byte("content")
	var requests atomic.Int64
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		switch requests.Add(1) {
		case 1: // Silence before the answer.
			<-r.Context().Done()
		case 2: // Silence within the answer.
			_, _ = w.Write(content[:3])
			flush(t, w)
			<-r.Context().Done()
		default: // A slow answer.
			for i := range content {
				_, _ = w.Write(content[i : i+1])
				flush(t, w)
				time.Sleep(10 * time.Millisecond)
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
	_, err = r.GetBlob(context.Background(), oci.DigestOf(content), 100)
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("GetBlob of a silent registry: %v", err)
	}
}
