package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxBackoff bounds one wait between two tries that the registry did not ask for itself.
const maxBackoff = 10 * time.Second

// maxRetryAfter bounds how long a registry may ask to wait: a hostile or broken one says years.
const maxRetryAfter = 2 * time.Minute

// retry calls try until it succeeds, fails for good, was called MaxRetries times more, or ctx ends.
func (c *Client) retry(ctx context.Context, try func() error) error {
	wait := c.options.Backoff
	for attempt := 0; ; attempt++ {
		err := try()
		if err == nil || ctx.Err() != nil || attempt >= c.options.MaxRetries || !passing(err) {
			return err
		}
		// Jitter, so that parallel operations do not return at once.
		pause := wait/2 + rand.N(wait/2+1) //nolint:gosec // Not a secret.
		if answer, ok := errors.AsType[*Error](err); ok && answer.RetryAfter > 0 {
			pause = min(answer.RetryAfter, maxRetryAfter)
		}
		if Pause(ctx, pause) != nil {
			return err
		}
		wait = min(2*wait, maxBackoff)
	}
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
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		return fromTransport(answer)
	}
	if ctx.Err() != nil {
		return err
	}
	for _, ours := range []error{ErrPlainHTTP, ErrRedirect, ErrTooLarge} {
		if errors.Is(err, ours) {
			return err
		}
	}
	dns, isDNS := errors.AsType[*net.DNSError](err)
	if (isDNS && dns.IsNotFound) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, http.ErrSchemeMismatch) || isCertificateError(err) {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// isCertificateError reports whether TLS failed because of who the registry says it is.
func isCertificateError(err error) bool {
	_, invalid := errors.AsType[*tls.CertificateVerificationError](err)
	return invalid
}
