package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// tokens is a registry with its own token service, which hands out numbered tokens.
type tokens struct {
	mu sync.Mutex
	// asked are the requests for a token.
	asked []*http.Request
	// refused counts the registry's answers of 401, except to pings.
	refused int
	// valid is the number of the token that the registry takes; zero means the last one.
	valid int
	// answer, if set, answers requests for a token in place of the service, and returns true if it has.
	answer func(w http.ResponseWriter, r *http.Request) bool
	// expires is the life of a token that the service states, in seconds.
	expires int
	server  *httptest.Server
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	s := &tokens{expires: 300}
	s.server = serve(t, s.serve)
	return s
}

func (s *tokens) host() string { return strings.TrimPrefix(s.server.URL, "http://") }

func (s *tokens) serve(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/token" {
		if err := r.ParseForm(); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return true
		}
		s.asked = append(s.asked, r)
		if s.answer == nil || !s.answer(w, r) {
			_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":%d}`, len(s.asked), s.expires)
		}
		return true
	}
	valid := s.valid
	if valid == 0 {
		valid = len(s.asked)
	}
	if valid > 0 && r.Header.Get("Authorization") == fmt.Sprintf("Bearer token-%d", valid) {
		return false
	}
	if r.URL.Path != "/v2/" {
		s.refused++
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, r.Host))
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

func (s *tokens) open(t *testing.T, credential credentials.Credential) *Repository {
	t.Helper()
	return open(t, s.server, Options{Credentials: credentials.Settings{s.host(): credential}})
}

// An identity token goes to the token service by OAuth 2, or by basic authentication if the service lacks OAuth 2.
func TestIdentityToken(t *testing.T) {
	s := newTokens(t)
	absent(t, s.open(t, credentials.Credential{IdentityToken: "identity"}))
	if len(s.asked) != 1 || s.asked[0].Method != http.MethodPost ||
		s.asked[0].PostForm.Get("refresh_token") != "identity" ||
		s.asked[0].PostForm.Get("scope") != "repository:app:pull" || s.asked[0].PostForm.Get("service") != "test" {
		t.Errorf("asked: %+v", s.asked)
	}
	s = newTokens(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusNotFound)
		}
		return r.Method == http.MethodPost
	}
	absent(t, s.open(t, credentials.Credential{Username: "me", IdentityToken: "identity"}))
	if len(s.asked) != 2 {
		t.Fatalf("asked %d times", len(s.asked))
	}
	if user, password, _ := s.asked[1].BasicAuth(); user != "me" || password != "identity" {
		t.Errorf("asked as %q, %q", user, password)
	}
}

// A token is renewed before it ends, without an answer of 401.
func TestTokensAreRenewed(t *testing.T) {
	s := newTokens(t)
	r := s.open(t, credentials.Credential{Username: "robot", Password: "secret"})
	absent(t, r)
	absent(t, r)
	if len(s.asked) != 1 {
		t.Fatalf("asked for %d tokens", len(s.asked))
	}
	r.host.mu.Lock()
	for _, g := range r.host.grants {
		if left := time.Until(g.renew); left < 200*time.Second || left > 270*time.Second {
			t.Errorf("a token of 300 s is renewed in %s", left)
		}
		g.renew = time.Now().Add(-time.Second)
	}
	r.host.mu.Unlock()
	absent(t, r)
	if len(s.asked) != 2 || s.refused != 0 {
		t.Errorf("asked for %d tokens, refused %d times", len(s.asked), s.refused)
	}
}

// A refused token is renewed and its request sent again. Requests that are refused together share one renewal, and a
// request that is refused again fails.
func TestRefusedTokens(t *testing.T) {
	s := newTokens(t)
	r := s.open(t, credentials.Credential{Username: "robot", Password: "secret"})
	if _, err := r.PutBlob(context.Background(), []byte("content")); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.valid = 2
	s.mu.Unlock()
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			m := oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil, `{"schemaVersion":2,"annotations":{"i":"%d"}}`, i))
			if err := r.PutManifest(context.Background(), fmt.Sprint("tag", i), m, time.Time{}); err != nil {
				t.Errorf("PutManifest: %v", err)
			}
		})
	}
	group.Wait()
	if len(s.asked) != 2 {
		t.Errorf("asked for %d tokens", len(s.asked))
	}
	s.mu.Lock()
	s.valid = 100
	s.refused = 0
	s.mu.Unlock()
	_, err := r.GetManifest(context.Background(), "tag1")
	if !errors.Is(err, ErrUnauthorized) || s.refused != 2 || len(s.asked) != 3 {
		t.Errorf("GetManifest: %v; refused %d times, %d tokens", err, s.refused, len(s.asked))
	}
}

func TestTokenServices(t *testing.T) {
	for _, test := range []struct {
		registry, realm string
		want            bool
	}{
		{"registry.example.com", "https://registry.example.com/token", true},
		{"registry.example.com:5000", "https://registry.example.com:5001/token", true},
		{"registry.example.com", "https://auth.example.com/token", true},
		{"registry.example.com", "https://example.com/token", true},
		{"registry.example.com", "https://auth.example.net/token", false},
		{"registry.example.com", "https://registry.example.com.evil.net/token", false},
		{"registry.example.com", "http://auth.example.com/token", false},
		{"one.github.io", "https://other.github.io/token", false}, // A public suffix.
		{"index.docker.io", "https://auth.docker.io/token", true},
		{"registry.gitlab.com", "https://gitlab.com/jwt/auth", true},
		{"registry.redhat.io", "https://sso.redhat.com/auth", true},
		{"nvcr.io", "https://authn.nvidia.com/token", true},
		{"rg.fr-par.scw.cloud", "https://api.scaleway.com/registry-internal/token", true},
		{"europe-docker.pkg.dev", "https://europe-docker.pkg.dev/v2/token", true},
		{"10.0.0.1:5000", "https://10.0.0.1/token", true},
		{"10.0.0.1:5000", "https://11.0.0.1/token", false},
		{"registry", "https://auth/token", false},
		{"named.example.com", "https://login.example.org/token", true},
		{"named.example.com", "https://login.example.org:8443/token", true},
		{"ported.example.com", "https://login.example.org:8443/token", true},
		{"ported.example.com", "https://login.example.org/token", false},
		{"registry.example.com", "https://169.254.169.254/token", false},
	} {
		client := NewClient(Options{Registries: map[string]HostConfig{
			"named.example.com":  {AuthHosts: []string{"login.example.org:443"}},
			"ported.example.com": {AuthHosts: []string{"Login.Example.org:8443"}},
		}})
		host := test.registry
		repository, err := oci.ParseRepository(host+"/app", "")
		if err != nil {
			t.Fatal(err)
		}
		realm, err := url.Parse(test.realm)
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Open(repository).host.checkRealm(realm); (err == nil) != test.want {
			t.Errorf("%s names %s: %v", host, test.realm, err)
		}
	}
}

// The client sends nothing to a token service on another domain.
func TestForeignTokenService(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://collector.example.org/token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	r := open(t, server, Options{})
	_, err := r.GetManifest(context.Background(), "tag")
	if !errors.Is(err, ErrTokenService) || !strings.Contains(err.Error(), "collector.example.org") {
		t.Errorf("GetManifest: %v", err)
	}
}

func TestBadTokenAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"not JSON": "secret-token", "no token": `{"expires_in":60}`, "another type": `{"token":["secret-token"]}`,
		"endless": `{"token":"` + strings.Repeat("x", maxTokenAnswer) + `"}`,
	} {
		s := newTokens(t)
		s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = fmt.Fprint(w, answer)
			return true
		}
		_, err := s.open(t, credentials.Credential{}).GetManifest(context.Background(), "tag")
		if err == nil || errors.Is(err, oci.ErrNotFound) || strings.Contains(err.Error(), "secret-token") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A 404 of a token service does not pass for the absence of a manifest, blob or repository.
func TestTokenServiceWithout(t *testing.T) {
	s := newTokens(t)
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(w, `{"errors":[{"code":"NAME_UNKNOWN"}]}`)
		return true
	}
	r := s.open(t, credentials.Credential{Username: "u", Password: "p"})
	ctx := context.Background()
	_, manifest := r.HeadManifest(ctx, "tag")
	_, blob := r.HeadBlob(ctx, oci.DigestOf([]byte("x")))
	_, exists, repository := r.ListTags(ctx, "_manifesto")
	for name, err := range map[string]error{"HeadManifest": manifest, "HeadBlob": blob, "ListTags": repository} {
		if !errors.Is(err, oci.ErrBadResponse) || errors.Is(err, oci.ErrNotFound) || exists {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// When a registry asks for a login only after the ping, and the login fails, the error says why.
func TestLateForeignTokenService(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://collector.example.org/token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	if _, err := open(t, server, Options{}).GetManifest(context.Background(), "tag"); !errors.Is(err, ErrTokenService) {
		t.Errorf("GetManifest: %v", err)
	}
}

// A token that lacks a permission has another error than one that is not accepted.
func TestInsufficientScope(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",error="insufficient_scope"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	host := strings.TrimPrefix(server.URL, "http://")
	r := open(t, server, Options{Credentials: credentials.Settings{host: {RegistryToken: "pull-only"}}})
	_, err := r.PutBlob(context.Background(), []byte("x"))
	if !errors.Is(err, ErrForbidden) || errors.Is(err, ErrUnauthorized) {
		t.Errorf("PutBlob: %v", err)
	}
}

// Only deletions ask for the permission to delete. A token service that does not grant it refuses nothing else.
func TestScopeOfDeletions(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]bool{"granted": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTokens(t)
			s.answer = func(w http.ResponseWriter, r *http.Request) bool {
				refused := refuses && strings.Contains(r.FormValue("scope"), "delete")
				if refused {
					w.WriteHeader(http.StatusForbidden)
				}
				return refused
			}
			r := s.open(t, credentials.Credential{Username: "robot", Password: "secret"})
			m := attachment("a/one")
			if err := r.Attach(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			err := r.Detach(t.Context(), referred, m.Digest)
			if errors.Is(err, oci.ErrDeleteRefused) != refuses || !refuses && err != nil {
				t.Errorf("Detach: %v", err)
			}
			if len(s.asked) < 2 || s.asked[0].FormValue("scope") != "repository:app:pull,push" ||
				s.asked[1].FormValue("scope") != "repository:app:pull,push,delete" {
				t.Errorf("asked: %v", s.asked)
			}
		})
	}
}
