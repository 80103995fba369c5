package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// signingWith is the attribute signing with a key and its certificates, and with more attributes.
func signingWith(t *testing.T, id notationtest.Identity, more string) string {
	t.Helper()
	return fmt.Sprintf("signing = {\n  private_key = %q\n  certificate_chain = %q\n%s\n}",
		id.KeyPEM(t), id.ChainPEM(), more)
}

// trusting is the attribute verification with the root of an authority, and with more attributes.
func trusting(authority *notationtest.Authority, more string) string {
	return fmt.Sprintf("verification = {\n  trusted_certificates = %q\n  trusted_identities = [%q]\n%s\n}",
		authority.RootPEM(), notationtest.TrustedIdentity, more)
}

// Settings that cannot sign or verify are an error of Terraform's validation, before the first request.
func TestAccUnusableSignatureSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.server.Reset()
	authority := notationtest.NewAuthority(t, "Example")
	release := authority.Issue(t, "release")
	for name, test := range map[string]struct{ settings, want string }{
		"certificate of an authority": {
			signingWith(t, authority.Issue(t, "ca", notationtest.AsCA), ""), `signing.certificate_chain.*certificate authority`,
		},
		"expired certificate": {
			signingWith(t, authority.Issue(t, "old", notationtest.Expired), ""), `signing.certificate_chain.*has expired`,
		},
		"expiry beyond the certificate": {signingWith(t, release, `expiry = "87600h"`), `signing.expiry.*take at most`},
		"no key":                        {`signing = { envelope = "jws" }`, `No key to sign with`},
		"empty roots of time stamping authorities": {
			trusting(authority, `timestamp_certificates = ""`), `Empty timestamp_certificates.*leave timestamp_certificates out`,
		},
		"blank roots of time stamping authorities": {
			trusting(authority, `timestamp_certificates = "\n"`), `Empty timestamp_certificates`,
		},
		"empty roots of the own time stamping authority": {
			signingWith(t, release, `timestamp_certificates = ""`), `Empty timestamp_certificates`,
		},
		"empty time stamping authority": {signingWith(t, release, `timestamp_url = ""`), `Empty timestamp_url`},
		"no identity":                   {`verification = { level = "strict" }`, `"trusted_identities" are required`},
		"malformed identity": {
			strings.Replace(trusting(authority, ""), notationtest.TrustedIdentity, "email:me@example.com", 1),
			`verification.trusted_identities.*begins with`,
		},
		"level of notation": {trusting(authority, `level = "audit"`), `Invalid level.*required = false`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{
				Config: w.withProvider(test.settings), ExpectError: words(test.want), PlanOnly: true,
			})
		})
	}
	t.Cleanup(func() {
		if n := w.server.Count("", ""); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

// A key that comes from a resource of the same apply is unknown at plan. It signs at apply.
func TestAccUnknownSigningKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	release := notationtest.NewAuthority(t, "Example").Issue(t, "release")
	config := fmt.Sprintf(`
		resource "terraform_data" "key" {
			input = %q
		}
		%s`, release.KeyPEM(t), w.withProvider(fmt.Sprintf(
		"signing = {\n  private_key = terraform_data.key.output\n  certificate_chain = %q\n}", release.ChainPEM())))
	acceptance(t,
		resource.TestStep{Config: config, Check: w.has("t", "x")},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}
