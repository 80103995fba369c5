package cloud

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

const private = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"

// ecrToken answers as Amazon does to requests that a key has signed for a region.
func ecrToken(t *testing.T, key, scope string, expires time.Time) http.HandlerFunc {
	token := base64.StdEncoding.EncodeToString([]byte("AWS:" + secret))
	return func(w http.ResponseWriter, r *http.Request) {
		signature := r.Header.Get("Authorization")
		if !strings.Contains(signature, "Credential="+key+"/") || !strings.Contains(signature, "/"+scope+"/aws4_request") {
			t.Errorf("%s: not signed by %s for %s: %s", r.Host, key, scope, signature)
		}
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetAuthorizationToken") {
			t.Errorf("%s: a call of %s", r.Host, r.Header.Get("X-Amz-Target"))
		}
		data := fmt.Sprintf(`{"authorizationToken":%q,"expiresAt":%d}`, token, expires.Unix())
		if !strings.Contains(scope, "ecr-public") {
			data = "[" + data + "]"
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = fmt.Fprintf(w, `{"authorizationData":%s}`, data)
	}
}

func staticAWS(t *testing.T) {
	t.Helper()
	alone(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret+"1")
	t.Setenv("AWS_SESSION_TOKEN", secret+"2")
}

// The host determines the region and the endpoint. One token serves all registries of a region.
func TestECR(t *testing.T) {
	staticAWS(t)
	expires := time.Now().Add(12 * time.Hour)
	sites := map[string]http.HandlerFunc{}
	for site, scope := range map[string]string{
		"https://api.ecr.eu-west-1.amazonaws.com":             "eu-west-1/ecr",
		"https://api.ecr-fips.us-gov-west-1.amazonaws.com":    "us-gov-west-1/ecr",
		"https://api.ecr.cn-north-1.amazonaws.com.cn":         "cn-north-1/ecr",
		"https://ecr.eu-west-1.api.aws":                       "eu-west-1/ecr",
		"https://ecr-fips.us-east-1.api.aws":                  "us-east-1/ecr",
		"https://api.ecr.us-iso-east-1.c2s.ic.gov":            "us-iso-east-1/ecr",
		"https://api.ecr.eusc-de-east-1.amazonaws.eu":         "eusc-de-east-1/ecr",
		"https://api.ecr-public.us-east-1.amazonaws.com":      "us-east-1/ecr-public",
		"https://ecr-public.us-east-1.api.aws":                "us-east-1/ecr-public",
		"https://api.ecr.us-isob-east-1.sc2s.sgov.gov":        "us-isob-east-1/ecr",
		"https://ecr.cn-north-1.api.amazonwebservices.com.cn": "cn-north-1/ecr",
	} {
		sites[site] = ecrToken(t, "AKID", scope, expires)
	}
	net := newNetwork(t, sites)
	source := newECR(options{transport: net})
	want := credentials.Credential{Username: "AWS", Password: secret, Expires: expires}
	for host, site := range map[string]string{
		private: "https://api.ecr.eu-west-1.amazonaws.com/",
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com":       "https://api.ecr-fips.us-gov-west-1.amazonaws.com/",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":            "https://api.ecr.cn-north-1.amazonaws.com.cn/",
		"123456789012.dkr-ecr.eu-west-1.on.aws":                       "https://ecr.eu-west-1.api.aws/",
		"123456789012.dkr-ecr-fips.us-east-1.on.aws":                  "https://ecr-fips.us-east-1.api.aws/",
		"123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": "https://ecr.cn-north-1.api.amazonwebservices.com.cn/",
		"123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov":               "https://api.ecr.us-iso-east-1.c2s.ic.gov/",
		"123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov":           "https://api.ecr.us-isob-east-1.sc2s.sgov.gov/",
		"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu":            "https://api.ecr.eusc-de-east-1.amazonaws.eu/",
		"public.ecr.aws":     "https://api.ecr-public.us-east-1.amazonaws.com/",
		"ecr-public.aws.com": "https://ecr-public.us-east-1.api.aws/",
	} {
		found(t, source, host, want)
		if n := net.count(site); n != 1 {
			t.Errorf("%s: %d requests for %s", host, n, site)
		}
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { _, _ = find(source, "999999999999.dkr.ecr.eu-west-1.amazonaws.com") })
	}
	group.Wait()
	if n := net.count("https://api.ecr.eu-west-1.amazonaws.com"); n != 1 {
		t.Errorf("%d requests for one region", n)
	}
}

// A workload's identity is exchanged for a role at the endpoints that the environment names.
func TestECRWebIdentity(t *testing.T) {
	alone(t)
	expires := time.Now().Add(12 * time.Hour)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "/ecr/") {
			ecrToken(t, "ASIAROLE", "eu-west-1/ecr", expires)(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		form := string(body)
		if !strings.Contains(form, "AssumeRoleWithWebIdentity") || !strings.Contains(form, "WebIdentityToken="+secret) {
			t.Errorf("%s asked %q", r.Host, form)
		}
		_, _ = fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
			<AssumeRoleWithWebIdentityResult>
			<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>
			<Expiration>%s</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
			secret, secret, expires.UTC().Format(time.RFC3339))
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "token")
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/ci")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
	t.Setenv("AWS_ENDPOINT_URL_ECR", server.URL)
	refused(t, ECR(), private, "aws sts get-caller-identity")
	write(t, file, secret, 0o600)
	found(t, ECR(), private, credentials.Credential{Username: "AWS", Password: secret, Expires: expires})
}

// The error of a refusal by AWS does not quote its secrets.
func TestECRRefusals(t *testing.T) {
	staticAWS(t)
	answer := func(status int, kind, message string) credentials.Source {
		return newECR(options{transport: newNetwork(t, map[string]http.HandlerFunc{
			"https://api.ecr.eu-west-1.amazonaws.com": say(status, fmt.Sprintf(`{"__type":%q,"message":%q}`, kind, message)),
		})})
	}
	refused(t, answer(400, "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized"), private,
		"allow ecr:GetAuthorizationToken", "arn:aws:iam::1:user/x")
	refused(t, answer(400, "AccessDeniedException", "x-amz-security-token:"+secret+"2"), private, "AccessDeniedException")
	refused(t, answer(403, "InvalidSignatureException", "the string to sign: "+secret), private,
		"InvalidSignatureException", "clock")
	refused(t, answer(403, secret+" "+secret, secret), private, "an error")
	refused(t, answer(200, "", ""), private, "no token")

	t.Setenv("AWS_PROFILE", "nobody")
	refused(t, ECR(), private, `no profile "nobody"`)
}

// Without credentials, the error says how to get some. It says so too if a role may not be assumed.
func TestECRWithoutLogin(t *testing.T) {
	bin := alone(t)
	for _, host := range []string{private, "public.ecr.aws"} {
		refused(t, newECR(options{transport: none{t}}), host, "AWS_PROFILE")
	}
	file := filepath.Join(bin, "config")
	t.Setenv("AWS_CONFIG_FILE", file)
	program(t, bin, "login", "echo "+secret+"; echo "+secret+" >&2; exit 3")
	write(t, file, "[default]\ncredential_process = "+filepath.Join(bin, "login")+"\n", 0o600)
	refused(t, newECR(options{transport: none{t}}), private, "aws sts get-caller-identity")

	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/ci")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", file)
	write(t, file, secret, 0o600)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(bin, "none"))
	refused(t, newECR(options{transport: newNetwork(t, map[string]http.HandlerFunc{
		"https://sts.eu-west-1.amazonaws.com": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no %s</Message></Error>
				</ErrorResponse>`, secret)
		},
	})}), private, "STS AssumeRoleWithWebIdentity answered AccessDenied")
}
