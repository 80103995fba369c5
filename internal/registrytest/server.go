package registrytest

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
)

// Kind is an implementation of a registry.
type Kind string

// The embedded registries. Olareg checks that every layer of a manifest exists, and keeps repositories apart.
// go-containerregistry's registry does neither, so that no test uses it alone.
const (
	Olareg            Kind = "olareg"
	OlaregNoReferrers Kind = "olareg-without-referrers"
	GGCR              Kind = "go-containerregistry"
	// GGCRReferrers has the API for referrers, and does not say so in its answers to manifests. It is not among Kinds.
	GGCRReferrers Kind = "go-containerregistry-with-referrers"
)

// Kinds lists the registries to test with: the embedded ones or, if the environment names a registry, External alone.
var Kinds = kinds()

// Options configure a Server. The zero value is olareg without authentication.
type Options struct {
	// Kind is the implementation; empty means Olareg.
	Kind Kind
	// Username and Password are what every request must have. An empty Username lets every request pass.
	Username, Password string
}

// Server is a registry on a free loopback port.
type Server struct {
	http *httptest.Server
	stop func() error

	mu        sync.Mutex
	requests  []Request
	intercept Interceptor
}

// Request is one request in the log.
type Request struct {
	Method, Path string
	// Status is the HTTP status of the answer.
	Status int
}

// Interceptor sees a request before the registry does. It returns true if it has answered the request.
type Interceptor func(w http.ResponseWriter, r *http.Request, registry http.Handler) bool

// Start starts a registry. The caller must Close it.
func Start(options Options) (*Server, error) {
	handler, stop, err := external()
	if err == nil && handler == nil {
		handler, stop, err = embedded(options.Kind)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{stop: stop}
	if options.Username != "" {
		handler = requireBasicAuth(handler, options.Username, options.Password)
	}
	s.http = httptest.NewServer(s.logged(handler))
	return s, nil
}

// embedded returns a registry that runs in this process.
func embedded(kind Kind) (handler http.Handler, stop func() error, err error) {
	switch kind {
	case GGCR, GGCRReferrers:
		quiet, referrers := registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(kind == GGCRReferrers)
		return registry.New(quiet, referrers), func() error { return nil }, nil
	case Olareg, OlaregNoReferrers, "":
		referrers, deletes := kind != OlaregNoReferrers, true
		server := olareg.New(config.Config{
			Storage: config.ConfigStorage{StoreType: config.StoreMem},
			API: config.ConfigAPI{
				DeleteEnabled: &deletes,
				Blob:          config.ConfigAPIBlob{DeleteEnabled: &deletes},
				Referrer:      config.ConfigAPIReferrer{Enabled: &referrers},
			},
		})
		return server, server.Close, nil
	default:
		return nil, nil, fmt.Errorf("no such registry: %q", kind)
	}
}

// Close stops the registry. An embedded registry loses what it stored.
func (s *Server) Close() error {
	s.http.Close()
	return s.stop()
}

// Host returns the registry's address as it stands in references: host and port.
func (s *Server) Host() string {
	return strings.TrimPrefix(s.http.URL, "http://")
}

// Intercept sets the hook that sees every request first. Nil removes the hook.
func (s *Server) Intercept(hook Interceptor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = hook
}

// Requests returns a copy of the log since the last Reset, in the order in which requests ended.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Reset empties the log.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Count returns the number of logged requests with a method and with a path that contains part. An empty method
// stands for all methods.
func (s *Server) Count(method, part string) int {
	count := 0
	for _, r := range s.Requests() {
		if (method == "" || r.Method == method) && strings.Contains(r.Path, part) {
			count++
		}
	}
	return count
}

func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		method, path := r.Method, r.URL.Path
		defer func() {
			s.mu.Lock()
			s.requests = append(s.requests, Request{method, path, recorder.status})
			s.mu.Unlock()
		}()
		s.mu.Lock()
		hook := s.intercept
		s.mu.Unlock()
		if hook != nil && hook(recorder, r, next) {
			return
		}
		next.ServeHTTP(recorder, r)
	})
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
	sent   bool
}

// WriteHeader implements http.ResponseWriter. Only the first call counts: olareg makes two.
func (s *statusRecorder) WriteHeader(status int) {
	if s.sent {
		return
	}
	if status < http.StatusOK { // The answer itself is still to come.
		s.ResponseWriter.WriteHeader(status)
		return
	}
	s.status, s.sent = status, true
	s.ResponseWriter.WriteHeader(status)
}

func requireBasicAuth(next http.Handler, username, password string) http.Handler {
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, ok := r.BasicAuth()
		if ok && same(u, username) && same(p, password) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="registrytest"`)
		Refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	})
}

// Refuse answers with an error in the form of the distribution specification.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message) // The client may be gone.
}

// Break ends the client's connection without an answer. It panics with http.ErrAbortHandler, which net/http handles.
func Break(http.ResponseWriter) {
	panic(http.ErrAbortHandler)
}

// errStatus is an unexpected answer to Server.Do.
var errStatus = errors.New("unexpected status")

// Do sends a request to the registry without the provider's client and returns the body of the answer. The log has
// the request like any other. A status of 400 or more is an error, which comes with the body.
func (s *Server) Do(ctx context.Context, method, path string, header http.Header, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, header)
	response, err := s.http.Client().Do(request)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return content, fmt.Errorf("%w: %s %s: %s", errStatus, method, path, response.Status)
	}
	return content, nil
}
