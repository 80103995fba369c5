package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// signingPath is the attribute with the settings of signing.
var signingPath = path.Root("signing")

// signingModel is the attribute signing.
type signingModel struct {
	PrivateKey            types.String `tfsdk:"private_key"`
	CertificateChain      types.String `tfsdk:"certificate_chain"`
	Plugin                types.Object `tfsdk:"plugin"`
	Envelope              types.String `tfsdk:"envelope"`
	Expiry                types.String `tfsdk:"expiry"`
	TimestampURL          types.String `tfsdk:"timestamp_url"`
	TimestampCertificates types.String `tfsdk:"timestamp_certificates"`
}

// signingPluginModel is the attribute signing.plugin.
type signingPluginModel struct {
	Name        types.String `tfsdk:"name"`
	Path        types.String `tfsdk:"path"`
	KeyID       types.String `tfsdk:"key_id"`
	Config      types.Map    `tfsdk:"config"`
	Environment types.Map    `tfsdk:"environment"`
}

// addSigning adds the settings of signing.
func (s *settings) addSigning(ctx context.Context, object types.Object, diags *diag.Diagnostics) {
	s.signingUnknown = hasUnknown(ctx, object)
	if object.IsNull() || object.IsUnknown() {
		return
	}
	var m signingModel
	var plugin *signingPluginModel
	diags.Append(object.As(ctx, &m, basetypes.ObjectAsOptions{})...)
	if !m.Plugin.IsNull() && !m.Plugin.IsUnknown() {
		plugin = &signingPluginModel{}
		diags.Append(m.Plugin.As(ctx, plugin, basetypes.ObjectAsOptions{})...)
	}
	if diags.HasError() || !m.hasOneKey(diags) || plugin != nil && !plugin.hasOneName(diags) || s.signingUnknown {
		return
	}
	s.signing = m.options()
	if plugin != nil {
		s.signing.Plugin = plugin.options()
	}
}

// hasOneKey reports whether the settings have one key, as far as is known. Otherwise it tells diags what they have.
func (m *signingModel) hasOneKey(diags *diag.Diagnostics) bool {
	switch {
	case m.PrivateKey.IsUnknown(), m.CertificateChain.IsUnknown(), m.Plugin.IsUnknown():
	case m.PrivateKey.IsNull() && m.Plugin.IsNull():
		diags.AddAttributeError(signingPath, "No key to sign with", "The attribute signing has neither a private_key nor a "+
			"plugin. Set private_key and certificate_chain, or the plugin that has the key. To sign nothing, leave signing out.")
		return false
	case !m.Plugin.IsNull() && (!m.PrivateKey.IsNull() || !m.CertificateChain.IsNull()):
		diags.AddAttributeError(signingPath.AtName("plugin"), "Two keys to sign with", "The attribute signing has a plugin, "+
			"and private_key or certificate_chain as well. A plugin signs with a key and certificates of its own. Remove the "+
			"plugin, or remove private_key and certificate_chain.")
		return false
	}
	return true
}

// hasOneName reports whether the settings name one plugin, as far as is known. Otherwise it tells diags what they name.
func (m *signingPluginModel) hasOneName(diags *diag.Diagnostics) bool {
	at := signingPath.AtName("plugin")
	switch {
	case m.Name.IsUnknown(), m.Path.IsUnknown():
	case m.Name.IsNull() && m.Path.IsNull():
		diags.AddAttributeError(at, "No plugin named", "The attribute signing.plugin has neither a name nor a path. Set "+
			"name if the plugin is installed for the command notation, or path to its executable.")
		return false
	case !m.Name.IsNull() && !m.Path.IsNull():
		diags.AddAttributeError(at.AtName("path"), "Two plugins named", "The attribute signing.plugin has a name and a "+
			"path, which may be two plugins. Remove one of them.")
		return false
	}
	return true
}

// options returns the settings, besides those of a plugin, in the form that package notation takes.
func (m *signingModel) options() *notation.SignerOptions {
	options := &notation.SignerOptions{
		PrivateKey:            []byte(m.PrivateKey.ValueString()),
		CertificateChain:      []byte(m.CertificateChain.ValueString()),
		Envelope:              signing.MediaTypeJWS,
		TimestampURL:          m.TimestampURL.ValueString(),
		TimestampCertificates: []byte(m.TimestampCertificates.ValueString()),
	}
	if m.Envelope.ValueString() == envelopeCOSE {
		options.Envelope = signing.MediaTypeCOSE
	}
	if expiry, ok := parseExpiry(m.Expiry.ValueString()); ok {
		options.Expiry = expiry // An invalid value is an error of the schema.
	}
	return options
}

// options returns the settings of the plugin in the form that package notation takes.
func (m *signingPluginModel) options() *notation.PluginOptions {
	return &notation.PluginOptions{
		Name: m.Name.ValueString(), Path: m.Path.ValueString(), KeyID: m.KeyID.ValueString(),
		Config: textsOf(m.Config), Environment: textsOf(m.Environment),
	}
}

// checkSigner finds out whether the key and its certificates can sign. It runs no plugin.
func (s *settings) checkSigner(ctx context.Context, diags *diag.Diagnostics) {
	if s.signing == nil || s.signing.Plugin != nil {
		return
	}
	_, err := notation.NewSigner(ctx, *s.signing)
	addOptionError(diags, signingPath, err)
}

// signer returns what signs; nil if nothing does, or if the settings are not known yet. It makes a signature for trial,
// and runs the plugin for that, if there is one.
func (s *settings) signer(ctx context.Context, client *registry.Client, diags *diag.Diagnostics) signing.Signer {
	if s.signing == nil {
		return nil
	}
	options := *s.signing
	options.Client, options.Logger = client.ServiceClient(), s.options.Logger
	signer, err := notation.NewSigner(ctx, options)
	if err != nil {
		addOptionError(diags, signingPath, err)
		return nil
	}
	return signer
}
