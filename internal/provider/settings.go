package provider

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials/cloud"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Environment variables with credentials for the default registry.
const (
	envUsername = "REGISTRY_USERNAME"
	envPassword = "REGISTRY_PASSWORD"
)

// providerData is what the provider passes to its resources and data sources.
type providerData struct {
	settings settings
	store    *manifesto.Store
	// signer signs what resources store; nil if nothing does, or if the settings are not known yet.
	signer signing.Signer
	// verification is how to verify signatures where nothing else is set; nil means not at all, or that the settings are
	// not known yet.
	verification *verification
	// verifiers are those of all verifications.
	verifiers verifiers
	// open gives access to a repository without the store.
	open func(oci.Repository) manifesto.Repository
	// outages are the unreachable hosts that diagnoses have explained.
	outages outages
	// statements are what bulk resources have stored in this run.
	statements statements
}

// settings are the settings of the provider, as far as they are known.
type settings struct {
	options registry.Options
	// credentials are those that the provider sets for single registries: the first source of options.Credentials.
	credentials credentials.Settings
	// settle is the settle time of the store.
	settle time.Duration
	// defaultRegistry is the registry of references that name none; empty means Docker Hub.
	defaultRegistry string
	// defaultUnknown means that the default registry is not known yet.
	defaultUnknown bool
	// unknownHosts are the registries with a setting that is not known yet; allUnknown stands for every registry.
	unknownHosts map[string]bool
	allUnknown   bool
	// signing is how to sign; nil means not at all, or that a part of it is not known yet: signingUnknown.
	signing        *notation.SignerOptions
	signingUnknown bool
	// verification is how to verify; nil means not at all, or that a part of it is not known yet: verificationUnknown.
	verification        *verificationSettings
	verificationUnknown bool
}

// providerModel is the configuration of the provider.
type providerModel struct {
	Registries      types.Map    `tfsdk:"registries"`
	Username        types.String `tfsdk:"username"`
	Password        types.String `tfsdk:"password"`
	DockerConfig    types.String `tfsdk:"docker_config"`
	DefaultRegistry types.String `tfsdk:"default_registry"`
	MaxRetries      types.Int64  `tfsdk:"max_retries"`
	RequestTimeout  types.String `tfsdk:"request_timeout"`
	MaxConcurrent   types.Int64  `tfsdk:"max_concurrent_requests"`
	Settle          types.String `tfsdk:"settle"`
	Signing         types.Object `tfsdk:"signing"`
	Verification    types.Object `tfsdk:"verification"`
}

// settings returns the settings that the configuration and the environment give.
func (m providerModel) settings(ctx context.Context, diags *diag.Diagnostics) settings {
	configured := credentials.Settings{}
	s := settings{
		credentials: configured,
		options: registry.Options{
			Registries:            map[string]registry.HostConfig{},
			Credentials:           m.sources(configured),
			CertDirectories:       registry.SystemCertDirectories(),
			MaxRetries:            int(m.MaxRetries.ValueInt64()),
			MaxConcurrentRequests: int(m.MaxConcurrent.ValueInt64()),
		},
		settle:          manifesto.Adaptive,
		defaultRegistry: m.DefaultRegistry.ValueString(),
		defaultUnknown:  m.DefaultRegistry.IsUnknown(),
		unknownHosts:    map[string]bool{},
		allUnknown:      m.Registries.IsUnknown() || m.DockerConfig.IsUnknown(),
	}
	if !m.MaxRetries.IsNull() && s.options.MaxRetries == 0 {
		s.options.MaxRetries = -1 // Zero would select the client's default.
	}
	if timeout, err := time.ParseDuration(m.RequestTimeout.ValueString()); err == nil {
		s.options.RequestTimeout = timeout
	}
	if settle, err := time.ParseDuration(m.Settle.ValueString()); err == nil {
		s.settle = settle // An invalid value is an error of the schema; an unset or unknown one is measured.
	}
	for key, element := range m.Registries.Elements() {
		s.addRegistry(ctx, key, element, diags)
	}
	m.addDefaultCredentials(&s, diags)
	s.addSigning(ctx, m.Signing, diags)
	s.verificationUnknown = hasUnknown(ctx, m.Verification)
	s.verification = newVerificationSettings(ctx, m.Verification, diags)
	return s
}

// addDefaultCredentials sets the provider's username and password for the default registry only. If every registry got
// them, a module could collect them by naming a host of its own.
func (m providerModel) addDefaultCredentials(s *settings, diags *diag.Diagnostics) {
	username, password := m.Username.ValueString(), m.Password.ValueString()
	if m.Username.IsNull() {
		username = os.Getenv(envUsername)
	}
	if m.Password.IsNull() {
		password = os.Getenv(envPassword)
	}
	unknown := m.Username.IsUnknown() || m.Password.IsUnknown()
	if !unknown && (username == "") != (password == "") {
		set, missing := "username", "password"
		if username == "" {
			set, missing = missing, set
		}
		diags.AddAttributeError(path.Root(missing), "Incomplete credentials",
			fmt.Sprintf("The default registry has a %s, from the provider's configuration or the environment, but no %s. "+
				"Set both, in the provider's configuration or as %s and %s.", set, missing, envUsername, envPassword))
		return
	}
	if username == "" && !unknown {
		return
	}
	if s.defaultUnknown {
		s.allUnknown = true // Any registry may turn out to be the default one.
		return
	}
	host, err := oci.ParseHost(s.defaultHost())
	if err != nil {
		diags.AddAttributeError(path.Root("default_registry"), "Invalid registry", hostHelp(s.defaultHost(), err))
		return
	}
	if _, set := s.credentials[host]; set {
		return // The settings in registries take precedence.
	}
	if unknown {
		s.unknownHosts[host] = true
	}
	s.credentials[host] = credentials.Credential{
		Username: username, Password: password,
		Origin: fmt.Sprintf("the provider's username and password or %s and %s", envUsername, envPassword),
	}
}

// sources returns where to look for credentials, in order.
func (m providerModel) sources(configured credentials.Settings) credentials.Chain {
	helpers := &credentials.Helpers{}
	chain := credentials.Chain{configured}
	if config, err := credentials.ParseConfig([]byte(m.DockerConfig.ValueString())); err == nil {
		chain = append(chain, credentials.Inline{Config: config, Name: "the provider's docker_config", Helpers: helpers})
	}
	return slices.Concat(chain, credentials.Standard(helpers), cloud.Sources())
}

// defaultHost returns the default registry.
func (s *settings) defaultHost() string {
	if s.defaultRegistry == "" {
		return oci.DefaultRegistry
	}
	return s.defaultRegistry
}

// unknown reports whether a setting of the registry is not known yet.
func (s *settings) unknown(host string) bool {
	return host != oci.LayoutHost && (s.allUnknown || s.unknownHosts[host])
}

// parse reads a reference. It returns false if the reference needs the default registry, which is not known yet.
func (s *settings) parse(text string) (oci.Reference, bool, error) {
	if s.defaultUnknown && !oci.HasRegistry(text) {
		_, err := oci.ParseReference(text, "") // A malformed reference is an error in any case.
		return oci.Reference{}, false, err
	}
	ref, err := oci.ParseReference(text, s.defaultRegistry)
	return ref, true, err
}

// hostHelp explains an error of reading a host.
func hostHelp(text string, err error) string {
	return fmt.Sprintf("%q is not a registry's host: %v.\n\nWrite the host with an optional port and nothing else, "+
		"such as ghcr.io or registry.example.com:5000.", text, err)
}
