package registry

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// dialTimeout bounds the making of a connection, and then the TLS handshake.
const dialTimeout = 10 * time.Second

// maxIdlePerHost keeps the connections of Terraform's parallel operations alive between requests.
const maxIdlePerHost = 64

func newBaseTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: checkTunnel,
		DialContext:            dialer{}.dial,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           4 * maxIdlePerHost,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    dialTimeout,
		ExpectContinueTimeout:  time.Second,
		// Registries send some kilobytes.
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// maxDials is how many connections are made for one request. net/http makes a new one each time an HTTP/2 server ends
// the connection before it has answered, without a limit of its own.
const maxDials = 8

// errDials: the server ends one connection after the other.
var errDials = fmt.Errorf("%w: the server ended %d connections without an answer", ErrUnreachable, maxDials)

type dialsKey struct{}

// dials is what the making of connections must know of the request that needs one.
type dials struct {
	count atomic.Int32
	// foreign says that the request goes to a host that the user did not name.
	foreign bool
	// connected says that the request has got a connection, with TLS if it uses that.
	connected atomic.Bool
}

// dialer makes connections. The zero value looks names up as Go does.
type dialer struct{ resolver *net.Resolver }

// dial makes a connection for a request. Names that the registry chose must not lead to a link-local address, where
// clouds give their credentials to whoever asks.
func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	known, _ := ctx.Value(dialsKey{}).(*dials)
	if known != nil && known.count.Add(1) > maxDials {
		return nil, errDials
	}
	to := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second, Resolver: d.resolver}
	if known != nil && known.foreign {
		to.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			if isLinkLocal(address) {
				return fmt.Errorf("%w: to the link-local address %s", ErrRedirect, address)
			}
			return nil
		}
	}
	return to.DialContext(ctx, network, address)
}

// hostTransport is the innermost layer: it sends every request to or on behalf of one registry, redirects and requests
// to its token service included. It enforces the scheme (the client never guesses, and never races https against http),
// applies the registry's TLS settings to that registry only, sets the User-Agent, fails at once if the host could not
// be reached lately, limits how many requests are under way, and ends those that make no progress.
type hostTransport struct {
	host *host
	// load returns the transports of the host. Its first call reads certificates from files, so callers hold no lock.
	load func() (transports, error)
	// loaded is the result of load; nil before it has succeeded.
	loaded atomic.Pointer[transports]
	// slots has one element for each request that is under way, up to its capacity; nil for any number.
	slots chan struct{}
}

// transports belong to one host: own is for the registry and its token service, foreign for the storage that the
// registry redirects to.
type transports struct{ own, foreign *http.Transport }

// newHostTransport returns the transport of a host. It reads no file.
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

// newTransports reads the certificates of a host and returns transports that use them. The error wraps ErrTLSConfig.
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

// CloseIdleConnections closes the host's idle connections. http.Client calls it.
func (t *hostTransport) CloseIdleConnections() {
	if pair := t.loaded.Load(); pair != nil {
		pair.own.CloseIdleConnections()
		pair.foreign.CloseIdleConnections()
	}
}

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
	trial, err := t.host.outages.enter(originOf(in.URL))
	if err != nil {
		t.release()
		return nil, err
	}
	known := &dials{foreign: !t.host.has(in.URL)}
	ctx := httptrace.WithClientTrace(context.WithValue(in.Context(), dialsKey{}, known),
		&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { known.connected.Store(true) }})
	request := t.begin(t.host.traced(ctx, in.URL.Host))
	out := request.outgoing(in)
	transport := pair.foreign
	if t.host.trusts(in.URL) {
		transport = pair.own
	}
	resp, err := transport.RoundTrip(out)
	if err != nil {
		err = request.explain(err)
		request.end()
	}
	if err = t.settle(in, known.connected.Load(), trial, err); err != nil {
		return nil, err
	}
	request.restart()
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

// startBy returns a context that carries the deadline of PutManifest through net/http to RoundTrip.
func startBy(ctx context.Context, latest time.Time) context.Context {
	return context.WithValue(ctx, startByKey{}, latest)
}

// late reports whether the deadline of startBy has passed. The zero deadline never passes.
func late(ctx context.Context) bool {
	latest, ok := ctx.Value(startByKey{}).(time.Time)
	return ok && !latest.IsZero() && time.Now().After(latest)
}
