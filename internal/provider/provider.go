package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/layout"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

var (
	_ provider.ProviderWithValidateConfig     = (*manifestoProvider)(nil)
	_ provider.ProviderWithEphemeralResources = (*manifestoProvider)(nil)
	_ provider.ProviderWithFunctions          = (*manifestoProvider)(nil)
	_ provider.ProviderWithListResources      = (*manifestoProvider)(nil)
)

// typeName is the name of the provider in the names of its resources.
const typeName = "manifesto"

// New returns a function that creates a provider of a version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &manifestoProvider{version: version} }
}

// manifestoProvider is the provider of one version.
type manifestoProvider struct {
	version string
	// data is nil until the provider is configured.
	data *providerData
}

// Metadata implements provider.Provider.
func (p *manifestoProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = typeName
	resp.Version = p.version
}

// ValidateConfig implements provider.ProviderWithValidateConfig. It finds settings that contradict each other, as far
// as they are known.
func (p *manifestoProvider) ValidateConfig(
	ctx context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse,
) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	settings := model.settings(ctx, &resp.Diagnostics)
	settings.checkSigner(ctx, &resp.Diagnostics)
	settings.checkVerification(&resp.Diagnostics)
}

// Configure implements provider.Provider.
func (p *manifestoProvider) Configure(
	ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse,
) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	settings := model.settings(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	logger := newLogger()
	settings.log(ctx, logger, p.version, req.TerraformVersion)
	settings.options.Logger = logger
	settings.options.UserAgent = "terraform-provider-manifesto/" + p.version + " Terraform/" + req.TerraformVersion
	client := registry.NewClient(settings.options)
	openRepository := func(r oci.Repository) manifesto.Repository { return open(client, r) }
	signer := settings.signer(ctx, client, &resp.Diagnostics)
	data := &providerData{
		settings:  settings,
		open:      openRepository,
		signer:    signer,
		verifiers: verifiers{base: notation.VerifierOptions{Client: client.ServiceClient(), Logger: logger}},
	}
	data.verification = data.verifiers.verification(settings.verification, verificationPath, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	options := manifesto.Options{Settle: settings.settle, Signer: signer, Logger: logger}
	if data.verification != nil {
		options.Verifier, options.Accepted = data.verification.verifier, data.verification.acceptedRollback
	}
	data.store = manifesto.NewStore(openRepository, options)
	p.data = data
	resp.ResourceData = data
	resp.DataSourceData = data
	resp.EphemeralResourceData = data
	resp.ListResourceData = data
}

// open gives access to a repository of a registry, or to an image layout on disk.
func open(client *registry.Client, r oci.Repository) manifesto.Repository {
	if directory, onDisk := r.Layout(); onDisk {
		return layout.Open(directory)
	}
	return client.Open(r)
}

// Resources implements provider.Provider.
func (p *manifestoProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		newMetadataResource, newImageMetadataResource, newRepositoryMetadataResource, newRetentionResource,
	}
}

// DataSources implements provider.Provider.
func (p *manifestoProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{
		newMetadataDataSource, newImageDataSource, newRepositoryDataSource, newReferrersDataSource,
	}
}

// EphemeralResources implements provider.ProviderWithEphemeralResources.
func (p *manifestoProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newMetadataEphemeralResource}
}

// Functions implements provider.ProviderWithFunctions.
func (p *manifestoProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newParseReferenceFunction, newJSONSchemaErrorsFunction}
}

// ListResources implements provider.ProviderWithListResources.
func (p *manifestoProvider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{newMetadataListResource}
}
