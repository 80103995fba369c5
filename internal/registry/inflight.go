package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// errSilent: a request made no progress for the request timeout.
var errSilent = fmt.Errorf("%w: no answer", ErrUnreachable)

// errTrickle: a body came, or was taken, more slowly than minRate for the request timeout.
var errTrickle = fmt.Errorf("%w: slower than %d bytes a second", ErrUnreachable, minRate)

// minRate is how many bytes a second must be sent or received, on the average of a request timeout. A server that sends
// one byte at a time would otherwise hold a request for years. The slowest lines in use are a few times faster.
const minRate = 1 << 10

// inFlight is a request that is under way, until the body of its answer is closed. It is cancelled when fewer bytes
// move within the request timeout than minRate asks for.
type inFlight struct {
	transport *hostTransport
	ctx       context.Context //nolint:containedctx // The context lives as long as the request.
	cancel    context.CancelCauseFunc
	timer     *time.Timer
	once      sync.Once
	// recent is how many bytes have moved since the timer was started.
	recent atomic.Int64
}

func (t *hostTransport) begin(ctx context.Context) *inFlight {
	f := &inFlight{transport: t}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	f.timer = time.AfterFunc(t.timeout(), func() {
		if f.recent.Load() > 0 {
			f.cancel(fmt.Errorf("%w within %s", errTrickle, t.timeout()))
		} else {
			f.cancel(fmt.Errorf("%w within %s", errSilent, t.timeout()))
		}
	})
	return f
}

func (t *hostTransport) timeout() time.Duration { return t.host.client.options.RequestTimeout }

func (f *inFlight) end() {
	f.once.Do(func() {
		f.timer.Stop()
		f.cancel(nil)
		f.transport.release()
	})
}

// moved counts bytes that were sent or received, and restarts the timer when they suffice.
func (f *inFlight) moved(n int) {
	if total := f.recent.Add(int64(n)); float64(total) >= minRate*f.transport.timeout().Seconds() {
		f.restart()
	}
}

// restart gives the next part of the exchange a whole timeout.
func (f *inFlight) restart() {
	if f.ctx.Err() == nil {
		f.recent.Store(0)
		f.timer.Reset(f.transport.timeout())
	}
}

// explain replaces the error of a request that was cancelled for making too little progress.
func (f *inFlight) explain(err error) error {
	if cause := context.Cause(f.ctx); errors.Is(cause, errSilent) || errors.Is(cause, errTrickle) {
		return cause
	}
	return err
}

// outgoing returns the request to send: with the User-Agent of this program and a watched body.
func (f *inFlight) outgoing(in *http.Request) *http.Request {
	out := in.Clone(f.ctx)
	out.Header.Set("User-Agent", f.transport.host.client.options.UserAgent)
	if in.Body == nil || in.Body == http.NoBody {
		return out
	}
	out.Body = f.watch(in.Body)
	if in.GetBody != nil {
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := in.GetBody()
			if err != nil {
				return nil, err
			}
			return f.watch(body), nil
		}
	}
	return out
}

func (f *inFlight) watch(body io.ReadCloser) io.ReadCloser {
	return &watchedBody{request: f, inner: body}
}

// watchedBody counts what is sent or received of its request. A request that was sent to its end has a whole timeout
// left for its answer.
type watchedBody struct {
	request *inFlight
	inner   io.ReadCloser
	// last says that closing this body ends the request.
	last bool
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.inner.Read(p)
	if n > 0 {
		b.request.moved(n)
	}
	if !b.last && errors.Is(err, io.EOF) {
		b.request.restart()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.request.explain(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *watchedBody) Close() error {
	err := b.inner.Close()
	if b.last {
		b.request.end()
	}
	return err
}
