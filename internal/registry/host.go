package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/singleflight"
)

// loginTimeout bounds one login, which several operations share and none may therefore cancel.
const loginTimeout = 60 * time.Second

// host is one registry: how to reach it, and the logins that this process has there.
type host struct {
	client *Client
	name   name.Registry
	// address is what the network calls the registry, with a port if it has one.
	address string
	plain   bool
	guard   *guard

	// postsWhole says whether the registry takes a blob with a single POST: untried, no or yes.
	postsWhole atomic.Int32

	flight singleflight.Group
	mu     sync.Mutex
	// challenge is the registry's answer to the one ping of this process; nil before.
	challenge *transport.Challenge
	sessions  map[session]*http.Client
}

// session identifies a login. Reads and writes log in apart so that credentials that may only pull
// serve every read.
type session struct {
	path string
	push bool
}

func newHost(c *Client, repository Repository) *host {
	config := c.options.Registries[repository.Host()]
	address := repository.name.RegistryStr()
	plain := config.PlainHTTP || isLoopback(address)
	h := &host{
		client:   c,
		name:     repository.name.Registry,
		address:  address,
		plain:    plain,
		guard:    &guard{inner: c.base, userAgent: c.options.UserAgent, host: address, plain: plain},
		sessions: map[session]*http.Client{},
	}
	return h
}

func (h *host) scheme() string {
	if h.plain {
		return "http"
	}
	return "https"
}

// login returns an HTTP client that is authenticated for the repository, logging in when this
// process has not yet. A login that may push serves pulls as well.
func (h *host) login(ctx context.Context, repository Repository, push bool) (*http.Client, error) {
	want := session{path: repository.Path(), push: push}
	h.mu.Lock()
	client, ok := h.sessions[session{path: want.path, push: true}]
	if !ok && !push {
		client, ok = h.sessions[want]
	}
	h.mu.Unlock()
	if ok {
		return client, nil
	}
	shared := context.WithoutCancel(ctx)
	result := h.flight.DoChan(fmt.Sprintf("%s %t", want.path, push), func() (any, error) {
		ctx, cancel := context.WithTimeout(shared, loginTimeout)
		defer cancel()
		return h.newSession(ctx, repository, want)
	})
	select {
	case r := <-result:
		if errors.Is(r.Err, context.DeadlineExceeded) && ctx.Err() == nil {
			r.Err = fmt.Errorf("%w: %w", ErrUnreachable, r.Err) // The login's own limit.
		}
		if r.Err != nil {
			return nil, fmt.Errorf("logging in to %s: %w", repository.Host(), r.Err)
		}
		client, ok := r.Val.(*http.Client)
		if !ok {
			return nil, fmt.Errorf("logging in to %s: no session", repository.Host())
		}
		return client, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (h *host) newSession(ctx context.Context, repository Repository, want session) (*http.Client, error) {
	auth, err := h.authenticator(ctx, repository)
	if err != nil {
		return nil, err
	}
	challenge, err := h.ping(ctx)
	if err != nil {
		return nil, err
	}
	var token transport.Token
	if strings.EqualFold(challenge.Scheme, "bearer") {
		if token, err = h.exchange(ctx, auth, challenge, want); err != nil {
			return nil, err
		}
	}
	authenticated, err := transport.FromToken(h.name, auth, h.guard, challenge, &token)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: authenticated, CheckRedirect: h.checkRedirect}
	h.mu.Lock()
	h.sessions[want] = client
	h.mu.Unlock()
	return client, nil
}

// authenticator finds the credentials for a repository: the user's settings for the host first, then
// the keychain, which falls back to anonymous.
func (h *host) authenticator(ctx context.Context, repository Repository) (authn.Authenticator, error) {
	config := h.client.options.Registries[repository.Host()]
	if config.hasCredentials() {
		return authn.FromConfig(authn.AuthConfig{
			Username: config.Username, Password: config.Password, RegistryToken: config.Token,
		}), nil
	}
	auth, err := authn.Resolve(ctx, h.client.options.Keychain, repository.name)
	if err != nil {
		return nil, fmt.Errorf("finding credentials: %w", err)
	}
	return auth, nil
}

// ping learns once per process how the registry wants to be authenticated to.
func (h *host) ping(ctx context.Context) (*transport.Challenge, error) {
	h.mu.Lock()
	known := h.challenge
	h.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var challenge *transport.Challenge
	result := h.flight.DoChan("ping", func() (any, error) {
		err := h.client.retry(ctx, func() error {
			var err error
			attempt := &pingAttempt{guard: h.guard, scheme: h.scheme()}
			challenge, err = transport.Ping(ctx, h.pingName(), attempt)
			return attempt.explain(ctx, err)
		})
		if err != nil {
			return nil, err
		}
		h.mu.Lock()
		h.challenge = challenge
		h.mu.Unlock()
		return challenge, nil
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.challenge, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// pingName is the registry's name with the scheme that go-containerregistry shall use. Where its own
// guess differs, the guard refuses the scheme that was not asked for before anything is sent.
func (h *host) pingName() name.Registry {
	if !h.plain {
		return h.name
	}
	insecure, err := name.NewRegistry(h.address, name.Insecure)
	if err != nil {
		return h.name
	}
	return insecure
}

// pingAttempt remembers why the scheme that counts failed: go-containerregistry also tries the other
// one for some hosts, and what the guard says of that is of no interest.
type pingAttempt struct {
	guard  *guard
	scheme string

	mu  sync.Mutex
	err error
}

// RoundTrip implements http.RoundTripper.
func (p *pingAttempt) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.guard.RoundTrip(req)
	if err != nil && req.URL.Scheme == p.scheme {
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
	}
	return resp, err
}

// explain turns the error of a whole ping into one of this package.
func (p *pingAttempt) explain(ctx context.Context, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && p.err != nil {
		err = p.err
	}
	return classify(ctx, err)
}

// exchange gets a token for the session's scope.
func (h *host) exchange(ctx context.Context, auth authn.Authenticator, challenge *transport.Challenge, want session) (transport.Token, error) {
	config, err := authn.Authorization(ctx, auth)
	if err != nil {
		return transport.Token{}, fmt.Errorf("finding credentials: %w", err)
	}
	if config.RegistryToken != "" {
		return transport.Token{Token: config.RegistryToken}, nil
	}
	actions := "pull"
	if want.push {
		actions = "pull,push"
	}
	var token *transport.Token
	err = h.client.retry(ctx, func() error {
		var err error
		token, err = transport.Exchange(ctx, h.name, auth, h.guard, []string{"repository:" + want.path + ":" + actions}, challenge)
		return classify(ctx, err)
	})
	if err != nil {
		return transport.Token{}, err
	}
	if token.AccessToken != "" { // Some token services send access_token only.
		token.Token = token.AccessToken
	}
	return *token, nil
}
