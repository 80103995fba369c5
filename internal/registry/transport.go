package registry

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Time limits of a connection. Whole operations are bounded by their caller's context.
const (
	dialTimeout           = 10 * time.Second
	responseHeaderTimeout = 60 * time.Second
)

// maxRedirects bounds how many redirects of a blob download are followed.
const maxRedirects = 5

// maxIdlePerHost keeps the connections of Terraform's parallel operations alive between requests.
const maxIdlePerHost = 64

func newBaseTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          4 * maxIdlePerHost,
		MaxIdleConnsPerHost:   maxIdlePerHost,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: responseHeaderTimeout,
		ExpectContinueTimeout: time.Second,
	}
}

// guard is the innermost layer: every request to or on behalf of one registry passes it, those of
// go-containerregistry's login too. It enforces the scheme (section 9 of the design: no guessing and
// no race of https against http), names the program, and gives a request that is sent once more its
// whole body again, which go-containerregistry's bearer transport does not.
type guard struct {
	inner     http.RoundTripper
	userAgent string
	// host is the registry's network address; plain says whether it is spoken to over http.
	host  string
	plain bool
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(in *http.Request) (*http.Response, error) {
	if err := g.checkScheme(in.URL); err != nil {
		return nil, err
	}
	out := in.Clone(in.Context())
	out.Header.Set("User-Agent", g.userAgent)
	if in.GetBody != nil {
		body, err := in.GetBody()
		if err != nil {
			return nil, fmt.Errorf("rewinding the request's body: %w", err)
		}
		out.Body = body
	}
	return g.inner.RoundTrip(out)
}

func (g *guard) checkScheme(u *url.URL) error {
	switch {
	case u.Host == g.host && g.plain && u.Scheme != "http":
		return fmt.Errorf("%s is spoken to over plain HTTP, not %s", g.host, u.Scheme)
	case u.Scheme == "https", g.plain && u.Scheme == "http":
		return nil
	}
	return fmt.Errorf("%w for %s", ErrPlainHTTP, u.Host)
}

// checkRedirect is the http.Client policy for a registry's redirects (section 9 of the design): few,
// https unless the registry itself is plain, and not from a public host into a private network. The
// Authorization header stays behind because the login layer sets it for the registry's host only.
func (h *host) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if req.URL.Scheme != "https" && !h.plain {
		return fmt.Errorf("%w: from https://%s to %s://%s", ErrRedirect, h.address, req.URL.Scheme, req.URL.Host)
	}
	if isPrivate(req.URL.Host) && !isPrivate(h.address) && req.URL.Host != h.address {
		return fmt.Errorf("%w: from the public host %s to the private address %s", ErrRedirect, h.address, req.URL.Host)
	}
	if req.URL.Host != h.address {
		req.Header.Del("Authorization")
	}
	return nil
}

// isPrivate reports whether a host is written as an address of a private, link-local or loopback
// network, or is this machine's name.
func isPrivate(hostport string) bool {
	if isLoopback(hostport) {
		return true
	}
	h := hostport
	if split, _, err := net.SplitHostPort(hostport); err == nil {
		h = split
	}
	ip := net.ParseIP(strings.Trim(h, "[]"))
	return ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}
