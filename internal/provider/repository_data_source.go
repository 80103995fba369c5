package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// repositoryTimeout is the time limit of the data source. It may take a request for each of thousands of images.
const repositoryTimeout = 20 * time.Minute

var _ datasource.DataSourceWithConfigure = (*repositoryDataSource)(nil)

func newRepositoryDataSource() datasource.DataSource { return &repositoryDataSource{} }

// repositoryDataSource lists the images of a repository with their metadata.
type repositoryDataSource struct {
	data *providerData
}

// repositoryDataSourceModel is the configuration of the data source.
type repositoryDataSourceModel struct {
	trustModel
	Repository     types.String `tfsdk:"repository"`
	Type           types.String `tfsdk:"type"`
	Types          types.Set    `tfsdk:"types"`
	HasType        types.String `tfsdk:"has_type"`
	LacksType      types.String `tfsdk:"lacks_type"`
	IncludeContent types.Bool   `tfsdk:"include_content"`
	IncludeTags    types.Bool   `tfsdk:"include_tags"`
	CheckImages    types.Bool   `tfsdk:"check_images"`
	ID             types.String `tfsdk:"id"`
	Registry       types.String `tfsdk:"registry"`
	Images         opaqueMap    `tfsdk:"images"`
}

// Metadata implements datasource.DataSource.
func (d *repositoryDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_repository"
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *repositoryDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// Schema implements datasource.DataSource.
func (d *repositoryDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the images of a repository that have metadata, and on request those that tags name. " +
			"It answers which images are in use, which have no approval, and whose metadata outlived them. A repository " +
			"without metadata has an empty map." + verifiesAll + " The same holds for metadata of the types in `has_type` and " +
			"`lacks_type`. Name the types that are signed in `type` or `types` if others are not, or if there is much that " +
			"you do not need.",
		Attributes: withTrust(allVerified, theManifesto, map[string]schema.Attribute{
			"repository": schema.StringAttribute{
				MarkdownDescription: "Repository, such as `ghcr.io/example/app`, without a tag or digest. The registry defaults " +
					"to the provider's `default_registry`. `oci-layout:DIRECTORY` is an OCI image layout on disk.",
				Required:   true,
				Validators: []validator.String{isRepository()},
			},
			"type": schema.StringAttribute{
				MarkdownDescription: "Show, and download, only metadata of this type. Images without it stay listed; use " +
					"`has_type` to leave them out. Defaults to all types.",
				Optional: true,
				Validators: []validator.String{
					stringvalidator.LengthAtLeast(1), stringvalidator.ConflictsWith(path.MatchRoot("types")),
				},
			},
			"types": schema.SetAttribute{
				MarkdownDescription: "Like `type`, for types that match one of these patterns, such as `scan/*`. `*` matches any " +
					"text, slashes included, `?` one character and `[a-z]` one of a range; a backslash before one of them " +
					"takes away its meaning.",
				ElementType: types.StringType,
				Optional:    true,
				Validators:  []validator.Set{setvalidator.ValueStringsAre(isTypePattern())},
			},
			"has_type": schema.StringAttribute{
				MarkdownDescription: "List only images that have metadata of this type, whichever types are shown.",
				Optional:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"lacks_type": schema.StringAttribute{
				MarkdownDescription: "List only images that have no metadata of this type. Images without any metadata are " +
					"among them only with `include_tags`.",
				Optional:   true,
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"include_content": schema.BoolAttribute{
				MarkdownDescription: "Download the contents of the metadata that is shown, each distinct content once. " +
					"All together may have 32 MiB. Defaults to `false`.",
				Optional: true,
			},
			"include_tags": schema.BoolAttribute{
				MarkdownDescription: "Read the repository's tags: `tags` is set, and images that have tags and no metadata are " +
					"listed, too. This takes the list of tags and a request for each tag. Defaults to `false`.",
				Optional: true,
			},
			"check_images": schema.BoolAttribute{
				MarkdownDescription: "Ask the registry for each image, and set `gone`. This takes a request for each image " +
					"without a tag, or for each image without `include_tags`. Defaults to `false`.",
				Optional: true,
			},
			"id": schema.StringAttribute{
				MarkdownDescription: "Canonical name of the repository, such as `docker.io/library/alpine` for `alpine`.",
				Computed:            true,
			},
			"registry": schema.StringAttribute{
				MarkdownDescription: "Host of the registry, such as `ghcr.io` or `docker.io`; `oci-layout` for a layout on disk.",
				Computed:            true,
			},
			"images": imagesAttribute(),
		}),
	}
}

// Read implements datasource.DataSource.
func (d *repositoryDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model repositoryDataSourceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, repositoryTimeout)
	defer cancel()
	repository, err := d.data.repository(model.Repository)
	var images []listedImage
	if err == nil {
		listing := model.listing(d.data.store, repository)
		var ok bool
		if listing.verification, ok = d.data.verificationFor(ctx, model.Verification, &resp.Diagnostics); !ok {
			return
		}
		images, err = listing.images(ctx, &resp.Diagnostics)
	}
	if err != nil {
		problem := d.diagnose(err, model.Repository.ValueString(), repository)
		problem.within(ctx, timeLimit{duration: repositoryTimeout}).addTo(&resp.Diagnostics)
		return
	}
	values := map[string]tftypes.Value{}
	if err := req.Config.Raw.As(&values); err != nil {
		resp.Diagnostics.AddError("Unreadable configuration", sentence(err))
		return
	}
	values["id"] = tftypes.NewValue(tftypes.String, repository.String())
	values["registry"] = tftypes.NewValue(tftypes.String, repository.Host())
	values["images"] = newListedTypes().value(images)
	maps.Copy(values, model.values())
	resp.State.Raw = tftypes.NewValue(req.Config.Raw.Type(), values)
}

// listing returns what the configuration asks for.
func (m *repositoryDataSourceModel) listing(store *manifesto.Store, repository oci.Repository) repositoryListing {
	filter := typeFilter{
		has: typeIn(m.HasType), lacks: typeIn(m.LacksType),
		typ: typeIn(m.Type), restricted: !m.Types.IsNull(), patterns: stringsIn(m.Types.Elements()),
	}
	return repositoryListing{
		store: store, repository: repository, filter: filter, trust: &m.trustModel,
		tags: m.IncludeTags.ValueBool(), gone: m.CheckImages.ValueBool(), contents: m.IncludeContent.ValueBool(),
	}
}

// diagnose explains an error of the look-up.
func (d *repositoryDataSource) diagnose(err error, text string, repository oci.Repository) diagnosis {
	switch {
	case errors.Is(err, manifesto.ErrContentsTooLarge):
		return diagnosis{"include_content", "Contents too large", fmt.Sprintf(
			"The contents in repository %s have more than %d MiB together, which is more than Terraform carries in one "+
				"object. Name fewer types in type or types, list fewer images with has_type or lacks_type, or remove "+
				"include_content and read single pieces with the data source manifesto_metadata.",
			repository, maxContents>>20)}
	case errors.Is(err, errListingTooLarge):
		return diagnosis{"repository", "Too many images", fmt.Sprintf(
			"The images and the metadata in repository %s are more than Terraform carries in one object, which is %d MiB "+
				"here. List fewer images with has_type or lacks_type, or show fewer types with type or types.",
			repository, maxListing>>20)}
	}
	return aboutTrust(d.data.diagnoseRepository(err, "reading", text, repository), err,
		"Name the types that are signed in type or types to leave out the others.")
}
