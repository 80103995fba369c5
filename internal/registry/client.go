// Package registry is a client of the OCI distribution API that spends few requests: it authenticates
// once per registry and scope, uploads a blob with one or two requests, never sends a tag twice, verifies
// every byte it reads, and keeps foreign answers within limits. It knows nothing of manifestos.
package registry

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// HostConfig is what a user sets for one registry. The zero value means: HTTPS, and credentials from
// the keychain.
type HostConfig struct {
	// Username and Password are for HTTP basic authentication and for the token service.
	Username, Password string
	// Token is sent to the registry as it is, as a bearer token.
	Token string
	// PlainHTTP speaks HTTP without TLS. Loopback hosts do so anyway.
	PlainHTTP bool
}

func (h HostConfig) hasCredentials() bool { return h.Username != "" || h.Token != "" }

// Options configure a Client. The zero value works: anonymous, with the default transport's settings.
type Options struct {
	// UserAgent is sent with every request.
	UserAgent string
	// Registries maps canonical hosts (ParseHost) to their settings.
	Registries map[string]HostConfig
	// Keychain finds the credentials of hosts that Registries has none for; nil means anonymous.
	Keychain authn.Keychain
	// MaxRetries is how often a request that failed for a passing reason is sent again; a negative
	// number means never, zero means DefaultMaxRetries.
	MaxRetries int
	// Backoff is the wait before the first retry, doubled for each further one; zero means
	// DefaultBackoff.
	Backoff time.Duration
}

// Defaults of Options.
const (
	DefaultMaxRetries = 4
	DefaultBackoff    = 200 * time.Millisecond
)

// Client talks to registries. It keeps connections and logins; use one per process. It is safe for
// concurrent use.
type Client struct {
	options Options
	base    *http.Transport

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
	if options.Keychain == nil {
		options.Keychain = authn.NewMultiKeychain()
	}
	return &Client{options: options, base: newBaseTransport(), hosts: map[string]*host{}}
}

// Close drops idle connections.
func (c *Client) Close() {
	c.base.CloseIdleConnections()
}

// Open returns access to a repository. It sends nothing yet.
func (c *Client) Open(repository Repository) *Remote {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := repository.Host()
	h, ok := c.hosts[key]
	if !ok {
		h = newHost(c, repository)
		c.hosts[key] = h
	}
	return &Remote{host: h, repository: repository}
}

// Pause waits for d or until ctx ends, and returns the cause of that then.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
