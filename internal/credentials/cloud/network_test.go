package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// secret is what must never appear in an error.
const secret = "S3CRET"

// network stands for the internet and for the services around a machine in a cloud: a server on loopback answers for
// any host that the clouds' libraries connect to.
type network struct {
	http.RoundTripper

	t     *testing.T
	sites map[string]http.HandlerFunc

	mu   sync.Mutex
	seen []string
}

// newNetwork returns a network with sites by scheme and host: "https://example.com".
func newNetwork(t *testing.T, sites map[string]http.HandlerFunc) *network {
	t.Helper()
	n := &network{t: t, sites: sites}
	encrypted, plain := httptest.NewTLSServer(n), httptest.NewServer(n)
	t.Cleanup(encrypted.Close)
	t.Cleanup(plain.Close)
	transport, ok := encrypted.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	transport = transport.Clone()
	transport.TLSClientConfig.ServerName = "example.com" // The test server's certificate has this name.
	transport.DialContext = func(ctx context.Context, kind, address string) (net.Conn, error) {
		server := plain
		if strings.HasSuffix(address, ":443") {
			server = encrypted
		}
		var d net.Dialer
		return d.DialContext(ctx, kind, server.Listener.Addr().String())
	}
	t.Cleanup(transport.CloseIdleConnections)
	n.RoundTripper = transport
	return n
}

// ServeHTTP answers for the host of a request.
func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	site := scheme + "://" + r.Host
	n.mu.Lock()
	n.seen = append(n.seen, site+r.URL.Path)
	n.mu.Unlock()
	handler, ok := n.sites[site]
	if !ok {
		n.t.Errorf("a request for %s", site)
		http.Error(w, "no such site", http.StatusBadGateway)
		return
	}
	handler(w, r)
}

// count returns the number of requests whose URL begins with a prefix.
func (n *network) count(prefix string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	count := 0
	for _, s := range n.seen {
		if strings.HasPrefix(s, prefix) {
			count++
		}
	}
	return count
}

// say answers every request with a status and a text.
func say(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

// hang answers nothing until the client gives up.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // Otherwise the server does not notice that the client gives up.
	select {
	case <-r.Context().Done():
	case <-time.After(10 * time.Second):
	}
}

// alone removes from the environment all that ties this process to a cloud or a person. The process can start only the
// programs in the directory that alone returns.
func alone(t *testing.T) (bin string) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		for _, prefix := range []string{
			"AWS_", "AZURE_", "GOOGLE_", "GCE_", "CLOUDSDK_", "GITHUB_", "MSI_", "IDENTITY_", "IMDS_", "ECS_",
			"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
		} {
			if strings.HasPrefix(strings.ToUpper(name), prefix) {
				t.Setenv(name, "") // Setenv restores the variable after the test.
				if err := os.Unsetenv(name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	home := t.TempDir()
	bin = filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("APPDATA", home)
	t.Setenv("PATH", bin)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	return bin
}

// program writes a shell script into the directory of programs.
func program(t *testing.T, bin, name, script string) {
	t.Helper()
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh")
	}
	write(t, filepath.Join(bin, name), "#!/bin/sh\n"+script+"\n", 0o700)
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func find(source credentials.Source, host string) (credentials.Credential, error) {
	return source.Find(context.Background(), credentials.Target{Host: host, Path: "a/b"})
}

// found fails the test unless a source has the wanted credential.
func found(t *testing.T, source credentials.Source, host string, want credentials.Credential) {
	t.Helper()
	got, err := find(source, host)
	if err != nil {
		t.Fatalf("%s: %v", host, err)
	}
	if got.Origin == "" || strings.Contains(fmt.Sprintf("%+v", got), secret) {
		t.Errorf("%s: the credential prints as %+v", host, got)
	}
	if d := got.Expires.Sub(want.Expires); d.Abs() > 5*time.Second {
		t.Errorf("%s: expires at %s, not %s", host, got.Expires, want.Expires)
	}
	want.Origin, want.Expires = got.Origin, got.Expires
	if got != want {
		t.Errorf("%s: got user %q, password %q, identity token %q", host, got.Username, got.Password, got.IdentityToken)
	}
}

// refused fails the test unless the error of a source has the words and no secret.
func refused(t *testing.T, source credentials.Source, host string, words ...string) {
	t.Helper()
	began := time.Now()
	got, err := find(source, host)
	if !got.IsAnonymous() || !errors.Is(err, credentials.ErrUnavailable) {
		t.Fatalf("%s: %s, %v", host, got, err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("%s: took %s", host, took)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q is not in: %v", host, word, err)
		}
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("%s: a secret in: %v", host, err)
		}
	}
	t.Log(host, "took", time.Since(began).Round(time.Millisecond))
}
