package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// maxBackoff bounds one wait between two tries that the registry did not ask for itself.
const maxBackoff = 10 * time.Second

// maxRetryAfter is the longest that a registry may ask to wait and is obeyed. Beyond it, and beyond what the
// operation has left, its answer is returned at once: it says when to try again, and hostile or broken
// registries say years.
const maxRetryAfter = 5 * time.Minute

// retry calls try until it succeeds, fails for good, has failed 1+MaxRetries times, or ctx ends.
func (h *host) retry(ctx context.Context, try func(context.Context) error) error {
	backoff := h.client.options.Backoff
	for attempt := 1; ; attempt++ {
		err := try(withAttempt(ctx, attempt))
		if err == nil || ctx.Err() != nil || attempt > h.client.options.MaxRetries || !passing(err) {
			return err
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

// RetryAfter is how long the registry's answer in an error asks to wait; zero where it does not.
func RetryAfter(err error) time.Duration {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.RetryAfter
	}
	return 0
}

// statusOf is the HTTP status of the answer in an error, zero where there is none.
func statusOf(err error) int {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.Status
	}
	return 0
}

// passing reports whether the same request may well succeed a little later.
func passing(err error) bool {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.temporary()
	}
	return errors.Is(err, ErrUnreachable) && !errors.Is(err, errFinal)
}

// errFinal marks an unreachable registry that further tries will not reach: a name that does not
// exist, a port where nothing listens, a server without TLS, or a certificate that is not trusted.
var errFinal = fmt.Errorf("%w", ErrUnreachable)

// classify turns an error of an HTTP round trip into one of this package. Only where ctx itself has ended
// is a timeout the caller's: the transport's own say deadline exceeded, too.
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
	case isDNS && dns.IsNotFound, errors.Is(err, syscall.ECONNREFUSED),
		strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)): // All that net/http says of a proxy's 407.
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// isNoTLS reports whether what answered a TLS handshake does not speak TLS.
func isNoTLS(err error) bool {
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	return plain
}

// isCertificateError reports whether TLS failed because of who the registry says it is.
func isCertificateError(err error) bool {
	_, invalid := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return invalid || unknown
}

// isClientCertificateError reports whether the server has ended a TLS handshake for want of another certificate
// of the client's (the alerts bad_certificate, unknown_ca, certificate_required and others, RFC 8446, section 6).
func isClientCertificateError(err error) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	if !ok || remote.Op != "remote error" { // How crypto/tls marks an alert that it has received.
		return false
	}
	text := remote.Err.Error()
	return strings.Contains(text, "certificate") || strings.Contains(text, "access denied")
}
