package registry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// unreachableLife is how long requests to a host fail at once after an operation has given up on it. Terraform starts
// an operation for each of its objects, and each would spend all its retries on the same host.
const unreachableLife = 10 * time.Second

// UnreachableError says that a host cannot be reached: no connection could be made, or the registry did not answer the
// ping. It wraps ErrUnreachable. Its text is that of Cause.
type UnreachableError struct {
	// Host is the host, with its port unless that is the scheme's own: the registry, its token service, or the storage
	// that it redirects to.
	Host string
	// Reason is the innermost cause, such as "connection refused". Unlike Cause it names neither a request nor a local
	// port, so that it is the same for every request that fails in the same way.
	Reason string
	// Cause is the error of the request that could not be sent. It may be another one than the caller's own.
	Cause error

	origin string
	// known says that the host's outages have this error: retries would not help, and it needs not be remembered again.
	known bool
}

// Error implements error.
func (e *UnreachableError) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Cause }

// Is reports whether target is errFinal and a retry is pointless.
func (e *UnreachableError) Is(target error) bool { return e.known && target == errFinal }

// noConnection is the error of a round trip that did not reach a host. sendError makes an UnreachableError of it.
type noConnection struct {
	url *url.URL
	// trial says that this request was the one that tried whether the host is back.
	trial bool
	err   error
}

// Error implements error.
func (e *noConnection) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *noConnection) Unwrap() error { return e.err }

// unreachable returns the UnreachableError of a round trip that failed with e; err is the same error as classify
// returned it.
func (e *noConnection) unreachable(err error) *UnreachableError {
	return &UnreachableError{
		Host: oci.OriginHost(e.url.Scheme, e.url.Host), Reason: innermost(e.err).Error(), Cause: err,
		origin: originOf(e.url), known: e.trial,
	}
}

// originOf returns the scheme, host and port of a URL in one spelling.
func originOf(u *url.URL) string { return u.Scheme + "://" + oci.OriginHost(u.Scheme, u.Host) }

// outages are the hosts that operations on one registry have given up on, by origin: an unreachable token service or
// storage does not keep requests from the registry itself. The zero value is ready to use. It is safe for concurrent
// use.
type outages struct {
	mu       sync.Mutex
	byOrigin map[string]*outage
}

// outage is the state of a host that could not be reached.
type outage struct {
	err *UnreachableError
	// until is when the next request tries again.
	until time.Time
	// trying says that a request is trying whether the host is back.
	trying bool
}

// enter decides on a request that is about to be sent. Within unreachableLife after an operation gave up, it returns
// that operation's error. Afterwards one request at a time is a trial, and the others still fail at once: waiting for
// the trial would cost each of them the time of a connection that is not answered. A trial has no retries. An outage
// that nobody has asked about for another unreachableLife is forgotten, so that a later one gets all its retries.
func (o *outages) enter(origin string) (trial bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found, now := o.byOrigin[origin], time.Now()
	switch {
	case found == nil:
		return false, nil
	case found.trying || now.Before(found.until):
		return false, found.err
	case now.After(found.until.Add(unreachableLife)):
		delete(o.byOrigin, origin)
		return false, nil
	}
	found.trying = true
	return true, nil
}

// remember begins an outage with the error of the operation that has given up.
func (o *outages) remember(err *UnreachableError) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byOrigin == nil {
		o.byOrigin = map[string]*outage{}
	}
	o.byOrigin[err.origin] = &outage{err: err, until: time.Now().Add(unreachableLife)}
}

// reached forgets the outage of a host that has been reached.
func (o *outages) reached(origin string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.byOrigin, origin)
}

// endTrial ends a trial that did not reach the host. If it was cancelled, it says nothing and the next request is the
// trial.
func (o *outages) endTrial(origin string, cancelled bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	found := o.byOrigin[origin]
	if found == nil {
		return
	}
	found.trying = false
	if !cancelled {
		found.until = time.Now().Add(unreachableLife)
	}
}

// current returns the error of a host's outage, if the host of err has one.
func (o *outages) current(err error) error {
	failed, ok := errors.AsType[*UnreachableError](err)
	if !ok {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if found := o.byOrigin[failed.origin]; found != nil && time.Now().Before(found.until) {
		return found.err
	}
	return nil
}

// giveUp remembers that an operation ends with err, after its last retry, if that is because a host cannot be reached.
// An operation that ends for its own reasons, such as its time limit, says nothing about the host.
func (h *host) giveUp(ctx context.Context, err error) {
	failed, ok := errors.AsType[*UnreachableError](err)
	if !ok || failed.known || ctx.Err() != nil {
		return
	}
	known := *failed // Operations that shared the request share its error, too.
	known.known = true
	h.outages.remember(&known)
	h.debug(ctx, "requests to a host that cannot be reached fail at once", slog.String("host", known.Host),
		slog.Duration("for", unreachableLife), failure(&known))
}

// settle tells the outages how a round trip ended, and returns its error. A connection that broke off says nothing
// about the host unless the request was the ping: other requests may fail for what they ask or send.
func (t *hostTransport) settle(in *http.Request, connected, trial bool, err error) error {
	origin := originOf(in.URL)
	unreached := !connected || t.host.is(in.URL) && in.URL.Path == pingPath
	switch {
	case err == nil, !unreached:
		t.host.outages.reached(origin)
		return err
	case trial:
		t.host.outages.endTrial(origin, in.Context().Err() != nil)
	}
	return &noConnection{in.URL, trial, err}
}
