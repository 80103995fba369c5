package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// dialTimeout bounds how long a connection takes to be made, and a TLS handshake.
const dialTimeout = 10 * time.Second

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
		ExpectContinueTimeout: time.Second,
	}
}

// hostTransport is the innermost layer: every request to or on behalf of one registry passes it, redirected
// ones and those to its token service too. It enforces the scheme (section 9 of the design: no guessing and no
// race of https against http), keeps what TLS settings the user made for the registry to it, names the program,
// limits how many requests are under way, and ends those that make no progress.
type hostTransport struct {
	host *host
	// load returns the transports of the host. The first call reads the certificates of the registry, which takes
	// files: no lock may be held.
	load func() (transports, error)
	// loaded is what load has returned; nil before its first call.
	loaded atomic.Pointer[transports]
	// slots holds a place for each request that may be under way; nil for any number.
	slots chan struct{}
}

// transports are those of one host: own is for the registry and its token service, foreign for the storage that the
// registry redirects to.
type transports struct{ own, foreign *http.Transport }

// newHostTransport reads no files yet.
func newHostTransport(h *host, c *Client) *hostTransport {
	t := &hostTransport{host: h}
	if n := c.options.MaxConcurrentRequests; n > 0 {
		t.slots = make(chan struct{}, n)
	}
	t.load = sync.OnceValues(func() (transports, error) {
		loaded, err := newTransports(c, h)
		if err == nil {
			t.loaded.Store(&loaded)
		}
		return loaded, err
	})
	return t
}

// newTransports reads the certificates of a host. The error wraps ErrTLSConfig.
func newTransports(c *Client, h *host) (transports, error) {
	own, foreign, err := tlsConfigs(h.config, certDirectories(c.options.CertDirectories, h.key))
	if err != nil {
		return transports{}, fmt.Errorf("%w: %w", ErrTLSConfig, err)
	}
	pair := transports{own: c.base, foreign: c.base}
	if own != nil {
		pair.own = c.base.Clone()
		pair.own.TLSClientConfig = own
	}
	if foreign != nil {
		pair.foreign = c.base.Clone()
		pair.foreign.TLSClientConfig = foreign
	}
	return pair, nil
}

// CloseIdleConnections is called by http.Client.
func (t *hostTransport) CloseIdleConnections() {
	if pair := t.loaded.Load(); pair != nil {
		pair.own.CloseIdleConnections()
		pair.foreign.CloseIdleConnections()
	}
}

// errSilent: a request made no progress for the request timeout.
var errSilent = fmt.Errorf("%w: no answer", ErrUnreachable)

// RoundTrip implements http.RoundTripper.
func (t *hostTransport) RoundTrip(in *http.Request) (*http.Response, error) {
	if err := t.host.checkScheme(in.URL); err != nil {
		return nil, err
	}
	pair, err := t.load()
	if err != nil {
		return nil, err
	}
	if err = t.acquire(in.Context()); err != nil {
		return nil, err
	}
	if in.Method == http.MethodPut && late(in.Context()) { // Nothing is left to wait for.
		t.release()
		return nil, oci.ErrLate
	}
	request := t.begin(t.host.traced(in.Context(), in.URL.Host))
	out := request.outgoing(in)
	transport := pair.foreign
	if t.host.trusts(in.URL) {
		transport = pair.own
	}
	resp, err := transport.RoundTrip(out)
	if err != nil {
		err = request.explain(err)
		request.end()
		return nil, err
	}
	resp.Body = &watchedBody{request: request, inner: resp.Body, last: true}
	return resp, nil
}

// acquire waits for a slot among the concurrent requests.
func (t *hostTransport) acquire(ctx context.Context) error {
	if t.slots == nil {
		return nil
	}
	began := time.Now()
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if waited := time.Since(began); waited >= noticeable {
		t.host.debug(ctx, "waited for a slot of max_concurrent_requests", slog.Duration("wait", waited))
	}
	return nil
}

func (t *hostTransport) release() {
	if t.slots != nil {
		<-t.slots
	}
}

type startByKey struct{}

// startBy returns a context that carries the deadline of PutManifest to the transport, past net/http, which has no
// other way for it.
func startBy(ctx context.Context, latest time.Time) context.Context {
	return context.WithValue(ctx, startByKey{}, latest)
}

// late reports whether the deadline of startBy has passed. The zero deadline never does.
func late(ctx context.Context) bool {
	latest, ok := ctx.Value(startByKey{}).(time.Time)
	return ok && !latest.IsZero() && time.Now().After(latest)
}

// inFlight is one request that is under way, until its answer was read. It ends early where nothing moves.
type inFlight struct {
	transport *hostTransport
	ctx       context.Context //nolint:containedctx // It is the request that this context ends.
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

// explain replaces what a cancelled request says by why it was.
func (f *inFlight) explain(err error) error {
	if cause := context.Cause(f.ctx); errors.Is(cause, errSilent) {
		return cause
	}
	return err
}

// outgoing returns the request as it is sent: by the name of this program, with a body that is watched.
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

// watchedBody tells its request of each part that was sent or received.
type watchedBody struct {
	request *inFlight
	inner   io.ReadCloser
	// last says that the request ends with it.
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

// checkScheme allows https anywhere, and http where the registry itself is spoken to over it.
func (h *host) checkScheme(u *url.URL) error {
	switch {
	case h.plain && u.Scheme != "http" && h.has(u):
		remedy := "set plain_http = false"
		if h.config.Scheme == "http" {
			remedy = "leave plain_http out"
		}
		return fmt.Errorf("%w: from http to %s://%s; to speak to it that way, %s", ErrRedirect, u.Scheme, u.Host, remedy)
	case u.Scheme == "https", h.plain && u.Scheme == "http":
		return nil
	}
	return fmt.Errorf("%w for %s", ErrPlainHTTP, u.Host)
}

// maxRedirects bounds how many redirects are followed.
const maxRedirects = 5

// checkRedirect is the policy for a registry's redirects (section 9 of the design): few, https unless the
// registry itself is plain, and not from a public host to an address in a private network. The Authorization
// header stays behind.
func (h *host) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if req.Method != via[0].Method { // 301 to 303 make a GET of a PUT, whose success would be taken for that of the PUT.
		return fmt.Errorf("%w: of a %s to %s, as a %s", ErrRedirect, via[0].Method, redact(req.URL), req.Method)
	}
	if !h.is(req.URL) {
		req.Header.Del("Authorization")
	}
	if err := h.checkForeign(req.Context(), req.URL); err != nil {
		return err
	}
	h.logRedirect(req.Context(), req, len(via))
	return nil
}

// checkForeign judges a place that the registry sends a request to: by a redirect, or as where to upload.
func (h *host) checkForeign(ctx context.Context, u *url.URL) error {
	if u.Scheme != "https" && (!h.plain || u.Scheme != "http") {
		return fmt.Errorf("%w: from %s://%s to %s://%s", ErrRedirect, h.scheme(), h.address, u.Scheme, u.Host)
	}
	if !h.has(u) && isPrivate(u.Host) && !h.isPrivate(ctx) {
		return fmt.Errorf("%w: from the public host %s to the private address %s", ErrRedirect, h.address, u.Host)
	}
	return nil
}

// checkTokenRedirect is the policy for a token service's redirects: to nowhere that it could not be itself.
func (h *host) checkTokenRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if err := h.checkRealm(req.URL); err != nil {
		return err
	}
	h.logRedirect(req.Context(), req, len(via))
	return nil
}

// isPrivate reports whether the registry is in a private network, by its address or by what its name stands for.
func (h *host) isPrivate(ctx context.Context) bool {
	if isPrivate(h.address) {
		return true
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", oci.Hostname(h.address))
	if err != nil {
		return false // Behind a proxy there may be no such name here.
	}
	for _, address := range addresses {
		if isPrivate(address.String()) {
			return true
		}
	}
	return false
}

// isPrivate reports whether a host is written as an address of a private, link-local or loopback
// network, or is this machine's name. A name is not looked up: behind one of a cloud's storage there may
// well be a private address, and https keeps others from answering for it.
func isPrivate(hostport string) bool {
	if oci.IsLoopback(hostport) {
		return true
	}
	ip := net.ParseIP(oci.Hostname(hostport))
	return ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}

func isIP(host string) bool { return net.ParseIP(host) != nil }
