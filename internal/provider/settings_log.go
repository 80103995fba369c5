package provider

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
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
