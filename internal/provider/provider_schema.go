package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Upper limits of settings; larger values are most likely mistakes.
const (
	maxRetriesLimit    = 100
	maxConcurrentLimit = 1000
)

// Schema implements provider.Provider.
func (p *manifestoProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Declares metadata about container images that is only known after the build — approvals, " +
			"contacts, security profiles, scan reports, \"active in production\" marks — and keeps it inside the registry " +
			"that holds the image.",
		Attributes: map[string]schema.Attribute{
			"registries": schema.MapNestedAttribute{
				MarkdownDescription: "Settings of single registries, by host with an optional port, such as `ghcr.io` or " +
					"`registry.example.com:5000`. Docker Hub is `docker.io`. They take precedence over every other source " +
					"of credentials.",
				Optional:     true,
				Validators:   []validator.Map{mapvalidator.KeysAre(isHost())},
				NestedObject: schema.NestedAttributeObject{Attributes: registryAttributes()},
			},
			"username": schema.StringAttribute{
				MarkdownDescription: "User name for the default registry, and for no other: a module that names a host of its " +
					"own does not get it. Defaults to the environment variable `REGISTRY_USERNAME`.",
				Optional: true,
			},
			"password": schema.StringAttribute{
				MarkdownDescription: "Password or access token that belongs to `username`. Defaults to the environment " +
					"variable `REGISTRY_PASSWORD`.",
				Optional:  true,
				Sensitive: true,
			},
			"docker_config": schema.StringAttribute{
				MarkdownDescription: "A Docker configuration, as `docker login` writes it to `~/.docker/config.json`, for " +
					"pipelines that have one in a secret. The provider uses it after `registries` and `username`, and " +
					"before the files of this machine.",
				Optional:   true,
				Sensitive:  true,
				Validators: []validator.String{isDockerConfig()},
			},
			"default_registry": schema.StringAttribute{
				MarkdownDescription: "Registry of references that name none, as a host with an optional port. Defaults to " +
					"Docker Hub (`docker.io`).",
				Optional:   true,
				Validators: []validator.String{isHost()},
			},
			"max_retries": schema.Int64Attribute{
				MarkdownDescription: "How often the provider repeats a request that failed for a temporary reason (a broken " +
					"connection, 408, 429 or 5xx). It never blindly repeats a request that moves a tag: it looks at the " +
					"tag first. Defaults to 4.",
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(0, maxRetriesLimit)},
			},
			"request_timeout": schema.StringAttribute{
				MarkdownDescription: "How long a request to a registry may make no progress, neither sending nor receiving, " +
					"before it counts as failed, as a duration such as `30s`. A body that moves more slowly than 1 KiB a " +
					"second, on the average of this time, makes no progress either. Defaults to `1m`. The resource's " +
					"`timeouts` limit whole operations.",
				Optional:   true,
				Validators: []validator.String{isRequestTimeout()},
			},
			"max_concurrent_requests": schema.Int64Attribute{
				MarkdownDescription: "How many requests to one registry may run at the same time. Not limited by default; " +
					"Terraform's `-parallelism` limits operations.",
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(1, maxConcurrentLimit)},
			},
			"signing":        signingAttribute(),
			verificationName: forProvider(verificationAttribute(providerVerification)),
			"settle": schema.StringAttribute{
				MarkdownDescription: "How long the last change of a run to a repository's manifesto waits until no other run " +
					"can have overwritten it unseen, as a duration such as `500ms`. If unset, the provider measures it: " +
					"rarely more than half a second. Set `0s` if this configuration is the only one that writes to its " +
					"repositories.",
				Optional:   true,
				Validators: []validator.String{isSettleTime()},
			},
		},
	}
}

// registryAttributes are the settings of one registry.
func registryAttributes() map[string]schema.Attribute {
	attributes := credentialAttributes()
	maps.Copy(attributes, connectionAttributes())
	return attributes
}

// sibling is another attribute of the same registry.
func sibling(name string) path.Expression { return path.MatchRelative().AtParent().AtName(name) }

// credentialAttributes are the settings that log in to a registry.
func credentialAttributes() map[string]schema.Attribute {
	notEmpty := stringvalidator.LengthAtLeast(1) // An empty value would silently select another source of credentials.
	return map[string]schema.Attribute{
		"username": schema.StringAttribute{
			MarkdownDescription: "User name for the registry or its token service.",
			Optional:            true,
			Validators:          []validator.String{notEmpty, stringvalidator.AlsoRequires(sibling("password"))},
		},
		"password": schema.StringAttribute{
			MarkdownDescription: "Password or access token that belongs to `username`.",
			Optional:            true,
			Sensitive:           true,
			Validators:          []validator.String{notEmpty, stringvalidator.AlsoRequires(sibling("username"))},
		},
		"token": schema.StringAttribute{
			MarkdownDescription: "Bearer token that the provider sends to the registry unchanged. Conflicts with the other " +
				"credentials.",
			Optional:  true,
			Sensitive: true,
			Validators: []validator.String{
				notEmpty,
				stringvalidator.ConflictsWith(sibling("username"), sibling("password"), sibling("identity_token")),
			},
		},
		"identity_token": schema.StringAttribute{
			MarkdownDescription: "OAuth 2 refresh token for the registry's token service, which `docker login` keeps as " +
				"`identitytoken` for some registries. Conflicts with the other credentials.",
			Optional:  true,
			Sensitive: true,
			Validators: []validator.String{
				notEmpty, stringvalidator.ConflictsWith(sibling("username"), sibling("password")),
			},
		},
		"anonymous": schema.BoolAttribute{
			MarkdownDescription: "Do not log in, even if the environment has credentials for this registry. Defaults to " +
				"`false`.",
			Optional: true,
		},
		"auth_hosts": schema.SetAttribute{
			MarkdownDescription: "Hosts that the registry's token service may have, with an optional port. A token service on " +
				"the registry's own domain needs no mention. Without this list, a registry could send the credentials to " +
				"any host.",
			Optional:    true,
			ElementType: types.StringType,
			Validators:  []validator.Set{setvalidator.ValueStringsAre(isHost())},
		},
	}
}

// connectionAttributes are the settings of the connection to a registry.
func connectionAttributes() map[string]schema.Attribute {
	certificate := func(description string, with ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: description,
			Optional:            true,
			Validators:          append([]validator.String{isPEM()}, with...),
		}
	}
	key := certificate("Key of `client_certificate`, as PEM.", stringvalidator.AlsoRequires(sibling("client_certificate")))
	key.Sensitive = true
	return map[string]schema.Attribute{
		"plain_http": schema.BoolAttribute{
			MarkdownDescription: "Speak HTTP without TLS to this registry. Defaults to `true` for loopback hosts " +
				"(`localhost`, `127.0.0.1`, `[::1]`), and to `false` for all other hosts.",
			Optional: true,
		},
		"insecure_skip_verify": schema.BoolAttribute{
			MarkdownDescription: "Accept any certificate of this registry, and of hosts of its domain and of `auth_hosts`. " +
				"Anyone on the network path can then read the credentials and change the data; prefer `ca_certificate`. " +
				"Defaults to `false`.",
			Optional: true,
		},
		"ca_certificate": certificate("Certificates of authorities to trust for this registry in addition to the system's, " +
			"as PEM, such as `file(\"ca.pem\")`. Certificates in `/etc/docker/certs.d` and `/etc/containers/certs.d` apply " +
			"without it."),
		"client_certificate": certificate("Certificate to show to this registry, and to hosts of its domain and of "+
			"`auth_hosts`, as PEM.", stringvalidator.AlsoRequires(sibling("client_key"))),
		"client_key": key,
	}
}
