package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// maxBackoff bounds the wait between two attempts, apart from what the registry asks for.
const maxBackoff = 10 * time.Second

// maxRetryAfter is the longest Retry-After that is obeyed. If a registry asks for more, or for more than the operation
// has left, its answer is returned at once: it says when to try again. Broken and hostile registries ask for years.
const maxRetryAfter = 5 * time.Minute

// retry calls try until it succeeds, fails for good, has failed 1+MaxRetries times, or ctx ends. If another operation
// gives up on the host meanwhile, retry returns that operation's error: it has spent the same retries.
func (h *host) retry(ctx context.Context, try func(context.Context) error) error {
	backoff := h.client.options.Backoff
	for attempt := 1; ; attempt++ {
		err := try(withAttempt(ctx, attempt))
		if err == nil || ctx.Err() != nil || attempt > h.client.options.MaxRetries || !passing(err) {
			h.giveUp(ctx, err)
			return err
		}
		if known := h.outages.current(err); known != nil {
			return known
		}
		pause := backoff/2 + wait.Jitter(backoff/2)
		asked := RetryAfter(err)
		if asked > 0 {
			if deadline, ok := ctx.Deadline(); asked > maxRetryAfter || ok && time.Until(deadline) < asked {
				return err
			}
			pause += asked
		}
		h.logRetry(ctx, err, attempt, pause, asked)
		if wait.For(ctx, pause) != nil {
			return err
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// RetryAfter returns the wait that the registry's answer in an error asks for; zero if it asks for none.
func RetryAfter(err error) time.Duration {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.RetryAfter
	}
	return 0
}

// statusOf returns the HTTP status of the answer in an error; zero if the error has no answer.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.Status
	}
	return 0
}

// passing reports whether the same request may succeed a little later.
func passing(err error) bool {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.temporary()
	}
	return errors.Is(err, ErrUnreachable) && !errors.Is(err, errFinal)
}

// errFinal marks an unreachable registry that no retry will reach: a name that does not exist, a port where nothing
// listens, a server without TLS, or a certificate that is not trusted.
var errFinal = fmt.Errorf("%w", ErrUnreachable)

// classify turns an error of an HTTP round trip into one of this package. An error is the caller's own only if ctx has
// ended: the transport's timeouts read "deadline exceeded" too.
func classify(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	for _, ours := range []error{
		ErrPlainHTTP, ErrRedirect, ErrTokenService, ErrTLSConfig, ErrUnreachable, oci.ErrTooLarge, oci.ErrLate,
	} {
		if errors.Is(err, ours) {
			return err
		}
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch) || isNoTLS(err):
		return fmt.Errorf("%w: %w: %w", errFinal, ErrNoTLS, err)
	case isCertificateError(err):
		return fmt.Errorf("%w: %w: %w", errFinal, ErrCertificate, err)
	case isClientCertificateError(err):
		return fmt.Errorf("%w: %w: %w", errFinal, ErrClientCertificate, err)
	case isDNS && dns.IsNotFound, errors.Is(err, syscall.ECONNREFUSED), isProxyLogin(err):
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	if !isPlain(err) {
		err = errNotHTTP
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// errNotHTTP stands for the errors of net/http that quote what the server sent, which may be any text.
var errNotHTTP = errors.New("what the server sent is not valid HTTP")

// plainErrors begin the errors of net/http that quote nothing, besides those with a type of their own.
var plainErrors = []string{"http: server closed", "stream error: stream ID ", "http2: timeout", "http2: client conn",
	"http2: no cached", "http2: Transport"}

// isPlain reports whether an error of a round trip quotes nothing that the server sent as text.
func isPlain(err error) bool {
	if wrapped, ok := errors.AsType[*url.Error](err); ok { // It is a net.Error whatever it wraps.
		err = wrapped.Err
	}
	_, isNet := errors.AsType[net.Error](err) // Errors of connections and name servers, and timeouts.
	_, isAlert := errors.AsType[tls.AlertError](err)
	_, isErrno := errors.AsType[syscall.Errno](err)
	_, isProxy := errors.AsType[*proxyRefusal](err)
	if isNet || isAlert || isErrno || isProxy || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	text := innermost(err).Error()
	return slices.ContainsFunc(plainErrors, func(prefix string) bool { return strings.HasPrefix(text, prefix) })
}

// innermost follows an error to the one that it began with.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// isNoTLS reports whether the server answered a TLS handshake with something other than TLS.
func isNoTLS(err error) bool {
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return plain
}

// isCertificateError reports whether TLS failed because the registry's certificate is not valid or not trusted.
func isCertificateError(err error) bool {
	_, invalid := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return invalid || unknown
}

// isClientCertificateError reports whether the server ended a TLS handshake because it wants another certificate of the
// client's (RFC 8446, "Alert Protocol": bad_certificate, unknown_ca, certificate_required and others).
func isClientCertificateError(err error) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	if !ok || remote.Op != "remote error" { // crypto/tls marks an alert from the server so.
		return false
	}
	text := remote.Err.Error()
	return strings.Contains(text, "certificate") || strings.Contains(text, "access denied")
}
