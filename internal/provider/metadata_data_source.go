package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

var _ datasource.DataSourceWithConfigure = (*metadataDataSource)(nil)

func newMetadataDataSource() datasource.DataSource { return &metadataDataSource{} }

// metadataDataSource looks one piece of metadata up: the original's "get".
type metadataDataSource struct {
	data *providerData
}

type metadataDataSourceModel struct {
	Image         types.String `tfsdk:"image"`
	Platform      types.String `tfsdk:"platform"`
	Type          types.String `tfsdk:"type"`
	ID            types.String `tfsdk:"id"`
	Registry      types.String `tfsdk:"registry"`
	Repository    types.String `tfsdk:"repository"`
	ImageDigest   types.String `tfsdk:"image_digest"`
	Content       types.String `tfsdk:"content"`
	ContentBase64 types.String `tfsdk:"content_base64"`
	Digest        types.String `tfsdk:"digest"`
	Size          types.Int64  `tfsdk:"size"`
	MediaType     types.String `tfsdk:"media_type"`
	Annotations   types.Map    `tfsdk:"annotations"`
	Created       types.String `tfsdk:"created"`
}

// Metadata implements datasource.DataSource.
func (d *metadataDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_metadata"
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *metadataDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// Schema implements datasource.DataSource.
func (d *metadataDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Looks up one piece of metadata of an image. Metadata that is not there is an error, which lists the types that are.",
		Attributes: withSubject(map[string]schema.Attribute{
			"type": schema.StringAttribute{
				MarkdownDescription: "Type of the metadata.",
				Required:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"id": schema.StringAttribute{
				MarkdownDescription: "`REPOSITORY@DIGEST#TYPE`.",
				Computed:            true,
			},
			"content": schema.StringAttribute{
				MarkdownDescription: "Content, where it is text that Terraform can carry unchanged (UTF-8 in Unicode NFC); otherwise null.",
				Computed:            true,
			},
			"content_base64": schema.StringAttribute{
				MarkdownDescription: "Content as base64, where `content` is null; otherwise null.",
				Computed:            true,
			},
			"digest": schema.StringAttribute{
				MarkdownDescription: "Digest of the content: the sha256 of its bytes, which have been verified against it.",
				Computed:            true,
			},
			"size": schema.Int64Attribute{
				MarkdownDescription: "Size of the content in bytes.",
				Computed:            true,
			},
			"media_type": schema.StringAttribute{
				MarkdownDescription: "Media type of the content: the one stored with it, or else the one that the content looks like.",
				Computed:            true,
			},
			"annotations": schema.MapAttribute{
				MarkdownDescription: "Annotations of the metadata; empty where there are none.",
				ElementType:         types.StringType,
				Computed:            true,
			},
			"created": schema.StringAttribute{
				MarkdownDescription: "When the content was stored (RFC 3339). Null where another tool stored it.",
				Computed:            true,
			},
		}),
	}
}

// Descriptions that the data sources share.
const (
	imageDescription = "Reference to the image, by tag or digest. The tag defaults to `latest` and the registry to the provider's `default_registry`. " +
		"`oci-layout:DIRECTORY`, with `:TAG` or `@DIGEST` unless it has one image only, is an OCI image layout on disk."

	platformDescription = "Look at this platform's child of a multi-platform image instead of at the image as a whole, as " +
		"`os/architecture[/variant]`. There is no fallback from one to the other."
)

// Read implements datasource.DataSource.
func (d *metadataDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model metadataDataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	repository, image, ok := d.data.lookupImage(ctx, model.Image, model.Platform, &resp.Diagnostics)
	if !ok {
		return
	}
	key := manifesto.Key{Repository: repository, Image: image, Type: model.Type.ValueString()}
	entry, content, err := d.data.store.Fetch(ctx, key)
	if err != nil {
		problem := diagnoseLookup(err, "reading", key)
		resp.Diagnostics.AddAttributeError(path.Root(problem.attribute), problem.summary, problem.detail)
		return
	}
	if entry.MediaType == "" {
		entry.MediaType = format.DetectMediaType(content)
	}
	model.ID = types.StringValue(key.String())
	model.Registry = types.StringValue(repository.Host())
	model.Repository = types.StringValue(repository.String())
	model.ImageDigest = types.StringValue(image.String())
	model.Content, model.ContentBase64 = contentValues(content)
	model.Digest = types.StringValue(entry.Digest.String())
	model.Size = optionalSize(entry.Size)
	model.MediaType = types.StringValue(entry.MediaType)
	model.Annotations = mapValue(entry.Annotations)
	model.Created = optionalTime(entry.Created)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
