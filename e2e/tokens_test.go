package e2e

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
)

// Names of a token service and of the registry that trusts it.
const (
	tokenService = "registry of a test"
	tokenIssuer  = "token service of a test"
	// elsewhere is another name of the token service, in a domain that no registry has.
	elsewhere = "login.another.test"
)

// account is a user of a token service.
type account struct {
	password, identityToken string
	// actions are those that the user may take in any repository.
	actions []string
}

// issuer is a token service as the distribution specification describes it, with GET for passwords and OAuth 2's POST
// for identity tokens.
type issuer struct {
	accounts map[string]account
	// life is the announced life of its tokens. Zero means that it announces none, and tokens live for a minute.
	life time.Duration
	// url is the URL of the token service.
	url string

	authority *authority
	key       *ecdsa.PrivateKey
	chain     []string

	mu     sync.Mutex
	tokens []string
	// asked counts all requests, posts the successful ones with an identity token.
	asked, posts atomic.Int64
}

// newIssuer starts a token service with TLS.
func newIssuer(t *testing.T, a *authority, accounts map[string]account) *issuer {
	t.Helper()
	certificate, key := a.issue(t, x509.ExtKeyUsageAny, tokenIssuer)
	parsed, err := x509.ParsePKCS8PrivateKey(readPEM(t, key))
	if err != nil {
		t.Fatal(err)
	}
	signing, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", parsed)
	}
	i := &issuer{
		accounts: accounts, authority: a, key: signing,
		chain: []string{base64.StdEncoding.EncodeToString(readPEM(t, certificate))},
	}
	i.url = serveTLS(t, i, a.server(t, "127.0.0.1", elsewhere)) + "/token"
	return i
}

func readPEM(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s is not PEM", file)
	}
	return block.Bytes
}

// options returns the options of a registry that sends its clients to this token service.
func (i *issuer) options() *servers.Token {
	return &servers.Token{Realm: i.url, Service: tokenService, Issuer: tokenIssuer, Certificates: i.authority.file}
}

// access is one permission in a token.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// claims are the claims in a token that a registry checks.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  string   `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
	IssuedAt  int64    `json:"iat"`
	ID        string   `json:"jti"`
	Access    []access `json:"access"`
}

// sign returns a token that expires at end.
func (i *issuer) sign(user string, end time.Time, allowed []access) string {
	now := time.Now()
	encode := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			panic(err) // These are plain values.
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	body := encode(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": i.chain}) + "." + encode(claims{
		tokenIssuer, user, tokenService, end.Unix(), now.Add(-time.Hour).Unix(), now.Unix(), rand.Text(), allowed,
	})
	hash := sha256.Sum256([]byte(body))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, hash[:])
	if err != nil {
		panic(err) // The system has no random numbers.
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	token := body + "." + base64.RawURLEncoding.EncodeToString(signature)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tokens = append(i.tokens, token)
	return token
}

// issued returns all tokens so far.
func (i *issuer) issued() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.tokens)
}

// expired reports whether the token of a request has expired. The registry itself tolerates that for a minute.
func expired(r *http.Request) bool {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c claims
	return err == nil && json.Unmarshal(text, &c) == nil && time.Now().Unix() > c.Expires
}

// ServeHTTP implements http.Handler.
func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.asked.Add(1)
	user, name := i.who(r)
	if err := r.ParseForm(); err != nil || user == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		// The client may be gone.
		_, _ = fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`)
		return
	}
	var allowed []access
	for scope := range strings.FieldsSeq(strings.Join(r.Form["scope"], " ")) {
		kind, rest, _ := strings.Cut(scope, ":")
		repository, actions, found := cutLast(rest, ":")
		if !found {
			continue
		}
		granted := slices.DeleteFunc(strings.Split(actions, ","), func(action string) bool {
			return !slices.Contains(user.actions, action)
		})
		allowed = append(allowed, access{kind, repository, granted})
	}
	life := i.life
	if life == 0 {
		life = time.Minute // Clients have to assume that much.
	}
	field := "token"
	if r.Method == http.MethodPost {
		field = "access_token"
		i.posts.Add(1)
	}
	answer := map[string]any{field: i.sign(name, time.Now().Add(life), allowed)}
	if i.life > 0 {
		answer["expires_in"] = int(i.life / time.Second)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // The client may be gone.
}

// who returns the account and the name of a request's user, or nil if there is none.
func (i *issuer) who(r *http.Request) (*account, string) {
	name, password, basic := r.BasicAuth()
	for user, a := range i.accounts {
		switch {
		case r.Method == http.MethodPost && r.PostFormValue("grant_type") == "refresh_token":
			if a.identityToken != "" && r.PostFormValue("refresh_token") == a.identityToken {
				return &a, user
			}
		case basic && name == user && password == a.password:
			return &a, user
		}
	}
	return nil, ""
}
