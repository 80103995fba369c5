package registry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// ServiceClient returns an HTTP client for the services behind signatures, which are no registries: time stamping
// authorities, and the OCSP responders and revocation lists that certificates name. It uses the environment's proxies
// and the system's certificate authorities, sends the options' UserAgent and no credentials, repeats nothing, and gives
// up after the options' RequestTimeout. Since certificates choose the addresses, it connects to no link-local address;
// its error then wraps ErrRedirect.
func (c *Client) ServiceClient() *http.Client {
	return &http.Client{
		Transport:     &serviceTransport{base: c.base, userAgent: c.options.UserAgent, log: c.log},
		CheckRedirect: checkServiceRedirect,
		Timeout:       c.options.RequestTimeout,
	}
}

// checkServiceRedirect is the policy for a service's redirects: few, and not from https to http. The error wraps
// ErrRedirect.
func checkServiceRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return fmt.Errorf("%w: from https://%s to %s://%s", ErrRedirect, via[0].URL.Host, req.URL.Scheme, req.URL.Host)
	}
	return nil
}

// serviceTransport sends the requests of a ServiceClient.
type serviceTransport struct {
	base      *http.Transport
	userAgent string
	log       *slog.Logger
}

// RoundTrip implements http.RoundTripper.
func (t *serviceTransport) RoundTrip(in *http.Request) (*http.Response, error) {
	ctx := in.Context()
	out := in.Clone(context.WithValue(ctx, dialsKey{}, &dials{foreign: true}))
	if t.userAgent != "" {
		out.Header.Set("User-Agent", t.userAgent)
	}
	began := time.Now()
	resp, err := t.base.RoundTrip(out)
	logRequest(ctx, t.log, in, resp, err, time.Since(began))
	return resp, err
}

// CloseIdleConnections closes the idle connections. http.Client calls it.
func (t *serviceTransport) CloseIdleConnections() { t.base.CloseIdleConnections() }
