package cloud

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// hour is a token service's answer: a token for an hour.
var hour = say(http.StatusOK, `{"access_token":"`+secret+`","token_type":"Bearer","expires_in":3600,
	"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`)

func googleToken(life time.Duration) credentials.Credential {
	return credentials.Credential{Username: "oauth2accesstoken", Password: secret, Expires: time.Now().Add(life)}
}

// serviceAccount writes the key file of a service account, whose private key is as secret as a token.
func serviceAccount(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "ci@project.iam.gserviceaccount.com", "private_key_id": secret,
		"private_key": string(pem.EncodeToMemory(block)),
		"token_uri":   "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	write(t, path, string(text), 0o600)
	return path
}

// A service account's key gives one token for all of Google's registries.
func TestGoogleServiceAccount(t *testing.T) {
	alone(t)
	t.Setenv(googleFileVariable, serviceAccount(t))
	token := func(w http.ResponseWriter, r *http.Request) {
		isJWT := strings.Count(r.FormValue("assertion"), ".") == 2
		if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || !isJWT {
			t.Errorf("asked with %v", r.Form)
		}
		hour(w, r)
	}
	net := newNetwork(t, map[string]http.HandlerFunc{"https://oauth2.googleapis.com": token})
	source := newGoogle(options{transport: net})
	for _, host := range clouds["Google Artifact Registry"] {
		found(t, source, host, googleToken(time.Hour))
	}
	if n := net.count(""); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// A token of another identity provider, from a file, is exchanged at Google's security token service.
func TestGoogleExternalAccount(t *testing.T) {
	dir := alone(t)
	write(t, filepath.Join(dir, "subject"), secret+"1", 0o600)
	write(t, filepath.Join(dir, "external.json"), `{"type":"external_account",
		"audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
		"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token",
		"credential_source":{"file":"`+filepath.Join(dir, "subject")+`"}}`, 0o600)
	t.Setenv(googleFileVariable, filepath.Join(dir, "external.json"))
	exchange := func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("subject_token") != secret+"1" {
			t.Errorf("asked with %v", r.Form)
		}
		hour(w, r)
	}
	net := newNetwork(t, map[string]http.HandlerFunc{"https://sts.googleapis.com": exchange})
	found(t, newGoogle(options{transport: net}), "gcr.io", googleToken(time.Hour))
}

// The metadata server of a machine or container hands out the token of its service account.
func TestGoogleMetadata(t *testing.T) {
	alone(t)
	t.Setenv("GCE_METADATA_HOST", "metadata.invalid")
	source := func(handler http.HandlerFunc) credentials.Source {
		return newGoogle(options{transport: newNetwork(t, map[string]http.HandlerFunc{"http://metadata.invalid": handler})})
	}
	found(t, source(func(w http.ResponseWriter, r *http.Request) {
		const path = "/computeMetadata/v1/instance/service-accounts/default/token"
		if r.Header.Get("Metadata-Flavor") != "Google" || r.URL.Path != path || r.FormValue("scopes") != googleScope {
			t.Errorf("asked for %s", r.URL)
		}
		hour(w, r)
	}), "us-docker.pkg.dev", googleToken(time.Hour))
	refused(t, source(say(http.StatusNotFound, secret)), "gcr.io", "no service account")
	refused(t, source(say(http.StatusForbidden, secret)), "gcr.io", "status 403")
	refused(t, source(say(http.StatusOK, `{"access_token":"`+secret+`"}`)), "gcr.io", "no token that can be read")
}

// Outside Google's cloud, the probe for a metadata server takes a few seconds, and only the first time.
func TestGoogleElsewhere(t *testing.T) {
	alone(t)
	net := newNetwork(t, map[string]http.HandlerFunc{"http://169.254.169.254": hang})
	source := &googleCloud{transport: net}
	for try := range 2 {
		began := time.Now()
		if _, err := source.metadataToken(t.Context()); err == nil || !strings.Contains(err.Error(), googleFileVariable) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > probeTimeout+time.Second || try > 0 && took > 100*time.Millisecond {
			t.Errorf("try %d took %s", try, took)
		}
	}
	if n := net.count(""); n > 1 {
		t.Errorf("%d requests", n)
	}
}

// Errors of refusals by Google, and of malformed files, do not quote them.
func TestGoogleRefusals(t *testing.T) {
	bin := alone(t)
	program(t, bin, "gcloud", `echo '{"credential":{"access_token":"other","token_expiry":"2100-01-01T00:00:00Z"}}'`)
	answer := func(status int, text string) credentials.Source {
		return newGoogle(options{transport: newNetwork(t, map[string]http.HandlerFunc{
			"https://oauth2.googleapis.com": say(status, text),
		})})
	}
	t.Setenv(googleFileVariable, serviceAccount(t))
	refused(t, answer(400, `{"error":"invalid_grant","error_description":"`+secret+`"}`), "gcr.io",
		"status 400, invalid_grant")
	refused(t, answer(403, secret), "gcr.io", "status 403, an error")
	refused(t, answer(200, `{"access_token":["`+secret+`"]}`), "gcr.io", "give no token")

	file := filepath.Join(t.TempDir(), "file")
	t.Setenv(googleFileVariable, file)
	refused(t, answer(500, ""), "gcr.io", file, "no such file")
	for _, text := range []string{secret, `{"type":"` + secret + `"}`} {
		write(t, file, text, 0o600)
		refused(t, answer(500, ""), "gcr.io", file+" is not a credentials file")
	}
}

// gcloud is asked if there are no application default credentials, or if they no longer work.
func TestGcloud(t *testing.T) {
	bin := alone(t)
	t.Setenv("GCE_METADATA_HOST", "metadata.invalid")
	net := newNetwork(t, map[string]http.HandlerFunc{
		"http://metadata.invalid":       say(http.StatusNotFound, ""),
		"https://oauth2.googleapis.com": say(http.StatusBadRequest, `{"error":"invalid_grant"}`),
	})
	expires := time.Now().Add(30 * time.Minute)
	program(t, bin, "gcloud", `[ "$*" = "config config-helper --force-auth-refresh --format=json(credential)" ] || exit 9
		echo '{"credential":{"access_token":"`+secret+`","token_expiry":"`+expires.UTC().Format(time.RFC3339)+`"}}'`)
	found(t, newGoogle(options{transport: net}), "gcr.io", googleToken(30*time.Minute))
	write(t, defaultFile(), `{"type":"authorized_user","client_id":"c",
		"client_secret":"`+secret+`","refresh_token":"`+secret+`"}`, 0o600)
	found(t, newGoogle(options{transport: net}), "gcr.io", googleToken(30*time.Minute))

	program(t, bin, "gcloud", "echo "+secret+"; echo "+secret+" >&2; exit 1")
	refused(t, newGoogle(options{transport: net}), "gcr.io",
		"invalid_grant", "gcloud gave no token (exit status 1)", "gcloud auth login")
	program(t, bin, "gcloud", "echo "+secret)
	refused(t, newGoogle(options{transport: net}), "gcr.io", "gcloud gave no token that can be read")
	program(t, bin, "gcloud", "exec /bin/sleep 60")
	refused(t, newGoogle(options{transport: net, timeout: time.Second}), "gcr.io", "no answer within 1s")
}

// A token service that hangs ends at the limit, although the request of a service account ignores its context.
func TestGoogleHangingTokenService(t *testing.T) {
	alone(t)
	t.Setenv(googleFileVariable, serviceAccount(t))
	net := newNetwork(t, map[string]http.HandlerFunc{"https://oauth2.googleapis.com": hang})
	refused(t, newGoogle(options{transport: net, timeout: 500 * time.Millisecond}), "gcr.io", "no answer within 500ms")
}
