package provider

import (
	"context"

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

// maxRetriesLimit and maxConcurrentLimit keep settings within what makes sense.
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
					"`registry.example.com:5000`. Docker Hub is `docker.io`. They win over every other source of credentials.",
				Optional:     true,
				Validators:   []validator.Map{mapvalidator.KeysAre(isHost())},
				NestedObject: schema.NestedAttributeObject{Attributes: registryAttributes()},
			},
			"username": schema.StringAttribute{
				MarkdownDescription: "User name for the default registry, and for no other: a module that names a host of its own does " +
					"not get it. Defaults to the environment variable `REGISTRY_USERNAME`.",
				Optional: true,
			},
			"password": schema.StringAttribute{
				MarkdownDescription: "Password or access token that belongs to `username`. Defaults to the environment variable `REGISTRY_PASSWORD`.",
				Optional:            true,
				Sensitive:           true,
			},
			"docker_config": schema.StringAttribute{
				MarkdownDescription: "A Docker configuration, as `docker login` writes it to `~/.docker/config.json`, for pipelines that have " +
					"one in a secret. It is asked after `registries` and `username`, and before the files of this machine.",
				Optional:   true,
				Sensitive:  true,
				Validators: []validator.String{isDockerConfig()},
			},
			"default_registry": schema.StringAttribute{
				MarkdownDescription: "Registry of references that name none, as a host with an optional port. Defaults to Docker Hub (`docker.io`).",
				Optional:            true,
				Validators:          []validator.String{isHost()},
			},
			"max_retries": schema.Int64Attribute{
				MarkdownDescription: "How often a request that failed for a passing reason (a broken connection, 408, 429 or 5xx) is sent again. " +
					"What moves a tag is never simply sent again: the provider looks first. Defaults to 4.",
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(0, maxRetriesLimit)},
			},
			"request_timeout": schema.StringAttribute{
				MarkdownDescription: "How long a request to a registry may make no progress, neither sending nor receiving, before it counts as " +
					"failed, as a duration such as `30s`. Defaults to `1m`. How long whole operations may take is set with the " +
					"resource's `timeouts`.",
				Optional:   true,
				Validators: []validator.String{isRequestTimeout()},
			},
			"max_concurrent_requests": schema.Int64Attribute{
				MarkdownDescription: "How many requests to one registry may be under way at a time. Not limited by default; Terraform's " +
					"`-parallelism` limits operations.",
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(1, maxConcurrentLimit)},
			},
			"settle": schema.StringAttribute{
				MarkdownDescription: "How long the last change of a run to a repository's manifesto waits until no other run can have overwritten it " +
					"unseen, as a duration such as `500ms`. Measured if unset, and rarely more than half a second. `0s` where this " +
					"configuration is the only one that writes to its repositories.",
				Optional:   true,
				Validators: []validator.String{isSettleTime()},
			},
		},
	}
}

// registryAttributes are the settings of one registry.
func registryAttributes() map[string]schema.Attribute {
	sibling := func(name string) path.Expression { return path.MatchRelative().AtParent().AtName(name) }
	notEmpty := stringvalidator.LengthAtLeast(1) // An empty one would silently let other sources count.
	pem := func(description string, with ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{
			MarkdownDescription: description,
			Optional:            true,
			Validators:          append([]validator.String{isPEM()}, with...),
		}
	}
	key := pem("Key of `client_certificate`, as PEM.", stringvalidator.AlsoRequires(sibling("client_certificate")))
	key.Sensitive = true
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
			MarkdownDescription: "Bearer token that is sent to the registry as it is. Conflicts with the other credentials.",
			Optional:            true,
			Sensitive:           true,
			Validators:          []validator.String{notEmpty, stringvalidator.ConflictsWith(sibling("username"), sibling("password"), sibling("identity_token"))},
		},
		"identity_token": schema.StringAttribute{
			MarkdownDescription: "OAuth 2 refresh token for the registry's token service, which `docker login` keeps as `identitytoken` for " +
				"some registries. Conflicts with the other credentials.",
			Optional:   true,
			Sensitive:  true,
			Validators: []validator.String{notEmpty, stringvalidator.ConflictsWith(sibling("username"), sibling("password"))},
		},
		"anonymous": schema.BoolAttribute{
			MarkdownDescription: "Do not log in, whatever credentials the environment has for this registry. Defaults to `false`.",
			Optional:            true,
		},
		"auth_hosts": schema.SetAttribute{
			MarkdownDescription: "Hosts that the registry's token service may have, with an optional port. A token service on the registry's " +
				"own domain needs no mention; any other would be sent the credentials on the registry's word alone.",
			Optional:    true,
			ElementType: types.StringType,
			Validators:  []validator.Set{setvalidator.ValueStringsAre(isHost())},
		},
		"plain_http": schema.BoolAttribute{
			MarkdownDescription: "Speak HTTP without TLS to this registry. Loopback hosts (`localhost`, `127.0.0.1`, `[::1]`) " +
				"are spoken to that way unless this is `false`, and no other host is unless it is `true`.",
			Optional: true,
		},
		"insecure_skip_verify": schema.BoolAttribute{
			MarkdownDescription: "Take whatever certificate this registry shows, and hosts of its domain and of `auth_hosts`. Whoever is in between can then read the " +
				"credentials and change what is read; prefer `ca_certificate`. Defaults to `false`.",
			Optional: true,
		},
		"ca_certificate": pem("Certificates of authorities to trust for this registry besides the system's, as PEM, such as " +
			"`file(\"ca.pem\")`. Certificates in `/etc/docker/certs.d` and `/etc/containers/certs.d` count without it."),
		"client_certificate": pem("Certificate to show to this registry, and to hosts of its domain and of `auth_hosts`, as PEM.", stringvalidator.AlsoRequires(sibling("client_key"))),
		"client_key":         key,
	}
}
