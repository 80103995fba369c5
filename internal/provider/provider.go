// Package provider is the Terraform surface: schemas, plans, state and diagnostics. What a manifesto is
// and how a registry is spoken to is known to the packages below it.
package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

var _ provider.ProviderWithValidateConfig = (*manifestoProvider)(nil)

// New returns what makes a provider of the given version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &manifestoProvider{version: version} }
}

type manifestoProvider struct {
	version string
}

// Metadata implements provider.Provider.
func (p *manifestoProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "manifesto"
	resp.Version = p.version
}

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
				Optional:   true,
				Validators: []validator.Map{mapvalidator.KeysAre(isHost())},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"username": schema.StringAttribute{
						MarkdownDescription: "User name for the registry or its token service.",
						Optional:            true,
						Validators:          []validator.String{stringvalidator.AlsoRequires(path.MatchRelative().AtParent().AtName("password"))},
					},
					"password": schema.StringAttribute{
						MarkdownDescription: "Password or access token that belongs to `username`.",
						Optional:            true,
						Sensitive:           true,
						Validators:          []validator.String{stringvalidator.AlsoRequires(path.MatchRelative().AtParent().AtName("username"))},
					},
					"token": schema.StringAttribute{
						MarkdownDescription: "Bearer token that is sent to the registry as it is. Conflicts with `username` and `password`.",
						Optional:            true,
						Sensitive:           true,
						Validators: []validator.String{stringvalidator.ConflictsWith(
							path.MatchRelative().AtParent().AtName("username"),
							path.MatchRelative().AtParent().AtName("password"),
						)},
					},
					"plain_http": schema.BoolAttribute{
						MarkdownDescription: "Speak HTTP without TLS to this registry. Loopback hosts (`localhost`, `127.0.0.1`, `[::1]`) " +
							"are always spoken to that way, and no other host is without this setting. Defaults to `false`.",
						Optional: true,
					},
				}},
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
			"default_registry": schema.StringAttribute{
				MarkdownDescription: "Registry of references that name none, as a host with an optional port. Defaults to Docker Hub (`docker.io`).",
				Optional:            true,
				Validators:          []validator.String{isHost()},
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

// ValidateConfig implements provider.ProviderWithValidateConfig: settings that contradict each other, as
// far as they are known.
func (p *manifestoProvider) ValidateConfig(ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if !resp.Diagnostics.HasError() {
		model.settings(ctx, &resp.Diagnostics)
	}
}

// Configure implements provider.Provider.
func (p *manifestoProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	settings := model.settings(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	settings.options.UserAgent = "terraform-provider-manifesto/" + p.version + " Terraform/" + req.TerraformVersion
	client := registry.NewClient(settings.options)
	data := &providerData{
		settings: settings,
		store:    manifesto.NewStore(func(r registry.Repository) manifesto.Remote { return client.Open(r) }, time.Now, settings.settle),
	}
	resp.ResourceData = data
	resp.DataSourceData = data
}

// Resources implements provider.Provider.
func (p *manifestoProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newMetadataResource}
}

// DataSources implements provider.Provider.
func (p *manifestoProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newMetadataDataSource, newImageDataSource}
}
