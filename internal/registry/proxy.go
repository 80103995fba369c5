package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// proxyRefusal is the error of a proxy that does not open a tunnel to the registry. net/http would keep only the text
// beside the status, which may be anything.
type proxyRefusal struct{ status int }

// Error implements error.
func (e *proxyRefusal) Error() string {
	if text := http.StatusText(e.status); text != "" {
		return fmt.Sprintf("the proxy answered %d %s", e.status, text)
	}
	return fmt.Sprintf("the proxy answered %d", e.status)
}

// checkTunnel is http.Transport.OnProxyConnectResponse.
func checkTunnel(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &proxyRefusal{answer.StatusCode}
	}
	return nil
}

// isProxyLogin reports whether a proxy wants other credentials, so that a retry is in vain.
func isProxyLogin(err error) bool {
	refusal, ok := errors.AsType[*proxyRefusal](err)
	return ok && refusal.status == http.StatusProxyAuthRequired
}
