package provider

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// log writes which settings are in force. For credentials it names only their source.
func (s *settings) log(ctx context.Context, logger *slog.Logger, version, terraformVersion string) {
	if !logger.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("version", version),
		slog.String("terraform_version", terraformVersion),
	}
	if s.defaultUnknown {
		attrs = append(attrs, slog.String("default_registry", "not known yet"))
	} else {
		attrs = append(attrs, slog.String("default_registry", s.defaultHost()))
	}
	if s.settle == manifesto.Adaptive {
		attrs = append(attrs, slog.String("settle", "measured"))
	} else {
		attrs = append(attrs, slog.Duration("settle", s.settle))
	}
	if s.options.MaxRetries != 0 {
		attrs = append(attrs, slog.Int("max_retries", max(s.options.MaxRetries, 0)))
	}
	if s.options.RequestTimeout != 0 {
		attrs = append(attrs, slog.Duration("request_timeout", s.options.RequestTimeout))
	}
	if s.options.MaxConcurrentRequests != 0 {
		attrs = append(attrs, slog.Int("max_concurrent_requests", s.options.MaxConcurrentRequests))
	}
	hosts := map[string]bool{}
	for host := range s.options.Registries {
		hosts[host] = true
	}
	for host := range s.credentials {
		hosts[host] = true
	}
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		attrs = append(attrs,
			slog.String("registries."+host, describeHost(s.options.Registries[host], s.credentials[host])))
	}
	attrs = append(attrs, s.describeSignatures()...)
	switch {
	case s.allUnknown:
		attrs = append(attrs, slog.String("not_known_yet", "settings of all registries"))
	case len(s.unknownHosts) > 0:
		attrs = append(attrs, slog.Any("not_known_yet", slices.Sorted(maps.Keys(s.unknownHosts))))
	}
	logger.LogAttrs(ctx, slog.LevelDebug, "provider configured", attrs...)
}

// describeHost names the settings of a registry without the values that may be secret.
func describeHost(config registry.HostConfig, credential credentials.Credential) string {
	var set []string
	add := func(is bool, what string) {
		if is {
			set = append(set, what)
		}
	}
	add(!credential.IsAnonymous(), "credentials from "+credential.Origin)
	add(credential.NoLogin, "anonymous")
	add(config.Scheme != "", "scheme "+config.Scheme)
	add(len(config.AuthHosts) > 0, "auth_hosts "+strings.Join(config.AuthHosts, " "))
	add(config.TLS.InsecureSkipVerify, "insecure_skip_verify")
	add(len(config.TLS.CACertificate) > 0, "ca_certificate")
	add(len(config.TLS.ClientCertificate) > 0, "client_certificate")
	return strings.Join(set, ", ")
}

// describeSignatures names the settings of signing and verification without the values that may be secret.
func (s *settings) describeSignatures() []slog.Attr {
	var attrs []slog.Attr
	add := func(name string, unknown bool, description string) {
		if unknown {
			description = "not known yet"
		}
		if description != "" {
			attrs = append(attrs, slog.String(name, description))
		}
	}
	add("signing", s.signingUnknown, describeSigning(s.signing))
	add(verificationName, s.verificationUnknown, s.verification.describe())
	return attrs
}

// describeSigning returns "" if the options are nil.
func describeSigning(o *notation.SignerOptions) string {
	if o == nil {
		return ""
	}
	key := "private_key"
	if o.Plugin != nil {
		key = fmt.Sprintf("plugin %s with config %q and environment %q", o.Plugin.Name+o.Plugin.Path,
			slices.Sorted(maps.Keys(o.Plugin.Config)), slices.Sorted(maps.Keys(o.Plugin.Environment)))
	}
	set := []string{key, "envelope " + o.Envelope}
	if o.Expiry != 0 {
		set = append(set, "expiry "+o.Expiry.String())
	}
	if address, err := url.Parse(o.TimestampURL); err == nil && o.TimestampURL != "" {
		set = append(set, "timestamps of "+address.Host)
	}
	return strings.Join(set, ", ")
}

// describe returns "" if the settings are nil.
func (v *verificationSettings) describe() string {
	if v == nil {
		return ""
	}
	set := []string{fmt.Sprintf("trusted_identities %q", v.options.Identities)}
	add := func(is bool, what string) {
		if is {
			set = append(set, what)
		}
	}
	add(v.options.Permissive, levelPermissive)
	add(v.options.CheckRevocation, "revocation "+revocationCheck)
	add(len(v.options.TimestampCertificates) > 0, "timestamp_certificates")
	add(!v.required, "not required")
	add(v.acceptedRollback != "", "accepted_rollback "+v.acceptedRollback.String())
	return strings.Join(set, ", ")
}
