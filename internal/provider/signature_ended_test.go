package provider

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// Level permissive accepts what has ended, and says so: which image, type and signer, and since when.
const (
	endedPiece     = `metadata "t" of image \S+@sha256:\w+: ` + endedSignature
	endedManifesto = `manifesto of \S+/app: ` + endedSignature
	endedSignature = `signature sha256:\w+ by "CN=past\S*", made at \S+; it ended at 20`
)

func TestLookupsSayThatSignaturesHaveEnded(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			w.putSigned(pastSigner{t, w.ours.Issue(t, "past")}, "t", "yes")
			c := newCaller(t, NewServer("test")())
			schemas, err := c.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
			if err != nil {
				t.Fatal(err)
			}
			image := str(w.ref("@" + w.image.String()))
			for name, config := range map[string]values{
				"manifesto_metadata":   {"image": image, "type": str("t")},
				"manifesto_image":      {"image": image},
				"manifesto_repository": {"repository": str(w.ref(""))},
			} {
				typ := objectType(t, schemas.DataSourceSchemas[name].Block.ValueType())
				trust := values{}
				if err = verificationValue(t, typ, w.ours, true).As(&trust); err != nil {
					t.Fatal(err)
				}
				trust["level"] = str(levelPermissive)
				config = maps.Clone(config)
				config[verificationName] = tftypes.NewValue(objectType(t, typ.AttributeTypes[verificationName]),
					trust)
				resp, err := c.server.ReadDataSource(t.Context(), &tfprotov6.ReadDataSourceRequest{
					TypeName: name, Config: c.object(typ, config),
				})
				if err != nil {
					t.Fatal(err)
				}
				var text strings.Builder
				for _, d := range resp.Diagnostics {
					text.WriteString(d.Severity.String() + ": " + d.Summary + ": " + d.Detail + "\n")
				}
				for _, want := range []string{`^WARNING: Expired signature accepted: .*permissive`, endedPiece, endedManifesto} {
					if !words(want).MatchString(text.String()) {
						t.Errorf("%s: no %q in\n%s", name, want, &text)
					}
				}
			}
		})
	}
}

// The refresh of a resource says so, too.
func TestRefreshSaysThatSignaturesHaveEnded(t *testing.T) {
	t.Parallel()
	w := newTrusted(t, signatureKinds[0])
	w.putSigned(pastSigner{t, w.ours.Issue(t, "past")}, "t", "yes")
	verifier, err := notation.NewVerifier(notation.VerifierOptions{
		Certificates: w.ours.RootPEM(), Identities: []string{notationtest.TrustedIdentity}, Permissive: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	data := &providerData{store: w.store(), verification: &verification{verifier: verifier}}
	refreshes := map[string]func(diags *diag.Diagnostics) error{
		"one piece": func(diags *diag.Diagnostics) error {
			state := signatureModel{Sign: types.BoolValue(true)}
			r := signatureReader{data: data, key: w.key("t"), state: &state, diags: diags}
			piece, err := r.get(t.Context())
			if err == nil {
				_, err = r.read(t.Context(), piece.Entry)
			}
			return err
		},
		"bulk": func(diags *diag.Diagnostics) error {
			s := bulkSignatures{signs: true, bulk: bulk{data: data, repository: w.key("t").Repository, what: "metadata"}}
			if err := s.verify(t.Context()); err != nil {
				return err
			}
			located, err := data.store.Pieces(t.Context(), s.repository, s.filter)
			if err != nil {
				return err
			}
			wanted := func(key manifesto.Key) string { return w.entry(key.Type).Artifact.Type }
			return s.refresh(t.Context(), &bulkSignatureModel{}, located, wanted, true, diags)
		},
	}
	for name, refresh := range refreshes {
		var diags diag.Diagnostics
		if err := refresh(&diags); err != nil || len(diags) != 1 || diags.HasError() {
			t.Fatalf("%s: %v, %v", name, diags, err)
		}
		text := diags[0].Summary() + ": " + diags[0].Detail()
		for _, want := range []string{`^Expired signature accepted: `, endedPiece, endedManifesto} {
			if !words(want).MatchString(text) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
	}
}
