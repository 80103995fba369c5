package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Some registries ask for no login at /v2/, and for one at a later request.
func TestLateChallenge(t *testing.T) {
	for name, challenge := range map[string]string{"basic": `Basic realm="x"`, "bearer": `Bearer realm="/token"`} {
		var realm string
		server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
			switch user, _, _ := r.BasicAuth(); {
			case r.URL.Path == "/v2/":
				return false
			case r.URL.Path == "/token" && user == "u":
				_, _ = fmt.Fprint(w, `{"token":"t"}`)
				return true
			case r.Header.Get("Authorization") == "Bearer t", name == "basic" && user == "u":
				return false
			}
			w.Header().Set("WWW-Authenticate", strings.Replace(challenge, "/token", realm, 1))
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		realm = server.URL + "/token"
		host := strings.TrimPrefix(server.URL, "http://")
		absent(t, open(t, server, Options{Credentials: credentials.Settings{host: {Username: "u", Password: "p"}}}))
	}
}

// When the registry refuses an anonymous request, the error names the source that should have had a credential.
func TestReasonForNoCredentials(t *testing.T) {
	s := newTokens(t)
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	r := open(t, s.server, Options{Credentials: source(func(target credentials.Target) (credentials.Credential, error) {
		if target.Host != s.host() || target.Path != "app" {
			t.Errorf("asked for %+v", target)
		}
		return credentials.Credential{}, fmt.Errorf("%w: the helper hangs", credentials.ErrUnavailable)
	})})
	_, err := r.GetManifest(context.Background(), "tag")
	if !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), "anonymous, as there were no credentials") ||
		!strings.Contains(err.Error(), "the helper hangs") {
		t.Errorf("GetManifest: %v", err)
	}
}

type source func(credentials.Target) (credentials.Credential, error)

// Find implements credentials.Source.
func (s source) Find(_ context.Context, target credentials.Target) (credentials.Credential, error) {
	return s(target)
}

// A host that is not a registry does not pass for a registry that lacks the image.
func TestNoRegistry(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	r := open(t, server, Options{})
	_, err := r.GetManifest(context.Background(), "tag")
	if !errors.Is(err, oci.ErrBadResponse) || errors.Is(err, oci.ErrNotFound) {
		t.Errorf("GetManifest: %v", err)
	}
}

// Many operations try a refused password once, and a login that fails for a passing reason is retried MaxRetries times.
func TestLoginsAreFew(t *testing.T) {
	s := newTokens(t)
	status := http.StatusUnauthorized
	s.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		return true
	}
	r := s.open(t, credentials.Credential{Username: "u", Password: "wrong"})
	for range 10 {
		if _, err := r.HeadManifest(context.Background(), "tag"); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("HeadManifest: %v", err)
		}
	}
	if len(s.asked) != 1 {
		t.Errorf("a wrong password was sent %d times", len(s.asked))
	}
	s.asked, status = nil, http.StatusServiceUnavailable
	r = s.open(t, credentials.Credential{Username: "u", Password: "p"})
	if err := putEmpty(r); err == nil || len(s.asked) != 1+DefaultMaxRetries {
		t.Errorf("PutManifest: %v; the token service was asked %d times", err, len(s.asked))
	}
}

func TestUnusableCredentials(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return false
	})
	host := strings.TrimPrefix(server.URL, "http://")
	for credential, want := range map[credentials.Credential]string{
		{RegistryToken: "secret\n"}:                           "no header may have",
		{IdentityToken: "secret", Origin: "the test"}:         "no token service for the identity token of the test",
		{Username: "u", IdentityToken: "secret", Origin: "x"}: "no token service for the identity token of x",
	} {
		r := open(t, server, Options{Credentials: credentials.Settings{host: credential}})
		_, err := r.GetManifest(context.Background(), "tag")
		if !errors.Is(err, ErrUnauthorized) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
		if strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("want %q: %v", want, err)
		}
	}
}

// An error does not repeat the secrets that a server repeats.
func TestRepeatedSecrets(t *testing.T) {
	s := newTokens(t)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		_, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, "no: ", r.Header.Get("Authorization"), " ", password)
		return true
	}
	robot := credentials.Credential{Username: "robot", Password: "pass-word"}
	encoded := strings.TrimPrefix(basicHeader("robot", "pass-word"), "Basic ")
	_, err := s.open(t, robot).GetManifest(context.Background(), "tag")
	if err == nil || strings.Contains(err.Error(), "pass-word") || strings.Contains(err.Error(), encoded) {
		t.Errorf("of a token service: %v", err)
	}
	s.answer, s.valid = nil, 100
	backend := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "Bearer token-1" {
			registryError(w, "not with "+r.Header.Get("Authorization"))
			return true
		}
		return s.serve(w, r)
	})
	host := strings.TrimPrefix(backend.URL, "http://")
	r := open(t, backend, Options{Credentials: credentials.Settings{host: robot}})
	s.asked = nil
	_, err = r.GetManifest(context.Background(), "tag")
	if err == nil || strings.Contains(err.Error(), "token-1") || !strings.Contains(err.Error(), "not with") {
		t.Errorf("of a registry: %v", err)
	}
}

func registryError(w http.ResponseWriter, message string) {
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":%q}]}`, message)
}

// tokenServer is a registry that wants bearer tokens, and its token service.
func tokenServer(t *testing.T) (server *httptest.Server, logins func() []string) {
	t.Helper()
	var mu sync.Mutex
	var scopes []string
	server = serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			username, password, _ := r.BasicAuth()
			if username != "robot" || password != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			mu.Lock()
			scopes = append(scopes, r.URL.Query().Get("scope"))
			mu.Unlock()
			_ = json.NewEncoder(w).Encode(map[string]string{"token": r.URL.Query().Get("scope")})
			return true
		}
		granted := r.Header.Get("Authorization")
		needed := "repository:app:pull"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			needed = "repository:app:pull,push"
		}
		if strings.HasPrefix(granted, "Bearer "+needed) {
			return false
		}
		w.Header().Set("WWW-Authenticate",
			fmt.Sprintf(`Bearer realm="http://%s/token",service="test",scope=%q`, r.Host, needed))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	return server, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), scopes...)
	}
}

// Operations that start at once share one login for a registry and scope.
func TestOneLoginPerScope(t *testing.T) {
	server, logins := tokenServer(t)
	host := strings.TrimPrefix(server.URL, "http://")
	r := open(t, server, Options{Credentials: credentials.Settings{host: {Username: "robot", Password: "secret"}}})
	read := func() {
		if _, err := r.HeadManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrNotFound) {
			t.Errorf("HeadManifest: %v", err)
		}
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(read)
	}
	group.Wait()
	if got := logins(); len(got) != 1 || got[0] != "repository:app:pull" {
		t.Errorf("logins for reads: %v", got)
	}
	for i := range 20 {
		group.Go(func() {
			if _, err := r.PutBlob(context.Background(), fmt.Append(nil, i)); err != nil {
				t.Errorf("PutBlob: %v", err)
			}
		})
	}
	group.Wait()
	read()
	if got := logins(); len(got) != 2 || got[1] != "repository:app:pull,push" {
		t.Errorf("logins: %v", got)
	}
}

func TestCredentials(t *testing.T) {
	server, _ := tokenServer(t)
	host := strings.TrimPrefix(server.URL, "http://")
	for name, test := range map[string]struct {
		credential credentials.Credential
		want       error
	}{
		"none":           {credentials.Credential{}, ErrUnauthorized},
		"wrong":          {credentials.Credential{Username: "robot", Password: "wrong"}, ErrUnauthorized},
		"registry token": {credentials.Credential{RegistryToken: "repository:app:pull"}, oci.ErrNotFound},
		"wrong token":    {credentials.Credential{RegistryToken: "other"}, ErrUnauthorized},
	} {
		r := open(t, server, Options{Credentials: credentials.Settings{host: test.credential}})
		_, err := r.GetManifest(context.Background(), "tag")
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if password := test.credential.Password; err != nil && password != "" && strings.Contains(err.Error(), password) {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}
