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

// grant is the result of a login: how requests for a repository are authorized.
type grant struct {
	// header is the Authorization header; empty for none.
	header string
	// renew is when to log in again, before the registry refuses the grant; zero for never.
	renew time.Time
	// login describes for people who is logged in.
	login string
	// scheme is how requests are authorized: "basic", "bearer" or "none".
	scheme string
	// life is how long a token from the token service lives; zero for other grants.
	life time.Duration
}

// fresh reports whether the grant need not be renewed yet.
func (g *grant) fresh(now time.Time) bool { return g.renew.IsZero() || now.Before(g.renew) }

// newGrant logs in.
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
	h.secrets.add(credential.Password, credential.IdentityToken, credential.RegistryToken)
	for _, password := range []string{credential.Password, credential.IdentityToken} {
		if password != "" {
			h.secrets.add(credential.Username+":"+password, base64Of(credential.Username, password))
		}
	}
	switch {
	case credential.RegistryToken != "":
		g.header, g.scheme = "Bearer "+credential.RegistryToken, schemeBearer
	case asked.scheme == schemeBearer:
		if err = h.obtainToken(ctx, asked, credential, want, g); err != nil {
			return nil, err
		}
	case credential.Password != "" || credential.Username != "" && credential.IdentityToken == "":
		// Also without a challenge: some registries answer 404 to anonymous requests for private repositories.
		g.header, g.scheme = basicHeader(credential.Username, credential.Password), schemeBasic
	case credential.IdentityToken != "":
		g.login = "anonymous, as the registry has no token service for the identity token of " + credential.Origin
	}
	if !credential.Expires.IsZero() {
		g.endBy(time.Now(), credential.Expires)
	}
	if !httpguts.ValidHeaderFieldValue(g.header) {
		return nil, fmt.Errorf("%w: the token or password for %s has characters that no header may have",
			ErrUnauthorized, h.key)
	}
	return g, nil
}

// endBy has the grant renewed before end: earlier by a quarter of the time from now to end, and by 30 seconds at most.
func (g *grant) endBy(now, end time.Time) {
	renew := end.Add(-min(end.Sub(now)/4, 30*time.Second))
	if g.renew.IsZero() || renew.Before(g.renew) {
		g.renew = renew
	}
}

func basicHeader(username, password string) string {
	return "Basic " + base64Of(username, password)
}

func base64Of(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}

// credential finds the credential for a repository. reason is the error of a source that should have had one.
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
		reasons := strings.ReplaceAll(reason.Error(), "\n", "; ") // One line for each source.
		return fmt.Sprintf("%s, as there were no credentials: %s", c, reasons)
	}
	return c.String()
}
