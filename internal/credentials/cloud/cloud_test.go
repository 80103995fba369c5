package cloud

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
)

// others are hosts that look like registries of a cloud and are none.
var others = []string{
	"", "docker.io", "quay.io", "localhost:5000", "registry.example.com", "amazonaws.com", "123456789012",
	"evil-azurecr.io", "azurecr.io", ".azurecr.io", "x.azurecr.io.evil.com", "x.azurecr.io:8443", "xazurecr.io",
	"x.azurecrxio",
	"a.b.azurecr.io", "x.azurecr.com", "x@azurecr.io", "evil.com/x.azurecr.io", "evil.com#.azurecr.io", "x_y.azurecr.io",
	"-x.azurecr.io",
	"gcr.io.evil.com", "evilgcr.io", "gcr.io:443", "evilpkg.dev", "pkg.dev", "us-docker.pkg.dev.evil.com", "a..gcr.io",
	".gcr.io",
	"us-docker.pkgxdev", "evil.com/.gcr.io", "evil.com?.pkg.dev", "mail.google.com",
	"ghcr.io.evil.com", "evilghcr.io", "x.ghcr.io", "ghcr.io:443", "ghcr.io/evil",
	"123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn.evil",
	"123456789012.dkr.ecr.eu-west-1.amazonawsxcom", "123456789012xdkr.ecr.eu-west-1.amazonaws.com",
	"12345678901.dkr.ecr.eu-west-1.amazonaws.com", "1234567890123.dkr.ecr.eu-west-1.amazonaws.com",
	"12345678901x.dkr.ecr.eu-west-1.amazonaws.com",
	"evil.123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.amazonaws.com",
	"123456789012.dkr.ecr..amazonaws.com",
	"123456789012.dkr.ecr.eu-west-1.evil.amazonaws.com", "123456789012.dkr.ecr-x.eu-west-1.amazonaws.com",
	"123456789012.dkr.ecreu-west-1.amazonaws.com",
	"123456789012.dkr.ecr.eu-west-1.evil.com", "123456789012.dkr.ecr.eu/west.amazonaws.com",
	"123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
	"123456789012.dkr_ecr.eu-west-1.on.aws", "public.ecr.aws.evil.com", "evilpublic.ecr.aws", "x.public.ecr.aws",
	"ecr.aws",
}

// clouds maps the name of a source to hosts of its registries.
var clouds = map[string][]string{
	"Amazon ECR": {
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "123456789012.dkr-ecr.eu-west-1.on.aws",
		"123456789012.dkr-ecr-fips.us-east-1.on.aws", "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
		"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov",
		"123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk",
		"123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "public.ecr.aws", "ecr-public.aws.com",
	},
	"Google Artifact Registry": {
		"gcr.io", "eu.gcr.io", "k8s.gcr.io", "us-docker.pkg.dev", "europe-west1-docker.pkg.dev",
		"docker.us-central1.rep.pkg.dev", "US-docker.pkg.dev",
	},
	"Azure Container Registry": {"x.azurecr.io", "x-b2c3.azurecr.io", "x.azurecr.cn", "x.azurecr.us", "X.azurecr.io"},
	"GitHub Packages":          {"ghcr.io", "GHCR.io"},
}

// none fails the test at every request.
type none struct{ *testing.T }

func (n none) RoundTrip(r *http.Request) (*http.Response, error) {
	n.Errorf("a request for %s", r.URL.Host)
	return nil, errors.New("no network")
}

// A cloud is asked only for its own registries: another host costs no request, no program and hardly any time.
func TestOtherHosts(t *testing.T) {
	bin := alone(t)
	mark := filepath.Join(bin, "started")
	for _, name := range []string{"gcloud", "az", "azd", "pwsh", "login"} {
		program(t, bin, name, `echo >> "`+mark+`"`)
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(bin, "config"))
	write(t, filepath.Join(bin, "config"), "[default]\ncredential_process = login\n", 0o600)
	t.Setenv("GITHUB_TOKEN", secret)
	chain := sources(options{transport: none{t}})
	began := time.Now()
	for range 100 {
		for _, host := range others {
			if c, err := find(chain, host); err != nil || !c.IsAnonymous() {
				t.Errorf("%q: %s, %v", host, c, err)
			}
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %s", took)
	}
	if exists(mark) {
		t.Error("a program was started")
	}
}

// Exactly one source claims each registry. Without a login, it soon says so.
func TestClouds(t *testing.T) {
	alone(t)
	metadataIsGone := newNetwork(t, map[string]http.HandlerFunc{
		"http://169.254.169.254":  say(http.StatusNotFound, ""),
		"http://metadata.invalid": say(http.StatusNotFound, ""),
	})
	t.Setenv("GCE_METADATA_HOST", "metadata.invalid")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
	chain := sources(options{transport: metadataIsGone})
	for name, hosts := range clouds {
		for _, host := range hosts {
			refused(t, chain, host, name+": ")
			claims := 0
			for _, source := range chain {
				if _, err := find(source, host); err != nil {
					claims++
				}
			}
			if claims != 1 {
				t.Errorf("%s: %d sources claim it", host, claims)
			}
		}
	}
}

// A login that hangs ends at its limit and delays no registry of another cloud. Its callers may give up sooner.
func TestHangingLogin(t *testing.T) {
	alone(t)
	t.Setenv("GITHUB_TOKEN", secret)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("GCE_METADATA_HOST", "metadata.invalid")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
	net := newNetwork(t, map[string]http.HandlerFunc{
		"https://api.ecr.eu-west-1.amazonaws.com": hang,
		"http://metadata.invalid":                 hang,
		"http://169.254.169.254":                  hang,
	})
	chain := sources(options{transport: net, timeout: 2 * time.Second})
	hung := []string{"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "gcr.io", "x.azurecr.io"}
	done := make(chan struct{})
	for _, host := range hung {
		go func() {
			defer func() { done <- struct{}{} }()
			refused(t, chain, host, "no answer within 2s")
		}()
	}
	began := time.Now()
	found(t, chain, "ghcr.io", credentials.Credential{Username: "x-access-token", Password: secret})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := chain.Find(ctx, credentials.Target{Host: hung[0]}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an impatient caller gets %v", err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("the others took %s", took)
	}
	for range hung {
		<-done
	}
}

func TestGitHub(t *testing.T) {
	alone(t)
	refused(t, newGitHub(options{}), "ghcr.io", "GITHUB_TOKEN")
	t.Setenv("GITHUB_TOKEN", secret)
	found(t, GitHub(), "ghcr.io", credentials.Credential{Username: "x-access-token", Password: secret})
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"invalid_grant": "invalid_grant", "": "an error", "a secret": "an error", strings.Repeat("x", 65): "an error",
	} {
		if got := code(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}
