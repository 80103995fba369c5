package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// host is one registry: how to reach it, and the logins of this process there.
type host struct {
	client *Client
	config HostConfig
	log    *slog.Logger
	// key is the registry's canonical host. address is its host on the network, spelled as oci.OriginHost does.
	key, address string
	// plain says that the registry is spoken to over HTTP without TLS.
	plain bool
	// authHosts are the origins of config.AuthHosts.
	authHosts []string

	// http sends requests to the registry, tokens to its token service, both through transport.
	http, tokens *http.Client
	transport    *hostTransport

	// postsWhole says whether the registry takes a blob with a single POST: untried, no or yes.
	postsWhole atomic.Int32

	// outages are the hosts that could not be reached lately.
	outages outages

	// secrets must not appear in any error or log record, even if a server repeats them.
	secrets secrets

	// logins and pings let the operations that wait for the same login, or for the ping, share one.
	logins, pings wait.Group

	mu sync.Mutex
	// challenge is how the registry wants to be authenticated to; nil before the ping.
	challenge *challenge
	grants    map[session]*grant
	refusals  map[session]refusal
	quiet     quiet
	// referrersAPI says of the paths of repositories whether they have an API for referrers. A path that is not in it
	// has not shown it yet.
	referrersAPI map[string]bool
	// lists are the fallback lists of referrers that this process changes.
	lists lists
	// attaching lets one manifest of a subject be put at a time.
	attaching turns
}

func newHost(c *Client, repository oci.Repository) *host {
	config := c.options.Registries[repository.Host()]
	h := &host{
		client:   c,
		config:   config,
		key:      repository.Host(),
		plain:    config.Scheme == "http" || config.Scheme == "" && oci.IsLoopback(repository.Address()),
		grants:   map[session]*grant{},
		refusals: map[session]refusal{},
	}
	h.log = slog.New(cleanHandler{c.log.Handler(), &h.secrets}).With(slog.String("registry", repository.Host()))
	for _, host := range config.AuthHosts {
		h.authHosts = append(h.authHosts, oci.OriginHost("https", host))
	}
	h.address = oci.OriginHost(h.scheme(), repository.Address())
	h.transport = newHostTransport(h, c)
	h.http = &http.Client{Transport: h.transport, CheckRedirect: h.checkRedirect}
	h.tokens = &http.Client{Transport: h.transport, CheckRedirect: h.checkTokenRedirect}
	return h
}

func (h *host) scheme() string {
	if h.plain {
		return "http"
	}
	return "https"
}

// is reports whether a URL has the registry's scheme and address.
func (h *host) is(u *url.URL) bool {
	return u.Scheme == h.scheme() && h.has(u)
}

// has reports whether a URL has the registry's address, with any scheme.
func (h *host) has(u *url.URL) bool {
	return oci.OriginHost(u.Scheme, u.Host) == h.address
}

// send sends a request once, after the pause that the registry may have asked for. Errors wrap those of this package,
// except the cause of a context that ends.
func (h *host) send(ctx context.Context, client *http.Client, req *http.Request) (*http.Response, error) {
	if err := h.waitQuiet(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		err = sendError(ctx, req, err)
	}
	h.logRequest(ctx, req, resp, err, time.Since(began))
	return resp, err
}

// sendError turns an error of http.Client into one of this package, without the query of any URL. It is an
// UnreachableError if a host could not be reached.
func sendError(ctx context.Context, req *http.Request, err error) error {
	if known, ok := errors.AsType[*UnreachableError](err); ok { // Nothing was sent: it names its own request.
		return known
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		if parsed, parseErr := url.Parse(wrapped.URL); parseErr == nil {
			wrapped.URL = redact(parsed)
		} else {
			wrapped.URL = redact(req.URL)
		}
		if strings.Contains(wrapped.Err.Error(), "Location header") { // net/http quotes the header, which may be signed.
			return fmt.Errorf("%w: %s %s is redirected to what is no address",
				oci.ErrBadResponse, req.Method, redact(req.URL))
		}
	}
	classified := classify(ctx, err)
	if failed, ok := errors.AsType[*noConnection](err); ok && ctx.Err() == nil && errors.Is(classified, ErrUnreachable) {
		return failed.unreachable(classified)
	}
	return classified
}
