package provider

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// verificationValue is the attribute verification of an object, with the root of an authority.
func verificationValue(
	t *testing.T, of tftypes.Object, authority *notationtest.Authority, required bool,
) tftypes.Value {
	t.Helper()
	typ := objectType(t, of.AttributeTypes[verificationName])
	identities := tftypes.List{ElementType: tftypes.String}
	all := values{}
	for name, attribute := range typ.AttributeTypes {
		all[name] = tftypes.NewValue(attribute, nil)
	}
	maps.Copy(all, values{
		"trusted_certificates": str(string(authority.RootPEM())), "required": truth(required),
		"trusted_identities": tftypes.NewValue(identities, []tftypes.Value{str(notationtest.TrustedIdentity)}),
	})
	return tftypes.NewValue(typ, all)
}

// A list verifies by its own verification: what is not signed fails it or, if no signature is required, has a warning.
func TestListVerifies(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			w.put("contact", "me")
			w.putSigned(w.release, "t", "yes")
			l := newLister(t)
			list := func(authority *notationtest.Authority, required, resources bool, types ...string) string {
				config := values{
					"repository": str(w.ref("")), verificationName: verificationValue(t, l.config, authority, required),
				}
				if len(types) > 0 {
					config["type"] = str(types[0])
				}
				var outcome []string
				for _, result := range l.list(config, everything, resources) {
					text := "listed"
					if result.Resource != nil {
						var signer string
						_ = l.values(result.Resource)["signed_by"].As(&signer) // Empty if it is null.
						text += " " + signer
					}
					for _, d := range result.Diagnostics {
						text = fmt.Sprintf("%s: %s: %s", d.Severity, d.Summary, d.Detail)
					}
					outcome = append(outcome, text)
				}
				return strings.Join(outcome, "\n")
			}
			const refused = `(?s)^ERROR: Metadata not signed: .*Metadata "contact" of image .*no artifact.*in type or types`
			for name, test := range map[string]struct{ got, want string }{
				"signed":               {list(w.ours, true, true, "t"), `^listed CN=release,`},
				"signed, identities":   {list(w.ours, true, false, "t"), `^listed$`},
				"unsigned":             {list(w.ours, true, true), refused},
				"unsigned, identities": {list(w.ours, true, false), refused},
				"unsigned, accepted": {
					list(w.ours, false, true), `(?s)^WARNING: Signature not to be trusted: Metadata "contact".*\nlisted CN=release,`,
				},
				"another signer": {list(w.theirs, true, false, "t"), `^ERROR: Signature not to be trusted: .*CN=release`},
				"none of the type, by another signer": {
					list(w.theirs, true, false, "none"), `^ERROR: Signature not to be trusted: .*CN=release`,
				},
			} {
				if !words(test.want).MatchString(test.got) {
					t.Errorf("%s: %s", name, test.got)
				}
			}
		})
	}
}

// A verified look-up takes at most seven requests more than another, and nothing is verified twice in a run: "Requests"
// in DESIGN.md.
func TestVerifiedLookupBudget(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			w.putSigned(w.release, "t", "yes")
			w.putSigned(w.release, "u", "yes")
			look := func(c *caller, name string, verified bool, config values) int {
				schemas, err := c.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
				if err != nil {
					t.Fatal(err)
				}
				typ := objectType(t, schemas.DataSourceSchemas[name].Block.ValueType())
				config = maps.Clone(config)
				if verified {
					config[verificationName] = verificationValue(t, typ, w.ours, true)
				}
				w.server.Reset()
				resp, err := c.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
					TypeName: name, Config: c.object(typ, config),
				})
				if err != nil {
					t.Fatal(err)
				}
				c.check(resp.Diagnostics)
				return len(w.server.Requests())
			}
			image := values{"image": str(w.ref("@" + w.image.String()))}
			one := values{"image": image["image"], "type": str("t")}
			two := values{"image": image["image"], "type": str("u")}
			repository := values{"repository": str(w.ref(""))}
			plain, run := newCaller(t, NewServer("test")()), newCaller(t, NewServer("test")())
			without, with := look(plain, "manifesto_metadata", false, one), look(run, "manifesto_metadata", true, one)
			t.Logf("a look-up takes %d requests, and a verified one %d", without, with)
			if with > without+7 {
				t.Errorf("a look-up takes %d requests, and a verified one %d", without, with)
			}
			again := look(plain, "manifesto_metadata", false, one)
			if n := look(run, "manifesto_metadata", true, one); n != again {
				t.Errorf("the look-up again takes %d requests, and the verified one %d", again, n)
			}
			if n := look(run, "manifesto_metadata", true, two); n > again+3 {
				t.Errorf("a verified look-up of another piece takes %d requests", n)
			}
			if n := look(run, "manifesto_image", true, image); n != 0 {
				t.Errorf("a list of what was verified takes %d requests", n)
			}
			if n := look(run, "manifesto_repository", true, repository); n != 0 {
				t.Errorf("a list of the repository takes %d requests", n)
			}
		})
	}
}
