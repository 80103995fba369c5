package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

var _ datasource.DataSourceWithConfigure = (*metadataDataSource)(nil)

func newMetadataDataSource() datasource.DataSource { return &metadataDataSource{} }

// metadataDataSource reads one piece of metadata.
type metadataDataSource struct {
	data *providerData
}

// metadataDataSourceModel is the configuration and the state of the data source.
type metadataDataSourceModel struct {
	subjectModel
	entryModel
	Type     types.String `tfsdk:"type"`
	Optional types.Bool   `tfsdk:"optional"`
	Exists   types.Bool   `tfsdk:"exists"`
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
		Attributes: withSubject("`REPOSITORY@DIGEST#TYPE`.", map[string]schema.Attribute{
			"type": schema.StringAttribute{
				MarkdownDescription: "Type of the metadata.",
				Required:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"optional": schema.BoolAttribute{
				MarkdownDescription: "Accept that the image has no metadata of this type: then `exists` is false, and the " +
					"attributes of the metadata are null. An image that does not exist, or a registry that cannot be read, is " +
					"still an error. Defaults to `false`.",
				Optional: true,
			},
			"exists": schema.BoolAttribute{
				MarkdownDescription: "Whether the image has metadata of this type. It is false only if `optional` is set.",
				Computed:            true,
			},
			"content": schema.StringAttribute{
				MarkdownDescription: "Content, if it is text that Terraform can carry unchanged (UTF-8 in Unicode NFC); " +
					"otherwise null.",
				Computed: true,
			},
			"content_base64": schema.StringAttribute{
				MarkdownDescription: "Content as base64, if `content` is null; otherwise null.",
				Computed:            true,
			},
			"digest": schema.StringAttribute{
				MarkdownDescription: "Digest of the content: the sha256 of its bytes. The provider has verified it.",
				Computed:            true,
			},
			"size": schema.Int64Attribute{
				MarkdownDescription: "Size of the content in bytes.",
				Computed:            true,
			},
			"media_type": schema.StringAttribute{
				MarkdownDescription: "Media type of the content: the stored one or, if there is none, one detected from the " +
					"content.",
				Computed: true,
			},
			"annotations": schema.MapAttribute{
				MarkdownDescription: "Annotations of the metadata; empty if there are none.",
				ElementType:         types.StringType,
				Computed:            true,
			},
			"created": schema.StringAttribute{
				MarkdownDescription: createdDescription,
				Computed:            true,
			},
		}),
	}
}

// Read implements datasource.DataSource.
func (d *metadataDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model metadataDataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	image, ok := d.data.find(ctx, model.Image, model.Platform, &resp.Diagnostics)
	if !ok {
		return
	}
	key := image.key(model.Type.ValueString())
	model.setKey(key)
	entry, content, err := d.data.store.Fetch(ctx, key)
	if errors.Is(err, manifesto.ErrNoEntry) && model.Optional.ValueBool() {
		model.setAbsent()
		resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
		return
	}
	if err != nil {
		image.diagnoseLookup(ctx, err, "reading", key.Type).addTo(&resp.Diagnostics)
		return
	}
	if entry.MediaType == "" {
		entry.MediaType = format.DetectMediaType(content)
	}
	model.Exists = types.BoolValue(true)
	model.setEntry(entry)
	model.setContent(content)
	model.Annotations = mapValue(entry.Annotations)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// setAbsent shows that the image has no metadata of the type.
func (m *metadataDataSourceModel) setAbsent() {
	m.Exists = types.BoolValue(false)
	m.setEntry(format.Entry{Size: format.UnknownSize})
	m.clearContent()
	m.Annotations = types.MapNull(types.StringType)
}
