package provider

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// verificationPath is the attribute with the settings of verification.
var verificationPath = path.Root(verificationName)

// verificationModel is the attribute verification.
type verificationModel struct {
	TrustedCertificates   types.String `tfsdk:"trusted_certificates"`
	TrustedIdentities     types.List   `tfsdk:"trusted_identities"`
	Level                 types.String `tfsdk:"level"`
	Revocation            types.String `tfsdk:"revocation"`
	Required              types.Bool   `tfsdk:"required"`
	TimestampCertificates types.String `tfsdk:"timestamp_certificates"`
	AcceptedRollback      types.String `tfsdk:"accepted_rollback"`
}

// verificationSettings are the settings of a verificationModel.
type verificationSettings struct {
	options notation.VerifierOptions
	// required says that what nobody trusted has signed is an error.
	required bool
	// acceptedRollback is the digest of the manifesto that counts although a newer one has been seen; empty if none does.
	acceptedRollback oci.Digest
}

// verification is how to verify signatures.
type verification struct {
	verificationSettings
	verifier signing.Verifier
}

// newVerificationSettings returns the settings that an attribute has; nil if it has none, or if a part of it is not
// known yet.
func newVerificationSettings(
	ctx context.Context, object types.Object, diags *diag.Diagnostics,
) *verificationSettings {
	if object.IsNull() || hasUnknown(ctx, object) {
		return nil
	}
	var m verificationModel
	found := object.As(ctx, &m, basetypes.ObjectAsOptions{})
	diags.Append(found...)
	if found.HasError() {
		return nil
	}
	settings := &verificationSettings{
		options: notation.VerifierOptions{
			Certificates:          []byte(m.TrustedCertificates.ValueString()),
			Identities:            stringsIn(m.TrustedIdentities.Elements()),
			Permissive:            m.Level.ValueString() == levelPermissive,
			CheckRevocation:       m.Revocation.ValueString() == revocationCheck,
			TimestampCertificates: []byte(m.TimestampCertificates.ValueString()),
		},
		required: m.Required.IsNull() || m.Required.ValueBool(),
	}
	if rollback, err := oci.ParseDigest(m.AcceptedRollback.ValueString()); err == nil {
		settings.acceptedRollback = rollback // An invalid digest is an error of the schema.
	}
	return settings
}

// checkVerification finds out whether the settings can verify.
func (s *settings) checkVerification(diags *diag.Diagnostics) {
	if s.verification != nil {
		_, err := notation.NewVerifier(s.verification.options)
		addOptionError(diags, verificationPath, err)
	}
}

// verifiers makes verifiers. Settings that are equal share one, with all that it has found out. It is safe for
// concurrent use.
type verifiers struct {
	// base has the options that all verifiers share: the client and the logger.
	base notation.VerifierOptions

	mu   sync.Mutex
	made map[string]signing.Verifier
}

// verification returns how to verify by the settings of an attribute; nil if they are nil, or if diags says why not.
func (v *verifiers) verification(s *verificationSettings, at path.Path, diags *diag.Diagnostics) *verification {
	if s == nil {
		return nil
	}
	verifier, err := v.get(s.options)
	if err != nil {
		addOptionError(diags, at, err)
		return nil
	}
	return &verification{*s, verifier}
}

// get returns the verifier with these options.
func (v *verifiers) get(options notation.VerifierOptions) (signing.Verifier, error) {
	key := fmt.Sprintf("%q %q %q %t %t", options.Certificates, options.Identities, options.TimestampCertificates,
		options.Permissive, options.CheckRevocation)
	v.mu.Lock()
	defer v.mu.Unlock()
	if known, ok := v.made[key]; ok {
		return known, nil
	}
	options.Client, options.Logger = v.base.Client, v.base.Logger
	made, err := notation.NewVerifier(options)
	if err != nil {
		return nil, err
	}
	if v.made == nil {
		v.made = map[string]signing.Verifier{}
	}
	v.made[key] = made
	return made, nil
}

// verificationFor returns how to verify what a data source, an ephemeral resource or a list reads: by its own attribute
// or, if that is null, by the provider's. nil means not at all. If it returns false, diags says why; above all it does
// so as long as the settings are not known, since nothing unverified may pass for verified.
func (d *providerData) verificationFor(
	ctx context.Context, own types.Object, diags *diag.Diagnostics,
) (*verification, bool) {
	if own.IsNull() && !d.settings.verificationUnknown {
		return d.verification, true
	}
	if own.IsNull() || hasUnknown(ctx, own) {
		diags.AddAttributeError(verificationPath, "Provider settings unknown", "Whom to trust is not known yet: it comes "+
			"from a resource that has not been applied. Apply that resource first, for example with -target, or set "+
			"verification from values that are known at plan.")
		return nil, false
	}
	settings := newVerificationSettings(ctx, own, diags)
	found := d.verifiers.verification(settings, verificationPath, diags)
	return found, found != nil
}
