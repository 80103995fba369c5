package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// gate stands between the provider and a registry. It holds one answer to a request that writes, so that a test can
// kill the provider there.
type gate struct {
	host string

	mu sync.Mutex
	// left is the number of writes until the one to hold; 0 holds none.
	left int
	held chan string
}

func startGate(t *testing.T, s *server) *gate {
	t.Helper()
	g := &gate{}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: s.Host})
		r.Out.Host = r.In.Host // The registry puts it into upload locations.
	}, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := g.pass(r)
		if held == nil {
			forward.ServeHTTP(w, r)
			return
		}
		forward.ServeHTTP(httptest.NewRecorder(), r)
		_, _ = io.Copy(io.Discard, r.Body) // Otherwise the server does not see that the client goes.
		held <- r.Method + " " + r.URL.Path
		<-r.Context().Done() // The client is killed.
	}))
	t.Cleanup(server.Close)
	g.host = strings.TrimPrefix(server.URL, "http://")
	return g
}

// hold makes the gate hold the answer to the nth write from now on. The channel gets what is held.
func (g *gate) hold(n int) <-chan string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left, g.held = n, make(chan string, 1)
	return g.held
}

// open makes the gate hold nothing.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left = 0
}

// pass returns a channel for the request if its answer is to be held.
func (g *gate) pass(r *http.Request) (held chan<- string) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left == 0 {
		return nil
	}
	if g.left--; g.left > 0 {
		return nil
	}
	return g.held
}
