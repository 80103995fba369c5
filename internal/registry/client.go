// Package registry is a client of the OCI distribution API that spends few requests: it authenticates
// once per registry and scope, uploads a blob with one or two requests, never sends a tag twice, verifies
// every byte it reads, and keeps foreign answers within limits. It knows nothing of manifestos.
package registry

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// HostConfig is what a user sets for one registry besides its credentials. The zero value means HTTPS, except for
// loopback hosts, and the system's certificate authorities.
type HostConfig struct {
	// AuthHosts are hosts that the registry's token service may have besides those of the registry's own domain. A
	// host with a port allows only that port.
	AuthHosts []string
	// Scheme is "https", or "http" to speak HTTP without TLS; empty means http for loopback hosts and https
	// for all others.
	Scheme string
	// TLS is what is particular about the registry's certificates.
	TLS TLSConfig
}

// Options configure a Client. The zero value works: anonymous, with the defaults below.
type Options struct {
	// UserAgent is sent with every request.
	UserAgent string
	// Registries maps canonical hosts (ParseHost) to their settings.
	Registries map[string]HostConfig
	// Credentials finds the credentials of all hosts; nil means anonymous.
	Credentials credentials.Source
	// CertDirectories hold a directory for each registry with certificates (SystemCertDirectories); nil means
	// none.
	CertDirectories []string
	// MaxRetries is how often a request that failed for a passing reason is sent again; a negative
	// number means never, zero means DefaultMaxRetries.
	MaxRetries int
	// Backoff is the wait before the first retry, doubled for each further one; zero means
	// DefaultBackoff.
	Backoff time.Duration
	// RequestTimeout is how long a request may make no progress, neither sending nor receiving, before it
	// counts as failed; zero means DefaultRequestTimeout.
	RequestTimeout time.Duration
	// MaxConcurrentRequests is how many requests to one registry may be under way; zero means any number.
	MaxConcurrentRequests int
	// Logger takes the records of requests, retries, waits and logins, at slog.LevelDebug and logs.LevelTrace, in the
	// subsystems "registry" and "credentials". They hold no secrets and no content. nil discards them.
	Logger *slog.Logger
}

// Defaults of Options.
const (
	DefaultMaxRetries     = 4
	DefaultBackoff        = 200 * time.Millisecond
	DefaultRequestTimeout = time.Minute
)

// Client talks to registries. It keeps connections and logins; use one per process. It is safe for
// concurrent use.
type Client struct {
	options Options
	base    *http.Transport
	log     *slog.Logger

	mu    sync.Mutex
	hosts map[string]*host
}

// NewClient returns a client. It sends nothing yet.
func NewClient(options Options) *Client {
	if options.MaxRetries == 0 {
		options.MaxRetries = DefaultMaxRetries
	}
	if options.Backoff == 0 {
		options.Backoff = DefaultBackoff
	}
	if options.RequestTimeout == 0 {
		options.RequestTimeout = DefaultRequestTimeout
	}
	if options.Credentials == nil {
		options.Credentials = credentials.Chain{}
	}
	options.Credentials = credentials.Logged(options.Credentials, options.Logger)
	return &Client{
		options: options,
		base:    newBaseTransport(),
		log:     logs.For(options.Logger, "registry"),
		hosts:   map[string]*host{},
	}
}

// Close drops idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base.CloseIdleConnections()
	for _, h := range c.hosts {
		h.http.CloseIdleConnections()
	}
}

// Open returns access to a repository. It sends nothing yet.
func (c *Client) Open(repository oci.Repository) *Repository {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := repository.Host()
	h, ok := c.hosts[key]
	if !ok {
		h = newHost(c, repository)
		c.hosts[key] = h
	}
	return &Repository{host: h, repository: repository}
}
