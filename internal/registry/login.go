package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// loginTimeout bounds one login, which several operations share and none may therefore cancel.
const loginTimeout = 60 * time.Second

// session identifies a login. Reads and writes log in apart so that credentials that may only pull
// serve every read.
type session struct {
	path string
	push bool
}

// actions are what the session may do, in the words of a token's scope.
func (s session) actions() string {
	if s.push {
		return "pull,push"
	}
	return "pull"
}

// login returns the grant for a repository, logging in where this process has not yet, or where the
// grant is about to end. One that may push serves pulls as well.
func (h *host) login(ctx context.Context, repository oci.Repository, push bool) (*grant, error) {
	want := session{path: repository.Path(), push: push}
	if g, err := h.known(want); g != nil || err != nil {
		return g, err
	}
	key := fmt.Sprintf("%s %t", want.path, push)
	g, err := wait.Shared(ctx, &h.logins, key, loginTimeout, func(ctx context.Context) (*grant, error) {
		g, err := h.newGrant(ctx, want)
		renewal := h.remember(want, g, err)
		if err != nil {
			h.debug(ctx, "login failed", slog.String("repository", want.path), slog.String("scope", want.actions()), failure(err))
			return nil, err
		}
		h.logLogin(ctx, want, g, renewal)
		return g, nil
	})
	switch {
	case err == nil:
		return g, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded): // loginTimeout has passed.
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	case errors.Is(err, oci.ErrNotFound):
		// The token service answered 404. The caller must not take that for the absence of an image.
		err = fmt.Errorf("%w: %s", oci.ErrBadResponse, err.Error())
	}
	return nil, fmt.Errorf("logging in to %s: %w", repository.Host(), err)
}

// refusal is the error of a login that was refused, which stands for some time: fifty operations with a wrong
// password are not to lock an account.
type refusal struct {
	err   error
	until time.Time
}

// refusalLife is for how long a refused login is not tried again.
const refusalLife = 10 * time.Second

// known returns a grant that this process has, and that is good for some time yet, or a refusal of a moment ago.
func (h *host) known(want session) (*grant, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, s := range []session{{want.path, true}, want} {
		if g := h.grants[s]; g != nil && g.fresh(now) {
			return g, nil
		}
	}
	if r, ok := h.refusals[want]; ok && now.Before(r.until) {
		return nil, r.err
	}
	return nil, nil
}

// remember keeps what a login has given. It reports whether the session was logged in before.
func (h *host) remember(s session, g *grant, err error) (renewal bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		_, renewal = h.grants[s]
		h.grants[s] = g
		return renewal
	}
	if errors.Is(err, ErrUnauthorized) {
		h.refusals[s] = refusal{fmt.Errorf("logging in to %s: %w", h.key, err), time.Now().Add(refusalLife)}
	}
	return false
}

// refused takes note that a registry has refused a grant with 401. It reports whether there may be a better
// one: the request is then to be sent once more.
func (h *host) refused(ctx context.Context, repository oci.Repository, push bool, was *grant, header http.Header) (bool, error) {
	asked := chooseChallenge(header)
	h.logChallenge(ctx, asked)
	h.mu.Lock()
	for s, g := range h.grants {
		if g == was {
			h.grants[s] = nil // Logged in before: the next login is a renewal.
		}
	}
	if asked.scheme != "" {
		h.challenge = &asked // Some registries ask for nothing at /v2/, or want another scope.
	}
	h.mu.Unlock()
	now, err := h.login(ctx, repository, push)
	return err == nil && now.header != was.header, err
}
