package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// errSilent: a request made no progress for the request timeout.
var errSilent = fmt.Errorf("%w: no answer", ErrUnreachable)

// inFlight is a request that is under way, until the body of its answer is closed. It is cancelled when no byte moves
// for the request timeout.
type inFlight struct {
	transport *hostTransport
	ctx       context.Context //nolint:containedctx // The context lives as long as the request.
	cancel    context.CancelCauseFunc
	timer     *time.Timer
	once      sync.Once
}

func (t *hostTransport) begin(ctx context.Context) *inFlight {
	f := &inFlight{transport: t}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	f.timer = time.AfterFunc(t.timeout(), func() {
		f.cancel(fmt.Errorf("%w within %s", errSilent, t.timeout()))
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

func (f *inFlight) moved() { f.timer.Reset(f.transport.timeout()) }

// explain replaces the error of a request that was cancelled for making no progress.
func (f *inFlight) explain(err error) error {
	if cause := context.Cause(f.ctx); errors.Is(cause, errSilent) {
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

// watchedBody restarts the timeout of its request with each part that is sent or received.
type watchedBody struct {
	request *inFlight
	inner   io.ReadCloser
	// last says that closing this body ends the request.
	last bool
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.inner.Read(p)
	if n > 0 && b.request.ctx.Err() == nil {
		b.request.moved()
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
