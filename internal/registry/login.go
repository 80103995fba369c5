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

// loginTimeout bounds one login. Operations share a login, so none of them can cancel it.
const loginTimeout = 60 * time.Second

// access is what a login is for. The zero value is reading.
type access int

const (
	pulling access = iota
	pushing
	deleting
)

// actions returns what a login must allow, as a token's scope spells it.
func (a access) actions() string {
	switch a {
	case pushing:
		return "pull,push"
	case deleting:
		return "pull,push,delete"
	case pulling:
	}
	return "pull"
}

// session identifies a login. Reads, writes and deletions have separate logins, so that a credential that may only pull
// serves every read, and one that may not delete serves every write.
type session struct {
	path   string
	access access
}

// login returns the grant for a repository. It logs in if this process has no grant, or one that is about to end. A
// grant that may push serves pulls as well.
func (h *host) login(ctx context.Context, repository oci.Repository, access access) (*grant, error) {
	want := session{path: repository.Path(), access: access}
	if g, err := h.known(want); g != nil || err != nil { // Almost every request ends here.
		return g, err
	}
	known := func() (*grant, bool, error) {
		g, err := h.known(want)
		return g, g != nil || err != nil, err
	}
	key := fmt.Sprintf("%s %d", want.path, access)
	g, err := wait.Shared(ctx, &h.logins, key, loginTimeout, known, func(ctx context.Context) (*grant, error) {
		g, err := h.newGrant(ctx, want)
		renewal := h.remember(want, g, err)
		if err != nil {
			h.debug(ctx, "login failed",
				slog.String("repository", want.path), slog.String("scope", want.access.actions()), failure(err))
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

// refusal is the error of a refused login. It stands for some time: fifty operations with a wrong password must not
// lock an account.
type refusal struct {
	err   error
	until time.Time
}

// refusalLife is how long a refused login is not tried again.
const refusalLife = 10 * time.Second

// known returns a grant of this process that is still fresh, or the error of a recent refusal, or neither.
func (h *host) known(want session) (*grant, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, s := range []session{{want.path, pushing}, want} {
		if g := h.grants[s]; g != nil && g.fresh(now) && s.access >= want.access {
			return g, nil
		}
	}
	if r, ok := h.refusals[want]; ok && now.Before(r.until) {
		return nil, r.err
	}
	return nil, nil
}

// remember keeps the result of a login. It reports whether the session was logged in before.
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

// refused drops a grant that the registry has refused with 401, and logs in again. It reports whether the new grant
// differs, so that sending the request once more may help.
func (h *host) refused(
	ctx context.Context, repository oci.Repository, access access, was *grant, header http.Header,
) (bool, error) {
	asked := chooseChallenge(header)
	h.logChallenge(ctx, asked)
	h.mu.Lock()
	for s, g := range h.grants {
		if g == was {
			h.grants[s] = nil // The key stays, so that the next login counts as a renewal.
		}
	}
	if asked.scheme != "" {
		h.challenge = &asked // Some registries ask for no login at /v2/, or for another scope.
	}
	h.mu.Unlock()
	now, err := h.login(ctx, repository, access)
	return err == nil && now.header != was.header, err
}
