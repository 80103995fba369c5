package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
)

var _ datasource.DataSourceWithConfigure = (*metadataDataSource)(nil)

func newMetadataDataSource() datasource.DataSource { return &metadataDataSource{} }

// metadataDataSource reads one piece of metadata.
type metadataDataSource struct {
	data *providerData
}

// Metadata implements datasource.DataSource.
func (d *metadataDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_metadata"
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *metadataDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// Schema implements datasource.DataSource.
func (d *metadataDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Looks up one piece of metadata of an image. If the image has none of the type, that is an " +
			"error, which lists the types that the image has, unless `optional` is set.",
		Attributes: lookupAttributes(),
	}
}

// Read implements datasource.DataSource.
func (d *metadataDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model metadataLookupModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() || !model.lookUp(ctx, d.data, &resp.Diagnostics) {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
