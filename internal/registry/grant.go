package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"golang.org/x/net/http/httpguts"
)

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
