package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// registryModel is one element of the attribute registries.
type registryModel struct {
	Username           types.String `tfsdk:"username"`
	Password           types.String `tfsdk:"password"`
	Token              types.String `tfsdk:"token"`
	IdentityToken      types.String `tfsdk:"identity_token"`
	Anonymous          types.Bool   `tfsdk:"anonymous"`
	AuthHosts          types.Set    `tfsdk:"auth_hosts"`
	PlainHTTP          types.Bool   `tfsdk:"plain_http"`
	InsecureSkipVerify types.Bool   `tfsdk:"insecure_skip_verify"`
	CACertificate      types.String `tfsdk:"ca_certificate"`
	ClientCertificate  types.String `tfsdk:"client_certificate"`
	ClientKey          types.String `tfsdk:"client_key"`
}

// addRegistry adds the settings of the registry under key. If a setting is unknown, the registry is in unknownHosts.
func (s *settings) addRegistry(ctx context.Context, key string, element any, diags *diag.Diagnostics) {
	where := path.Root("registries").AtMapKey(key)
	host, err := oci.ParseHost(key)
	if err != nil {
		diags.AddAttributeError(where, "Invalid registry", hostHelp(key, err))
		return
	}
	if _, repeated := s.options.Registries[host]; repeated || s.unknownHosts[host] {
		diags.AddAttributeError(where, "Registry configured twice",
			fmt.Sprintf("%q is another name of %s, which already has settings. Keep one of them.", key, host))
		return
	}
	object, ok := element.(types.Object)
	if !ok || object.IsUnknown() {
		s.unknownHosts[host] = true
		return
	}
	if object.IsNull() {
		return
	}
	for _, value := range object.Attributes() {
		if hasUnknown(ctx, value) {
			s.unknownHosts[host] = true
		}
	}
	var m registryModel
	diags.Append(object.As(ctx, &m, basetypes.ObjectAsOptions{})...)
	config, credential := m.config(), m.credential(host)
	if m.Anonymous.ValueBool() && !credential.IsAnonymous() {
		diags.AddAttributeError(where.AtName("anonymous"), "Contradictory settings",
			fmt.Sprintf("For %s, anonymous forbids a login, but there are credentials too. Remove one of them.", host))
	}
	if !s.unknownHosts[host] {
		if err := config.TLS.Validate(); err != nil {
			diags.AddAttributeError(where, "Unusable certificate",
				fmt.Sprintf("The certificates for %s cannot be used: %v.", host, err))
		}
	}
	s.options.Registries[host] = config
	credential.NoLogin = m.Anonymous.ValueBool()
	if credential.NoLogin || !credential.IsAnonymous() {
		s.credentials[host] = credential
	}
}

// hasUnknown reports whether a value, or a part of it, is unknown.
func hasUnknown(ctx context.Context, value attr.Value) bool {
	v, err := value.ToTerraformValue(ctx)
	return err == nil && !v.IsFullyKnown()
}

// scheme returns http or https, or "" to leave the choice to the client.
func (m registryModel) scheme() string {
	switch {
	case m.PlainHTTP.IsNull(), m.PlainHTTP.IsUnknown():
		return ""
	case m.PlainHTTP.ValueBool():
		return "http"
	}
	return "https"
}

// credential returns what the settings log in with; an anonymous credential if they have none.
func (m registryModel) credential(host string) credentials.Credential {
	return credentials.Credential{
		Username:      m.Username.ValueString(),
		Password:      m.Password.ValueString(),
		RegistryToken: strings.TrimSpace(m.Token.ValueString()), // Files end with a newline.
		IdentityToken: strings.TrimSpace(m.IdentityToken.ValueString()),
		Origin:        fmt.Sprintf("the provider's registries[%q]", host),
	}
}

// config returns the settings besides the credential in the form that the client takes.
func (m registryModel) config() registry.HostConfig {
	config := registry.HostConfig{
		Scheme: m.scheme(),
		TLS: registry.TLSConfig{
			CACertificate:      []byte(m.CACertificate.ValueString()),
			ClientCertificate:  []byte(m.ClientCertificate.ValueString()),
			ClientKey:          []byte(m.ClientKey.ValueString()),
			InsecureSkipVerify: m.InsecureSkipVerify.ValueBool(),
		},
	}
	for _, element := range m.AuthHosts.Elements() {
		if text, ok := element.(types.String); ok && text.ValueString() != "" {
			config.AuthHosts = append(config.AuthHosts, text.ValueString())
		}
	}
	return config
}
