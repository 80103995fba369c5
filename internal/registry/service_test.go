package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// A request to a time stamping authority names the program and is in the log, without the query. It has no credentials,
// even if the same host is a registry with a login.
func TestServiceClient(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") != "manifesto/1" || r.Header.Get("Authorization") != "" {
			t.Errorf("the headers of the request: %v", r.Header)
		}
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	records := newRecords()
	client := NewClient(Options{
		UserAgent:   "manifesto/1",
		Credentials: credentials.Settings{host: {Username: "robot", Password: "S3CRET"}},
		Logger:      slog.New(records),
	})
	t.Cleanup(client.Close)
	resp, err := client.ServiceClient().Post(server.URL+"/tsa?key=S3CRET", "text/plain", strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil || string(answer) != "question" {
		t.Errorf("the answer is %q, %v", answer, err)
	}
	if err = resp.Body.Close(); err != nil {
		t.Error(err)
	}
	records.has(t, "DEBUG", "POST "+host+"/tsa: 200 in", "subsystem=registry", "path=/tsa", "sent_bytes=8", "status=200")
	records.hasNo(t, "S3CRET")
}

func TestServiceClientRefuses(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(plain.Close)
	trusting := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	secure := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	t.Cleanup(secure.Close)
	trusting.RootCAs.AddCert(secure.Certificate())
	for name, test := range map[string]struct{ url, want string }{
		"a link-local address":   {"http://169.254.169.254/latest/meta-data", "link-local address 169.254.169.254:80"},
		"endless redirects":      {plain.URL, "more than 5 in a row"},
		"redirect to plain http": {secure.URL, "from https://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := NewClient(Options{})
			client.base.TLSClientConfig = trusting.Clone()
			t.Cleanup(client.Close)
			resp, err := client.ServiceClient().Get(test.url)
			if err == nil {
				t.Errorf("the answer is %s", resp.Status)
			}
			if !errors.Is(err, ErrRedirect) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestServiceClientGivesUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	client := NewClient(Options{RequestTimeout: 50 * time.Millisecond})
	t.Cleanup(client.Close)
	if resp, err := client.ServiceClient().Get(server.URL); err == nil {
		t.Errorf("the answer of a server that hangs is %s", resp.Status)
	}
}
