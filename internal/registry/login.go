package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
	"golang.org/x/net/http/httpguts"
)

// loginTimeout bounds one login, which several operations share and none may therefore cancel.
const loginTimeout = 60 * time.Second

// grant is what one login has given: how requests for a repository are authorized.
type grant struct {
	// header is the Authorization header, empty for none.
	header string
	// renew is when to log in again, before the registry would refuse it; zero for never.
	renew time.Time
	// login says for people who is logged in.
	login string
	// scheme is how requests are authorized: "basic", "bearer" or "none".
	scheme string
	// life is how long the token service said that the token lives; zero without a token of its own.
	life time.Duration
	// secrets are what must not appear in any error, should a server repeat it.
	secrets []string
}

func (g *grant) fresh(now time.Time) bool { return g.renew.IsZero() || now.Before(g.renew) }

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

func (h *host) newGrant(ctx context.Context, want session) (*grant, error) {
	asked, err := h.ping(ctx)
	if err != nil {
		return nil, err
	}
	credential, reason, err := h.credential(ctx, want.path)
	if err != nil {
		return nil, err
	}
	g := &grant{scheme: "none", login: describeLogin(credential, reason)}
	g.hide(credential.Password, credential.IdentityToken, credential.RegistryToken)
	if credential.Password != "" {
		g.hide(strings.TrimPrefix(basicHeader(credential.Username, credential.Password), "Basic "))
	}
	switch {
	case credential.RegistryToken != "":
		g.header, g.scheme = "Bearer "+credential.RegistryToken, schemeBearer
	case asked.scheme == schemeBearer:
		if err := h.obtainToken(ctx, asked, credential, want, g); err != nil {
			return nil, err
		}
	case credential.Password != "" || credential.Username != "" && credential.IdentityToken == "":
		// Also where nothing was asked for: some registries hide what is not public, and answer 404.
		g.header, g.scheme = basicHeader(credential.Username, credential.Password), schemeBasic
	case credential.IdentityToken != "":
		g.login = "anonymous, as the registry has no token service for the identity token of " + credential.Origin
	}
	if !credential.Expires.IsZero() {
		g.endBy(time.Now(), credential.Expires)
	}
	if !httpguts.ValidHeaderFieldValue(g.header) {
		return nil, fmt.Errorf("%w: the token or password for %s has characters that no header may have", ErrUnauthorized, h.key)
	}
	return g, nil
}

// hide keeps secrets out of errors. Words that are too short to be secret would only spoil them.
func (g *grant) hide(secrets ...string) {
	for _, secret := range secrets {
		if len(secret) >= 4 {
			g.secrets = append(g.secrets, secret)
		}
	}
}

// endBy makes a grant end some time before what it depends on does: a quarter of its life, at most half a minute.
func (g *grant) endBy(now, end time.Time) {
	renew := end.Add(-min(end.Sub(now)/4, 30*time.Second))
	if g.renew.IsZero() || renew.Before(g.renew) {
		g.renew = renew
	}
}

func basicHeader(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

// credential finds what to log in with. reason says why a source that should have a credential has none.
func (h *host) credential(ctx context.Context, path string) (found credentials.Credential, reason, err error) {
	found, err = h.client.options.Credentials.Find(ctx, credentials.Target{Host: h.key, Path: path})
	if errors.Is(err, credentials.ErrUnavailable) {
		return found, err, nil
	}
	if err != nil {
		return found, nil, fmt.Errorf("finding credentials: %w", err)
	}
	return found, nil, nil
}

func describeLogin(c credentials.Credential, reason error) string {
	if reason != nil {
		return fmt.Sprintf("%s, as there were no credentials: %s", c, reason)
	}
	return c.String()
}

// ping learns once per process how the registry wants to be authenticated to.
func (h *host) ping(ctx context.Context) (challenge, error) {
	if _, err := h.transport.load(); err != nil {
		return challenge{}, err
	}
	h.mu.Lock()
	known := h.challenge
	h.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	return wait.Shared(ctx, &h.pings, "", loginTimeout, func(ctx context.Context) (challenge, error) {
		asked, err := h.pingOnce(ctx)
		if err != nil {
			return challenge{}, err
		}
		h.mu.Lock()
		h.challenge = &asked
		h.mu.Unlock()
		return asked, nil
	})
}

func (h *host) pingOnce(ctx context.Context) (challenge, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.scheme()+"://"+h.address+"/v2/", nil)
	if err != nil {
		return challenge{}, fmt.Errorf("%w: %w", oci.ErrBadReference, err)
	}
	resp, err := h.send(ctx, h.http, req)
	if err != nil {
		return challenge{}, err
	}
	defer drain(resp)
	switch resp.StatusCode {
	case http.StatusOK:
		return challenge{}, nil
	case http.StatusUnauthorized:
		asked := chooseChallenge(resp.Header)
		h.logChallenge(ctx, asked)
		return asked, nil
	case http.StatusNotFound: // Of no image: this must not be taken for one's absence.
		return challenge{}, fmt.Errorf("%w: %s answers 404, as what is no registry does", oci.ErrBadResponse, redact(req.URL))
	}
	return challenge{}, responseError(req.Method, req.URL, resp)
}
