package e2e

import (
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxLatency is the largest delay that the proxy adds to a request, and to its answer.
const maxLatency = 20 * time.Millisecond

// proxy stands between the provider and a registry. It adds random latency. Of a hundred requests, it answers two with
// 503 and breaks the connections of two after the registry has served them.
type proxy struct {
	host string
	mu   sync.Mutex
	rand *rand.Rand
	// broken and refused count the requests with that fate.
	broken, refused int
}

func startProxy(t *testing.T, s *server, seed uint64) *proxy {
	t.Helper()
	p := &proxy{rand: rand.New(rand.NewPCG(seed, 1))}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s.Host})
			r.Out.Host = r.In.Host // The registry puts it into upload locations.
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, after, fate := p.draw()
		pause(r, before)
		switch {
		case fate < 2:
			p.count(&p.refused)
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusServiceUnavailable)
		case fate < 4:
			p.count(&p.broken)
			forward.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		default:
			forward.ServeHTTP(w, r)
			pause(r, after)
		}
	}))
	t.Cleanup(server.Close)
	p.host = strings.TrimPrefix(server.URL, "http://")
	return p
}

// draw returns the fate of one request: a delay before and after it, and a number below 100.
func (p *proxy) draw() (before, after time.Duration, fate int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	latency := func() time.Duration { return time.Duration(p.rand.Int64N(int64(maxLatency))) }
	return latency(), latency(), p.rand.IntN(100)
}

func (p *proxy) count(what *int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*what++
}

func pause(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}
