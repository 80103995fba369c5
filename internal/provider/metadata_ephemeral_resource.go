package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
)

var _ ephemeral.EphemeralResourceWithConfigure = (*metadataEphemeralResource)(nil)

func newMetadataEphemeralResource() ephemeral.EphemeralResource { return &metadataEphemeralResource{} }

// metadataEphemeralResource reads one piece of metadata, as the data source does, and keeps it out of plan and state.
type metadataEphemeralResource struct {
	data *providerData
}

// Metadata implements ephemeral.EphemeralResource.
func (e *metadataEphemeralResource) Metadata(
	_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_metadata"
}

// Configure implements ephemeral.EphemeralResourceWithConfigure.
func (e *metadataEphemeralResource) Configure(
	_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse,
) {
	e.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// Schema implements ephemeral.EphemeralResource. The attributes are those of the data source.
func (e *metadataEphemeralResource) Schema(
	_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Looks up one piece of metadata of an image, like the data source `manifesto_metadata`, and " +
			"keeps it out of plan and state. Pass the content to a write-only argument, such as `content_wo` of the " +
			"resource `manifesto_metadata`, or to the configuration of a provider.",
		Attributes: convert(lookupAttributes(), forEphemeral),
	}
}

// Open implements ephemeral.EphemeralResource.
func (e *metadataEphemeralResource) Open(
	ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse,
) {
	var model metadataLookupModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() || !model.lookUp(ctx, e.data, &resp.Diagnostics) {
		return
	}
	resp.Diagnostics.Append(resp.Result.Set(ctx, &model)...)
}
