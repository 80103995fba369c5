package registry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Requests, logins, retries and redirects are in the log; passwords, tokens, signatures and content are not.
func TestLog(t *testing.T) {
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "S3CRET-content")
	}))
	t.Cleanup(storage.Close)
	tokens := &tokens{expires: 300}
	var failed atomic.Bool
	tokens.server = serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case tokens.serve(w, r):
		case r.Method == http.MethodPost && !failed.Swap(true):
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "S3CRET-message")
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/"):
			http.Redirect(w, r, storage.URL+"/bucket/blob?signature=S3CRET-signature", http.StatusTemporaryRedirect)
		default:
			return false
		}
		return true
	})
	records := newRecords()
	r := open(t, tokens.server, Options{
		Credentials: credentials.Chain{credentials.Settings{
			tokens.host(): {Username: "robot", Password: "S3CRET-password", Origin: "the test"},
		}},
		Logger: slog.New(records),
	})
	ctx := context.Background()
	digest, err := r.PutBlob(ctx, make([]byte, maxTrial+1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.HeadBlob(ctx, digest); err != nil {
		t.Error(err)
	}
	if _, err := r.GetBlob(ctx, oci.DigestOf([]byte("S3CRET-content")), 100); err != nil {
		t.Error(err)
	}

	registry, host := "registry="+tokens.host(), "host="+tokens.host()
	const debug = "DEBUG"
	loggedIn := "DEBUG logged in for pull,push of app as credentials of the test subsystem=registry"
	uploads, blob := "path=/v2/app/blobs/uploads/", "path=/v2/app/blobs/"+digest.String()
	records.has(t, debug, "GET "+tokens.host()+"/v2/: 401 in", "subsystem=registry", registry, "method=GET", host,
		"path=/v2/", "attempt=1", "status=401")
	records.has(t, debug, "method=GET", host, "path=/token", "status=200")
	records.has(t, debug, "method=POST", uploads, "attempt=1", "status=503")
	records.has(t, "DEBUG retry subsystem=registry", registry, "attempt=2", "wait_reason=backoff", "status=503")
	records.has(t, debug, "method=POST", uploads, "attempt=2", "status=202")
	records.has(t, debug, "method=PUT", "attempt=2", "sent_bytes=65537", "status=201")
	records.has(t, debug, "method=HEAD", blob, "status=200", "answer_bytes=65537")
	records.has(t, debug, "method=GET", "status=200", "answered_by="+strings.TrimPrefix(storage.URL, "http://"))
	records.has(t, loggedIn, registry, "repository=app", "scope=pull,push", "scheme=bearer",
		"as=credentials of the test", "token_life=5m0s", "renewal=false")
	records.has(t, "DEBUG source has credentials subsystem=credentials", registry, "origin=the test")
	records.has(t, "DEBUG-4 challenge subsystem=registry", "scheme=bearer", "service=test",
		"realm=http://"+tokens.host()+"/token")
	records.has(t, "DEBUG-4 redirect subsystem=registry", "path=/bucket/blob", "hop=1")
	records.has(t, "DEBUG-4 connection subsystem=registry", host, "reused=true")
	header := strings.TrimPrefix(basicHeader("robot", "S3CRET-password"), "Basic ")
	records.hasNo(t, "S3CRET", "token-1", "token-2", "Bearer", header, "signature")
}

// The waits that a registry asks for, and the wait for a slot, are in the log.
func TestLogOfWaits(t *testing.T) {
	var requests atomic.Int64
	held, release := make(chan struct{}), make(chan struct{})
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/v2/":
			return false
		case strings.Contains(r.URL.Path, "/blobs/"):
			close(held)
			<-release
			return false
		case requests.Add(1) > 1:
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	records := newRecords()
	r := open(t, server, Options{MaxConcurrentRequests: 1, Logger: slog.New(records)})
	absent(t, r)
	records.has(t, "DEBUG the registry asks for a pause subsystem=registry", "pause=1s", "status=429")
	records.has(t, "DEBUG retry subsystem=registry", "wait_reason=Retry-After", "status=429")

	var group sync.WaitGroup
	group.Go(func() { _, _ = r.HeadBlob(context.Background(), oci.DigestOf([]byte("x"))) }) // It only takes the slot.
	<-held
	time.AfterFunc(2*noticeable, func() { close(release) })
	absent(t, r)
	group.Wait()
	records.has(t, "DEBUG waited for a slot of max_concurrent_requests subsystem=registry")
}

func TestLogOfRefusedLogin(t *testing.T) {
	s := newTokens(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		_, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "wrong: "+password)
		return true
	}
	records := newRecords()
	r := open(t, s.server, Options{
		Credentials: credentials.Settings{s.host(): {Username: "robot", Password: "S3CRET-password"}},
		Logger:      slog.New(records),
	})
	if _, err := r.GetManifest(context.Background(), "tag"); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("GetManifest: %v", err)
	}
	records.has(t, "DEBUG login failed subsystem=registry", "repository=app", "scope=pull", "status=401")
	records.hasNo(t, "S3CRET")
}

// A logger whose levels are off allocates nothing, like no logger.
func TestLogIsFreeWhenOff(t *testing.T) {
	off := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelInfo}))
	req, err := http.NewRequest(http.MethodGet, "http://registry.example.com/v2/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp := &http.Response{StatusCode: http.StatusOK, Request: req}
	ctx := context.Background()
	for name, logger := range map[string]*slog.Logger{"none": nil, "off": off} {
		h := openHost(t, "registry.example.com", Options{Logger: logger}).host
		if h.logs(ctx, slog.LevelDebug) || h.logs(ctx, logs.LevelTrace) {
			t.Fatalf("%s: the logger is on", name)
		}
		allocations := testing.AllocsPerRun(100, func() {
			h.logRequest(ctx, req, resp, nil, time.Second)
			h.logRetry(ctx, errSilent, 1, time.Second, 0)
			h.logRedirect(ctx, req, 1)
			_ = h.traced(ctx, "registry.example.com")
		})
		if allocations != 0 {
			t.Errorf("%s: %.0f allocations", name, allocations)
		}
	}
}
