package cloud

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

const login = secret + "-entra"

// entra answers as Microsoft Entra ID does at a host, for the tenant "tenant".
func entra(host string, token http.HandlerFunc) http.HandlerFunc {
	base := "https://" + host + "/tenant"
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
			say(200, fmt.Sprintf(`{"tenant_discovery_endpoint":"%s/v2.0/.well-known/openid-configuration","api-version":"1.1",
				"metadata":[{"preferred_network":%q,"preferred_cache":%q,"aliases":[%q]}]}`, base, host, host, host))(w, r)
		case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
			say(200, fmt.Sprintf(`{"token_endpoint":"%s/oauth2/v2.0/token",
				"authorization_endpoint":"%s/authorize","issuer":"%s/v2.0"}`, base, base, base))(w, r)
		default:
			token(w, r)
		}
	}
}

var entraToken = say(200, `{"token_type":"Bearer","expires_in":3600,"access_token":"`+login+`"}`)

// refreshToken returns a refresh token of a registry that ends at a time.
func refreshToken(expires time.Time) string {
	return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, expires.Unix())) + "." + secret
}

// exchange answers as a registry's token service does.
func exchange(t *testing.T, token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/oauth2/exchange" || r.FormValue("grant_type") != "access_token" ||
			r.FormValue("service") != r.Host || r.FormValue("access_token") != login {
			t.Errorf("asked %s %s %v", r.Method, r.URL, r.Form)
		}
		say(200, `{"refresh_token":"`+token+`"}`)(w, r)
	}
}

func servicePrincipal(t *testing.T) {
	t.Helper()
	alone(t)
	t.Setenv("AZURE_TENANT_ID", "tenant")
	t.Setenv("AZURE_CLIENT_ID", "client")
	t.Setenv("AZURE_CLIENT_SECRET", secret+"-client")
}

// Each registry exchanges one login of its cloud for a token of its own.
func TestAzure(t *testing.T) {
	servicePrincipal(t)
	expires := time.Now().Add(3 * time.Hour)
	token := refreshToken(expires)
	sites := map[string]http.HandlerFunc{}
	for _, host := range []string{"login.microsoftonline.com", "login.chinacloudapi.cn", "login.microsoftonline.us"} {
		sites["https://"+host] = entra(host, func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("client_secret") != secret+"-client" || !strings.Contains(r.FormValue("scope"), azureAudience) {
				t.Errorf("asked %s for %q", r.Host, r.FormValue("scope"))
			}
			entraToken(w, r)
		})
	}
	for _, host := range []string{"x.azurecr.io", "y.azurecr.io", "x.azurecr.cn", "x.azurecr.us"} {
		sites["https://"+host] = exchange(t, token)
	}
	net := newNetwork(t, sites)
	source := newAzure(options{transport: net})
	want := credentials.Credential{Username: azureTokenUser, IdentityToken: token, Expires: expires}
	var group sync.WaitGroup
	for range 5 {
		for _, host := range []string{"x.azurecr.io", "y.azurecr.io", "X.azurecr.io"} {
			group.Go(func() {
				if c, err := find(source, host); err != nil || c.IdentityToken != token {
					t.Errorf("%s: %s, %v", host, c, err)
				}
			})
		}
	}
	group.Wait()
	for host, cloud := range map[string]string{
		"x.azurecr.io": "login.microsoftonline.com", "y.azurecr.io": "login.microsoftonline.com",
		"x.azurecr.cn": "login.chinacloudapi.cn", "x.azurecr.us": "login.microsoftonline.us",
	} {
		found(t, source, host, want)
		exchanges := net.count("https://" + host + "/oauth2/exchange")
		logins := net.count("https://" + cloud + "/tenant/oauth2/v2.0/token")
		if exchanges != 1 || logins != 1 {
			t.Errorf("%s: %d exchanges, %d logins", host, exchanges, logins)
		}
	}
}

// A workload, a machine and the command line can log in too.
func TestAzureLogins(t *testing.T) {
	expires := time.Now().Add(3 * time.Hour)
	token := refreshToken(expires)
	want := credentials.Credential{Username: azureTokenUser, IdentityToken: token, Expires: expires}
	t.Run("workload", func(t *testing.T) {
		dir := alone(t)
		write(t, filepath.Join(dir, "token"), secret+"-workload", 0o600)
		t.Setenv("AZURE_TENANT_ID", "tenant")
		t.Setenv("AZURE_CLIENT_ID", "workload")
		t.Setenv("AZURE_FEDERATED_TOKEN_FILE", filepath.Join(dir, "token"))
		t.Setenv("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/")
		found(t, newAzure(options{transport: newNetwork(t, map[string]http.HandlerFunc{
			"https://x.azurecr.io": exchange(t, token),
			"https://login.microsoftonline.us": entra("login.microsoftonline.us", func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("client_assertion") != secret+"-workload" {
					t.Errorf("asked with %v", r.Form)
				}
				entraToken(w, r)
			}),
		})}), "x.azurecr.io", want)
	})
	t.Run("machine", func(t *testing.T) {
		alone(t)
		t.Setenv("AZURE_CLIENT_ID", "machine") // The library keeps its tokens for the whole process.
		t.Setenv("IDENTITY_ENDPOINT", "http://identity.invalid/token")
		t.Setenv("IDENTITY_HEADER", secret)
		found(t, newAzure(options{transport: newNetwork(t, map[string]http.HandlerFunc{
			"https://x.azurecr.io": exchange(t, token),
			"http://identity.invalid": func(w http.ResponseWriter, r *http.Request) {
				resource := strings.TrimSuffix(azureAudience, "/.default")
				if r.Header.Get("X-IDENTITY-HEADER") != secret || r.FormValue("resource") != resource {
					t.Errorf("asked for %s", r.URL)
				}
				say(200, fmt.Sprintf(`{"access_token":%q,"expires_on":"%d","token_type":"Bearer"}`, login, expires.Unix()))(w, r)
			},
		})}), "x.azurecr.io", want)
	})
	t.Run("command line", func(t *testing.T) {
		bin := alone(t)
		t.Setenv("AZURE_TOKEN_CREDENTIALS", "AzureCLICredential")
		program(t, bin, "az", `echo '{"accessToken":"`+login+`","expires_on":`+strconv.FormatInt(expires.Unix(), 10)+`}'`)
		net := newNetwork(t, map[string]http.HandlerFunc{"https://x.azurecr.io": exchange(t, token)})
		found(t, newAzure(options{transport: net}), "x.azurecr.io", want)

		program(t, bin, "az", "echo "+secret+"; echo "+secret+" >&2; exit 1")
		refused(t, newAzure(options{transport: net}), "x.azurecr.io", "az login")
		program(t, bin, "az", "exec /bin/sleep 60")
		refused(t, newAzure(options{transport: net, timeout: time.Second}), "x.azurecr.io", "no answer within 1s")
	})
}

// An error does not quote the answers of Entra ID or the registry, and no redirect is followed with a token.
func TestAzureRefusals(t *testing.T) {
	servicePrincipal(t)
	asked := func(token, registry http.HandlerFunc) credentials.Source {
		return newAzure(options{transport: newNetwork(t, map[string]http.HandlerFunc{
			"https://login.microsoftonline.com": entra("login.microsoftonline.com", token), "https://x.azurecr.io": registry,
		})})
	}
	unasked := func(http.ResponseWriter, *http.Request) { t.Error("the registry was asked") }
	refused(t, asked(say(401, `{"error":"invalid_client",
		"error_description":"AADSTS7000215: Invalid client secret `+secret+`"}`), unasked),
		"x.azurecr.io", "status 401, AADSTS7000215", "AZURE_TOKEN_CREDENTIALS")
	refused(t, asked(say(200, `{"access_token":"`+secret), unasked), "x.azurecr.io", "Azure login")
	for status, word := range map[int]string{401: "AcrPull", 403: "AcrPull", 404: "status 404"} {
		body := `{"errors":[{"code":"` + secret + `","message":"` + login + `"}]}`
		refused(t, asked(entraToken, say(status, body)), "x.azurecr.io", word)
	}
	refused(t, asked(entraToken, say(200, `{"refresh_token":""}`)), "x.azurecr.io", "no token")
	refused(t, asked(entraToken, say(200, `{"refresh_token":"`+secret)), "x.azurecr.io", "cannot be logged in to")
	refused(t, asked(entraToken, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://evil.example.com/", http.StatusTemporaryRedirect)
	}), "x.azurecr.io", "status 307")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
	refused(t, asked(entraToken, unasked), "x.azurecr.io", "AZURE_TOKEN_CREDENTIALS")
}

// When every kind of login has failed, the error says how to log in.
func TestAzureWithoutLogin(t *testing.T) {
	alone(t)
	net := newNetwork(t, map[string]http.HandlerFunc{"http://169.254.169.254": hang})
	refused(t, newAzure(options{transport: net}), "x.azurecr.io", "az login")
}

func TestJWTExpiry(t *testing.T) {
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	if got := jwtExpiry(refreshToken(end)); !got.Equal(end) {
		t.Errorf("%s, not %s", got, end)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"exp":"x"}`))
	for _, token := range []string{"", "a.b", "e30.e30.x", "e30.!.x", "e30." + text + ".x"} {
		if got := jwtExpiry(token); !got.IsZero() {
			t.Errorf("%q: %s", token, got)
		}
	}
}
