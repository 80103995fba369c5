package provider

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// Environment variables with credentials for the default registry.
const (
	envUsername = "REGISTRY_USERNAME"
	envPassword = "REGISTRY_PASSWORD"
)

// providerData is what the provider hands to its resources and data sources.
type providerData struct {
	settings settings
	store    *manifesto.Store
}

// settings are the provider's, as far as they are known.
type settings struct {
	options registry.Options
	// settle is the store's settle time.
	settle time.Duration
	// defaultRegistry is that of references which name none; empty means Docker Hub.
	defaultRegistry string
	// defaultUnknown says that it is not known yet.
	defaultUnknown bool
	// unknownHosts are registries of which a setting is not known yet; allUnknown stands for every host.
	unknownHosts map[string]bool
	allUnknown   bool
}

type providerModel struct {
	Registries      types.Map    `tfsdk:"registries"`
	Username        types.String `tfsdk:"username"`
	Password        types.String `tfsdk:"password"`
	DefaultRegistry types.String `tfsdk:"default_registry"`
	Settle          types.String `tfsdk:"settle"`
}

type registryModel struct {
	Username  types.String `tfsdk:"username"`
	Password  types.String `tfsdk:"password"`
	Token     types.String `tfsdk:"token"`
	PlainHTTP types.Bool   `tfsdk:"plain_http"`
}

// settings reads the configuration and the environment.
func (m providerModel) settings(ctx context.Context, diags *diag.Diagnostics) settings {
	s := settings{
		options: registry.Options{
			Registries: map[string]registry.HostConfig{},
			Keychain:   authn.DefaultKeychain,
		},
		settle:          manifesto.Adaptive,
		defaultRegistry: m.DefaultRegistry.ValueString(),
		defaultUnknown:  m.DefaultRegistry.IsUnknown(),
		unknownHosts:    map[string]bool{},
		allUnknown:      m.Registries.IsUnknown(),
	}
	if settle, err := time.ParseDuration(m.Settle.ValueString()); err == nil {
		s.settle = settle // The schema has validated it; unset or unknown, it is measured.
	}
	for key, element := range m.Registries.Elements() {
		s.addRegistry(ctx, key, element, diags)
	}
	m.addDefaultCredentials(&s, diags)
	return s
}

func (s *settings) addRegistry(ctx context.Context, key string, element any, diags *diag.Diagnostics) {
	where := path.Root("registries").AtMapKey(key)
	host, err := registry.ParseHost(key)
	if err != nil {
		diags.AddAttributeError(where, "Invalid registry", hostHelp(key, err))
		return
	}
	if _, repeated := s.options.Registries[host]; repeated {
		diags.AddAttributeError(where, "Registry configured twice",
			fmt.Sprintf("%q is another name of %s, which has settings already. Keep one of them.", key, host))
		return
	}
	object, ok := element.(types.Object)
	if !ok || object.IsUnknown() {
		s.unknownHosts[host] = true
		return
	}
	var m registryModel
	diags.Append(object.As(ctx, &m, basetypes.ObjectAsOptions{})...)
	if m.Username.IsUnknown() || m.Password.IsUnknown() || m.Token.IsUnknown() || m.PlainHTTP.IsUnknown() {
		s.unknownHosts[host] = true
	}
	s.options.Registries[host] = registry.HostConfig{
		Username:  m.Username.ValueString(),
		Password:  m.Password.ValueString(),
		Token:     m.Token.ValueString(),
		PlainHTTP: m.PlainHTTP.ValueBool(),
	}
}

// addDefaultCredentials gives the provider's own credentials to the default registry only: sent to
// whatever host a module names, they would be anyone's.
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
			fmt.Sprintf("A %s is set for the default registry, in the provider or by the environment, but no %s. "+
				"Set both, in the provider's configuration or as %s and %s.", set, missing, envUsername, envPassword))
		return
	}
	if s.defaultUnknown || (username == "" && !unknown) {
		return
	}
	host, err := registry.ParseHost(s.defaultHost())
	if err != nil {
		diags.AddAttributeError(path.Root("default_registry"), "Invalid registry", hostHelp(s.defaultHost(), err))
		return
	}
	config := s.options.Registries[host]
	if config.Username != "" || config.Token != "" {
		return // registries[host] comes first.
	}
	if unknown {
		s.unknownHosts[host] = true
	}
	config.Username, config.Password = username, password
	s.options.Registries[host] = config
}

func (s *settings) defaultHost() string {
	if s.defaultRegistry == "" {
		return registry.DefaultRegistry
	}
	return s.defaultRegistry
}

// unknown reports whether a setting that matters for the registry is not known yet.
func (s *settings) unknown(host string) bool {
	return s.allUnknown || s.unknownHosts[host]
}

// parse reads a reference. False means that its registry is the default one, which is not known yet.
func (s *settings) parse(text string) (registry.Reference, bool, error) {
	if s.defaultUnknown && !registry.HasRegistry(text) {
		_, err := registry.ParseReference(text, "") // It may be malformed all the same.
		return registry.Reference{}, false, err
	}
	ref, err := registry.ParseReference(text, s.defaultRegistry)
	return ref, true, err
}

func hostHelp(text string, err error) string {
	return fmt.Sprintf("%q is not a registry's host: %v.\n\nWrite the host with an optional port and nothing else, "+
		"such as ghcr.io or registry.example.com:5000.", text, err)
}
