package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/net/publicsuffix"
)

// clientID names this program to OAuth 2 token services.
const clientID = "terraform-provider-manifesto"

// maxTokenAnswer is the size of the largest answer of a token service that is read, in bytes.
const maxTokenAnswer = 1 << 20

// defaultTokenLife is the life of a token whose service states none, as the distribution specification defines it.
const defaultTokenLife = time.Minute

// tokenServices are the token services of public registries that have another domain, by the registry's host or
// registrable domain.
var tokenServices = map[string][]string{
	"registry.redhat.io": {"sso.redhat.com"},
	"nvcr.io":            {"authn.nvidia.com"},
	"scw.cloud":          {"api.scaleway.com"},
}

// obtainToken gets a token for a session's repository from the token service that the registry names, and puts it into
// the grant.
func (h *host) obtainToken(
	ctx context.Context, asked challenge, credential credentials.Credential, want session, g *grant,
) error {
	realm, err := url.Parse(asked.realm)
	if err != nil {
		return fmt.Errorf("%w: the token service's address is none", oci.ErrBadResponse)
	}
	if err = h.checkRealm(realm); err != nil {
		return err
	}
	query := realm.Query()
	if asked.service != "" {
		query.Set("service", asked.service)
	}
	scopes := []string{"repository:" + want.path + ":" + want.access.actions()}
	more := asked.scope != "" && !slices.Contains(scopes, asked.scope)
	if more && strings.HasPrefix(asked.scope, "repository:"+want.path+":") {
		scopes = append(scopes, asked.scope)
	}
	query["scope"] = scopes

	began := time.Now()
	answer, err := h.requestToken(ctx, realm, query, credential)
	if err != nil {
		return describe(err, g)
	}
	token := answer.Token
	if token == "" {
		token = answer.AccessToken
	}
	if token == "" {
		return fmt.Errorf("%w: %s sent no token", oci.ErrBadResponse, redact(realm))
	}
	g.header, g.scheme = "Bearer "+token, schemeBearer
	h.secrets.add(token)
	g.life = defaultTokenLife
	if answer.ExpiresIn > 0 {
		g.life = time.Duration(min(answer.ExpiresIn, maxSeconds)) * time.Second
	}
	g.endBy(began, began.Add(g.life))
	return nil
}

// requestToken asks the token service without retries: the operation that needs the login is retried as a whole.
func (h *host) requestToken(
	ctx context.Context, realm *url.URL, query url.Values, c credentials.Credential,
) (tokenAnswer, error) {
	if c.IdentityToken != "" {
		answer, err := h.postToken(ctx, realm, query, c)
		if err == nil || !lacksOAuth(err) || c.Username == "" {
			return answer, err
		}
	}
	return h.getToken(ctx, realm, query, c)
}

// tokenAnswer is a token service's answer. Some services send access_token, as OAuth 2 does, some token, some both.
type tokenAnswer struct {
	Token       string `json:"token"`
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"` // Seconds.
}

// getToken asks in the way of the distribution specification, which every token service understands.
func (h *host) getToken(
	ctx context.Context, realm *url.URL, query url.Values, c credentials.Credential,
) (tokenAnswer, error) {
	target := *realm
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("%w: %w", oci.ErrBadResponse, err)
	}
	password := c.Password
	if c.IdentityToken != "" {
		password = c.IdentityToken
	}
	if c.Username != "" || password != "" {
		req.SetBasicAuth(c.Username, password)
	}
	return h.askToken(ctx, req)
}

// postToken asks in the way of OAuth 2, with an identity token.
func (h *host) postToken(
	ctx context.Context, realm *url.URL, query url.Values, c credentials.Credential,
) (tokenAnswer, error) {
	form := url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {c.IdentityToken}, "client_id": {clientID},
		"service": {query.Get("service")}, "scope": {strings.Join(query["scope"], " ")},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("%w: %w", oci.ErrBadResponse, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return h.askToken(ctx, req)
}

// askToken sends a request to the token service and reads its answer.
func (h *host) askToken(ctx context.Context, req *http.Request) (tokenAnswer, error) {
	resp, err := h.send(ctx, h.tokens, req)
	if err != nil {
		return tokenAnswer{}, err
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusOK {
		return tokenAnswer{}, h.responseError(req.Method, req.URL, resp)
	}
	text, err := readLimited(ctx, resp.Body, maxTokenAnswer)
	if err != nil {
		return tokenAnswer{}, err
	}
	var answer tokenAnswer
	if json.Unmarshal(text, &answer) != nil { // The error of JSON could quote the token.
		return tokenAnswer{}, fmt.Errorf("%w: %s did not answer with a token", oci.ErrBadResponse, redact(req.URL))
	}
	return answer, nil
}

// lacksOAuth reports whether a token service answered that it does not know OAuth 2.
func lacksOAuth(err error) bool {
	status := statusOf(err)
	return status == http.StatusNotFound || status == http.StatusMethodNotAllowed
}

// checkRealm refuses to log in at a token service that does not belong to the registry: a hostile registry would
// collect credentials, or have requests sent into a private network. The error wraps ErrTokenService or those of
// checkScheme.
func (h *host) checkRealm(realm *url.URL) error {
	if err := h.checkScheme(realm); err != nil {
		return fmt.Errorf("token service: %w", err)
	}
	if !h.trusts(realm) {
		return fmt.Errorf("%w: %s names %s", ErrTokenService, h.address, realm.Host)
	}
	return nil
}

// trusts reports whether a URL's host speaks for the registry: it has the registry's name or registrable domain, is in
// tokenServices, or is in the user's auth_hosts.
func (h *host) trusts(u *url.URL) bool {
	own := oci.Hostname(h.address)
	other := oci.Hostname(u.Host)
	if other == own || oci.IsLoopback(other) && oci.IsLoopback(own) ||
		slices.Contains(h.authHosts, oci.OriginHost(u.Scheme, u.Host)) || slices.Contains(h.authHosts, other) {
		return true
	}
	if isIP(own) || isIP(other) {
		return false
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(own)
	if err != nil { // The name has no dot.
		return false
	}
	if slices.Contains(tokenServices[own], other) || slices.Contains(tokenServices[domain], other) {
		return true
	}
	otherDomain, err := publicsuffix.EffectiveTLDPlusOne(other)
	return err == nil && domain == otherDomain
}
