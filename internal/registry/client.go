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
	// Scheme is "https", or "http" for HTTP without TLS. Empty means http for loopback hosts and https for all others.
	Scheme string
	// TLS has the registry's own certificate settings.
	TLS TLSConfig
}

// Options configure a Client. The zero value works: anonymous, with the defaults below.
type Options struct {
	// UserAgent is sent with every request.
	UserAgent string
	// Registries maps canonical hosts (oci.ParseHost) to their settings. A host that is not in it has the zero
	// HostConfig.
	Registries map[string]HostConfig
	// Credentials finds the credentials of all hosts; nil means anonymous.
	Credentials credentials.Source
	// CertDirectories are the parents of directories that are named after registries and hold their certificates
	// (SystemCertDirectories); nil means none.
	CertDirectories []string
	// MaxRetries is how often a request that failed for a passing reason is sent again. A negative number means
	// never, and zero means DefaultMaxRetries.
	MaxRetries int
	// Backoff is the wait before the first retry. It doubles with each further one. Zero means DefaultBackoff.
	Backoff time.Duration
	// RequestTimeout is how long a request may neither send nor receive a byte before it fails. Zero means
	// DefaultRequestTimeout.
	RequestTimeout time.Duration
	// MaxConcurrentRequests is how many requests to one registry may be under way at a time. Zero means any number.
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

// Client talks to registries. It keeps connections and logins, so a process needs only one. It is safe for concurrent
// use. NewClient makes one: the zero value does not work.
type Client struct {
	options Options
	base    *http.Transport
	log     *slog.Logger

	mu    sync.Mutex
	hosts map[string]*host
}

// NewClient returns a client. It sends no request and reads no file.
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

// Open gives access to a repository. It sends no request and reads no file: the first request to a registry reads its
// certificates.
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
