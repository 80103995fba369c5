package provider

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"golang.org/x/sync/errgroup"
)

// contentParallel is how many contents of an image are downloaded at once.
const contentParallel = 8

var _ datasource.DataSourceWithConfigure = (*imageDataSource)(nil)

func newImageDataSource() datasource.DataSource { return &imageDataSource{} }

// imageDataSource lists the metadata of one image: the original's "list".
type imageDataSource struct {
	data *providerData
}

type imageDataSourceModel struct {
	Image          types.String          `tfsdk:"image"`
	Platform       types.String          `tfsdk:"platform"`
	IncludeContent types.Bool            `tfsdk:"include_content"`
	ID             types.String          `tfsdk:"id"`
	Registry       types.String          `tfsdk:"registry"`
	Repository     types.String          `tfsdk:"repository"`
	ImageDigest    types.String          `tfsdk:"image_digest"`
	Types          []string              `tfsdk:"types"`
	Metadata       map[string]entryModel `tfsdk:"metadata"`
}

// entryModel is one element of the image's metadata.
type entryModel struct {
	Digest        types.String `tfsdk:"digest"`
	Size          types.Int64  `tfsdk:"size"`
	MediaType     types.String `tfsdk:"media_type"`
	Created       types.String `tfsdk:"created"`
	Annotations   types.Map    `tfsdk:"annotations"`
	Content       types.String `tfsdk:"content"`
	ContentBase64 types.String `tfsdk:"content_base64"`
}

// Metadata implements datasource.DataSource.
func (d *imageDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_image"
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *imageDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// maxContents bounds the contents of one object, in bytes: Terraform's protocol has a limit for a whole message.
const maxContents = 32 << 20

var errContentsTooLarge = errors.New("contents too large")

// Schema implements datasource.DataSource.
func (d *imageDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the metadata of an image. An image without metadata has an empty list.",
		Attributes: withSubject(map[string]schema.Attribute{
			"include_content": schema.BoolAttribute{
				MarkdownDescription: "Download the contents as well. Defaults to `false`.",
				Optional:            true,
			},
			"id": schema.StringAttribute{
				MarkdownDescription: "`REPOSITORY@DIGEST`.",
				Computed:            true,
			},
			"types": schema.ListAttribute{
				MarkdownDescription: "Types of the metadata in the order in which they were added.",
				ElementType:         types.StringType,
				Computed:            true,
			},
			"metadata": schema.MapNestedAttribute{
				MarkdownDescription: "Metadata by type.",
				Computed:            true,
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"digest": schema.StringAttribute{
						MarkdownDescription: "Digest of the content.",
						Computed:            true,
					},
					"size": schema.Int64Attribute{
						MarkdownDescription: "Size of the content in bytes. Null where another tool stored it in the oldest form and `include_content` is not set.",
						Computed:            true,
					},
					"media_type": schema.StringAttribute{
						MarkdownDescription: "Media type of the content. Null where another tool stored it and `include_content` is not set.",
						Computed:            true,
					},
					"created": schema.StringAttribute{
						MarkdownDescription: "When the content was stored (RFC 3339). Null where another tool stored it.",
						Computed:            true,
					},
					"annotations": schema.MapAttribute{
						MarkdownDescription: "Annotations; empty where there are none.",
						ElementType:         types.StringType,
						Computed:            true,
					},
					"content": schema.StringAttribute{
						MarkdownDescription: "Content with `include_content`, where it is text that Terraform can carry unchanged; otherwise null. Both are null where the content is gone from the registry.",
						Computed:            true,
					},
					"content_base64": schema.StringAttribute{
						MarkdownDescription: "Content as base64 with `include_content`, where `content` is null; otherwise null.",
						Computed:            true,
					},
				}},
			},
		}),
	}
}

// Read implements datasource.DataSource.
func (d *imageDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model imageDataSourceModel
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
	entries, err := d.data.store.List(ctx, repository, image)
	if err != nil {
		problem := diagnose(err, "listing the metadata of", repository, "image "+repository.Digested(image).String())
		resp.Diagnostics.AddAttributeError(path.Root(problem.attribute), problem.summary, problem.detail)
		return
	}
	model.ID = types.StringValue(repository.Digested(image).String())
	model.Registry = types.StringValue(repository.Host())
	model.Repository = types.StringValue(repository.String())
	model.ImageDigest = types.StringValue(image.String())
	model.Types = make([]string, len(entries))
	models := make([]entryModel, len(entries))
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(contentParallel)
	var total atomic.Int64
	for i, entry := range entries {
		model.Types[i] = entry.Type
		group.Go(func() error {
			key := manifesto.Key{Repository: repository, Image: image, Type: entry.Type}
			var err error
			models[i], err = d.entry(groupContext, key, entry, model.IncludeContent.ValueBool())
			if err == nil && model.IncludeContent.ValueBool() && total.Add(models[i].Size.ValueInt64()) > maxContents {
				return errContentsTooLarge
			}
			return err
		})
	}
	err = group.Wait()
	if errors.Is(err, errContentsTooLarge) {
		resp.Diagnostics.AddAttributeError(path.Root("include_content"), "Contents too large", fmt.Sprintf(
			"The contents of image %s have more than %d MiB together, which is more than Terraform carries in one object. "+
				"Leave include_content out, and look single pieces up with the data source manifesto_metadata.",
			repository.Digested(image), maxContents>>20))
		return
	}
	if err != nil {
		problem := diagnose(err, "listing the metadata of", repository, "image "+repository.Digested(image).String())
		resp.Diagnostics.AddAttributeError(path.Root(problem.attribute), problem.summary, problem.detail)
		return
	}
	model.Metadata = make(map[string]entryModel, len(entries))
	for i, typ := range model.Types {
		model.Metadata[typ] = models[i]
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// entry describes one entry: from the manifesto alone where that says enough.
func (d *imageDataSource) entry(ctx context.Context, key manifesto.Key, entry format.Entry, includeContent bool) (entryModel, error) {
	var m entryModel
	switch {
	case includeContent && entry.Digest != "":
		fetched, content, err := d.data.store.Fetch(ctx, key)
		if errors.Is(err, manifesto.ErrContentMissing) {
			break // The others are worth listing; null content says it.
		}
		if err != nil {
			return entryModel{}, err
		}
		entry = fetched
		m.Content, m.ContentBase64 = contentValues(content)
		if entry.MediaType == "" {
			entry.MediaType = format.DetectMediaType(content)
		}
	case entry.Size < 0 && entry.Digest != "":
		piece, err := d.data.store.Get(ctx, key)
		if err != nil {
			return entryModel{}, err
		}
		entry.Size = piece.Size
	}
	m.Digest = optionalString(entry.Digest.String())
	m.Size = optionalSize(entry.Size)
	m.MediaType = optionalString(entry.MediaType)
	m.Created = optionalTime(entry.Created)
	m.Annotations = mapValue(entry.Annotations)
	return m, nil
}
