package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// A proxy that opens no tunnel is named with its status. The text beside the status, which may be anything, is not.
func TestProxyThatRefuses(t *testing.T) {
	for _, test := range []struct {
		answer, want string
		final        bool
	}{
		{"502 Bad Gateway", "the proxy answered 502 Bad Gateway", false},
		{"502 secret text", "the proxy answered 502 Bad Gateway", false},
		{"407 secret text", "the proxy answered 407 Proxy Authentication Required", true},
		{"599 secret text", "the proxy answered 599", false},
	} {
		t.Run(test.answer, func(t *testing.T) {
			t.Parallel()
			var connects atomic.Int64
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				connects.Add(1)
				refuseTunnel(t, w, test.answer)
			}))
			t.Cleanup(proxy.Close)
			address, err := url.Parse(proxy.URL)
			if err != nil {
				t.Fatal(err)
			}
			base := newBaseTransport()
			base.Proxy = http.ProxyURL(address)
			r := openHost(t, "registry.example.com", Options{MaxRetries: 2})
			through(r, base)
			_, err = r.GetManifest(context.Background(), "tag")
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), test.want) ||
				strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is %v", err)
			}
			if tried := connects.Load() > 1; tried == test.final {
				t.Errorf("%d attempts", connects.Load())
			}
		})
	}
}

// refuseTunnel answers with a status line of its own.
func refuseTunnel(t *testing.T, w http.ResponseWriter, status string) {
	t.Helper()
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	_, err = fmt.Fprintf(buffered, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)
	if err = errors.Join(err, buffered.Flush(), connection.Close()); err != nil {
		t.Error(err)
	}
}
