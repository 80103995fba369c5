package e2e

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
)

// serveTLS serves a handler until the test ends and returns its URL.
func serveTLS(t *testing.T, handler http.Handler, files *servers.TLS) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // Handshakes that fail are part of the tests.
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// front terminates TLS in front of a registry like a load balancer. It counts answers and can answer by itself.
type front struct {
	host string

	mu sync.Mutex
	// hook sees a request first and returns true if it has answered the request.
	hook     func(w http.ResponseWriter, r *http.Request) bool
	statuses map[int]int
	// requests is a log for the output of a failed test.
	requests []string
}

// newFront starts a front. Without files it speaks HTTP.
func newFront(t *testing.T, backend *server, files *servers.TLS) *front {
	t.Helper()
	f := &front{statuses: map[int]int{}}
	t.Cleanup(func() {
		if t.Failed() {
			f.mu.Lock()
			defer f.mu.Unlock()
			t.Logf("the registry's front was asked:\n%s", strings.Join(f.requests, "\n"))
		}
	})
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: backend.Scheme, Host: backend.Host})
			r.Out.Host = r.In.Host
		},
		ErrorLog: log.New(io.Discard, "", 0), // Clients that are gone are part of the tests.
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder, path := &statusRecorder{ResponseWriter: w}, r.URL.Path
		defer func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.statuses[recorder.status]++
			f.requests = append(f.requests,
				fmt.Sprintf("%s %s %s: %d", time.Now().Format("05.000"), r.Method, path, recorder.status))
		}()
		f.mu.Lock()
		hook := f.hook
		f.mu.Unlock()
		if hook == nil || !hook(recorder, r) {
			forward.ServeHTTP(recorder, r)
		}
	})
	if files != nil {
		f.host = strings.TrimPrefix(serveTLS(t, handler, files), "https://")
		return f
	}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	f.host = strings.TrimPrefix(s.URL, "http://")
	return f
}

// count returns the number of answers with a status.
func (f *front) count(status int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.statuses[status]
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// writes reports whether a request would change the registry.
func writes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// connector is a forward proxy. It accepts CONNECT with its password and resolves every name below .test to this
// machine.
type connector struct {
	url    string
	tunnel atomic.Int64
}

// proxyPassword is the password of a connector.
const proxyPassword = "let-me-out"

func newConnector(t *testing.T) *connector {
	t.Helper()
	c := &connector{}
	wanted := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+proxyPassword))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "a proxy for HTTPS", http.StatusMethodNotAllowed)
			return
		}
		if r.Header.Get("Proxy-Authorization") != wanted {
			w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
			http.Error(w, "no access", http.StatusProxyAuthRequired)
			return
		}
		host, port, err := net.SplitHostPort(r.Host)
		if err != nil || !strings.HasSuffix(host, ".test") {
			http.Error(w, "unknown name", http.StatusBadGateway)
			return
		}
		out, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			http.Error(w, "nothing listens", http.StatusBadGateway)
			return
		}
		c.tunnel.Add(1)
		w.WriteHeader(http.StatusOK)
		in, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = out.Close() // The client is gone.
			return
		}
		relay(in, out, buffered)
	}))
	t.Cleanup(s.Close)
	c.url = strings.Replace(s.URL, "http://", "http://me:"+proxyPassword+"@", 1)
	return c
}

// relay copies between two connections until one ends and closes both. It reads the first one through a reader that
// may have buffered a part of it.
func relay(in, out net.Conn, read io.Reader) {
	var both sync.WaitGroup
	oneWay := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from) // Either end may break off.
		_, _ = in.Close(), out.Close()
	}
	both.Go(func() { oneWay(out, read) })
	both.Go(func() { oneWay(in, out) })
	both.Wait()
}

// dropper relays connections to a registry and drops a third of them: half of those at once, and half after the
// registry has answered. Which ones is random, but always the same: if every third one was dropped, it could be the
// same request of each attempt.
type dropper struct {
	host    string
	dropped atomic.Int64
}

func newDropper(t *testing.T, to string) *dropper {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dropper{host: listener.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for {
			in, err := listener.Accept()
			if err != nil {
				return // The test has ended.
			}
			n := random.IntN(6)
			all.Go(func() { d.serve(in, to, n) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
	return d
}

// serve relays one connection; of the numbers from 0 to 5, 0 and 1 drop it.
func (d *dropper) serve(in net.Conn, to string, n int) {
	if n == 0 {
		d.dropped.Add(1)
		_ = in.Close() // The client sees the end of the connection either way.
		return
	}
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close() // The client sees the end of the connection either way.
		return
	}
	if n != 1 {
		relay(in, out, in)
		return
	}
	d.dropped.Add(1)
	go func() { _, _ = io.Copy(out, in) }() // Either end may break off.
	first := make([]byte, 1)
	_, _ = out.Read(first) // The registry has answered, or has gone.
	_, _ = in.Close(), out.Close()
}
