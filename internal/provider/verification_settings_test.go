package provider

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// attributeOf is what a test asks of an attribute in any kind of schema.
type attributeOf interface {
	GetType() attr.Type
	IsOptional() bool
	IsRequired() bool
	GetMarkdownDescription() string
}

// The attribute verification is the same in every kind of schema.
func TestVerificationAttributes(t *testing.T) {
	t.Parallel()
	of := verificationAttribute(ownVerification)
	check := func(t *testing.T, name string, got, want attributeOf) {
		t.Helper()
		if !got.GetType().Equal(want.GetType()) || got.IsOptional() != want.IsOptional() ||
			got.IsRequired() != want.IsRequired() || got.GetMarkdownDescription() != want.GetMarkdownDescription() {
			t.Errorf("%s is %#v, want %#v", name, got, want)
		}
	}
	check(t, "the provider's", forProvider(of), of)
	check(t, "an ephemeral resource's", forEphemeral(of), of)
	check(t, "a list resource's", forList(of), of)
	for name, attribute := range of.Attributes {
		if attribute.GetMarkdownDescription() == "" {
			t.Errorf("%s is not described", name)
		}
		check(t, "the provider's "+name, forProvider(attribute), attribute)
		check(t, "an ephemeral resource's "+name, forEphemeral(attribute), attribute)
		check(t, "a list resource's "+name, forList(attribute), attribute)
	}
}

// A reader verifies by its own settings or, without any, by the provider's. It reads nothing as long as they are not
// known.
func TestVerificationFor(t *testing.T) {
	t.Parallel()
	authority, elsewhere := notationtest.NewAuthority(t, "Example"), notationtest.NewAuthority(t, "Elsewhere")
	typ, ok := verificationAttribute(ownVerification).GetType().(types.ObjectType)
	if !ok {
		t.Fatal("verification is no object")
	}
	object := func(trusted *notationtest.Authority, with map[string]attr.Value) types.Object {
		all := map[string]attr.Value{
			"trusted_certificates":   types.StringValue(string(trusted.RootPEM())),
			"trusted_identities":     types.ListValueMust(types.StringType, []attr.Value{types.StringValue("*")}),
			"level":                  types.StringNull(),
			"revocation":             types.StringNull(),
			"required":               types.BoolNull(),
			"timestamp_certificates": types.StringNull(),
			"accepted_rollback":      types.StringNull(),
		}
		maps.Copy(all, with)
		return types.ObjectValueMust(typ.AttrTypes, all)
	}
	none := types.ObjectNull(typ.AttrTypes)
	own := object(authority, map[string]attr.Value{"required": types.BoolValue(false)})
	tests := map[string]struct {
		provider, own types.Object
		// verifies and required are how to verify, and shared says with the verifier of the provider.
		verifies, required, shared bool
		// problem is an error in place of all that.
		problem string
	}{
		"none": {provider: none, own: none},
		"the provider's": {
			provider: object(authority, nil), own: none, verifies: true, required: true, shared: true,
		},
		"its own":                 {provider: none, own: own, verifies: true},
		"its own, the same trust": {provider: object(authority, nil), own: own, verifies: true, shared: true},
		"its own, another trust":  {provider: object(elsewhere, nil), own: own, verifies: true},
		"the provider's, unknown": {
			provider: types.ObjectUnknown(typ.AttrTypes), own: none, problem: "verification: Provider settings unknown",
		},
		"a part of the provider's, unknown": {
			provider: object(authority, map[string]attr.Value{"level": types.StringUnknown()}), own: none,
			problem: "verification: Provider settings unknown",
		},
		"its own, the provider's unknown": {provider: types.ObjectUnknown(typ.AttrTypes), own: own, verifies: true},
		"its own, unknown": {
			provider: object(authority, nil), own: types.ObjectUnknown(typ.AttrTypes),
			problem: "verification: Provider settings unknown",
		},
		"its own, unusable": {
			provider: object(authority, nil), problem: "verification.trusted_identities: Unusable trusted identities",
			own: object(authority, map[string]attr.Value{"trusted_identities": types.ListNull(types.StringType)}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var diags diag.Diagnostics
			data := &providerData{settings: settings{verificationUnknown: hasUnknown(t.Context(), test.provider)}}
			data.verification = data.verifiers.verification(
				newVerificationSettings(t.Context(), test.provider, &diags), verificationPath, &diags,
			)
			got, ok := data.verificationFor(t.Context(), test.own, &diags)
			if ok != (test.problem == "") || ok == diags.HasError() {
				t.Fatalf("it is %t: %v", ok, diags)
			}
			for _, d := range diags.Errors() {
				at, _ := d.(diag.DiagnosticWithPath)
				if text := at.Path().String() + ": " + d.Summary(); !strings.HasPrefix(text, test.problem) {
					t.Errorf("the error is %q, want %q", text, test.problem)
				}
			}
			if (got != nil) != test.verifies {
				t.Fatalf("the verification is %+v", got)
			}
			if got != nil && got.required != test.required {
				t.Errorf("it requires a signature: %t", got.required)
			}
			provided := data.verification
			if shared := provided != nil && got != nil && provided.verifier == got.verifier; shared != test.shared {
				t.Errorf("it shares the provider's verifier: %t", shared)
			}
		})
	}
}

// What the configured signer signs, the configured verification trusts, if it names the signer.
func TestConfiguredVerificationTrusts(t *testing.T) {
	t.Parallel()
	authority := notationtest.NewAuthority(t, "Example")
	release := authority.Issue(t, "release")
	target := notationtest.Target("x")
	for identity, trusted := range map[string]bool{
		notationtest.TrustedIdentity:                  true,
		notationtest.TrustedIdentity + ", CN=another": false,
	} {
		c := newSettingsCaller(t)
		config := c.config(settingsOf{
			"signing": settingsOf{"private_key": string(release.KeyPEM(t)), "certificate_chain": string(release.ChainPEM())},
			"verification": settingsOf{
				"trusted_certificates": string(authority.RootPEM()), "trusted_identities": []string{identity},
			},
		})
		if found := c.configure(config); len(found) > 0 {
			t.Fatalf("the errors are %q", found)
		}
		data := c.provider.data
		made, err := data.signer.Sign(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		var store notationtest.Store
		store.Attach(t, made, target)
		verdict, err := data.verification.verifier.Verify(t.Context(), &store, target)
		if err != nil || (verdict.Good != nil) != trusted {
			t.Errorf("with the identity %s: %+v, %v", identity, verdict, err)
		}
	}
}
