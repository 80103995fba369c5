package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

var _ datasource.DataSourceWithConfigure = (*referrersDataSource)(nil)

func newReferrersDataSource() datasource.DataSource { return &referrersDataSource{} }

// referrersDataSource lists the artifacts that anybody has attached to an image.
type referrersDataSource struct {
	data *providerData
}

// Metadata implements datasource.DataSource.
func (d *referrersDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_referrers"
}

// Configure implements datasource.DataSourceWithConfigure.
func (d *referrersDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// Schema implements datasource.DataSource.
func (d *referrersDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = referrersSchema()
}

// Read implements datasource.DataSource.
func (d *referrersDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model referrersModel
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
	filter := model.filter()
	found, unreadable, err := d.data.store.Referrers(ctx, image.reference.Repository, image.digest,
		manifesto.ReferrersQuery{
			Shows: filter.shows, Contents: model.IncludeContent.ValueBool(),
			MaxListing: maxListing, MaxContents: maxContents,
		})
	if err != nil {
		diagnoseReferrers(err, image).within(ctx, timeLimit{duration: readTimeout}).addTo(&resp.Diagnostics)
		return
	}
	warnOfUnreadable(unreadable, filter, image, &resp.Diagnostics)
	model.setImage(image.reference.Repository, image.digest)
	model.Referrers = make([]referrerModel, len(found))
	for i, referrer := range found {
		model.Referrers[i] = newReferrerModel(referrer)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// referrersModel is the configuration and the state of the data source.
type referrersModel struct {
	subjectModel
	ArtifactTypes  types.Set       `tfsdk:"artifact_types"`
	IncludeContent types.Bool      `tfsdk:"include_content"`
	Referrers      []referrerModel `tfsdk:"referrers"`
}

// filter returns which artifact types the configuration asks for.
func (m *referrersModel) filter() typeFilter {
	filter := typeFilter{restricted: !m.ArtifactTypes.IsNull()}
	for _, element := range m.ArtifactTypes.Elements() {
		if pattern, ok := element.(types.String); ok {
			filter.patterns = append(filter.patterns, pattern.ValueString())
		}
	}
	return filter
}

// referrerModel is an element of the attribute referrers.
type referrerModel struct {
	ArtifactType  types.String `tfsdk:"artifact_type"`
	Digest        types.String `tfsdk:"digest"`
	MediaType     types.String `tfsdk:"media_type"`
	Size          types.Int64  `tfsdk:"size"`
	Annotations   types.Map    `tfsdk:"annotations"`
	Content       types.String `tfsdk:"content"`
	ContentBase64 types.String `tfsdk:"content_base64"`
}

func newReferrerModel(referrer manifesto.Referrer) referrerModel {
	m := referrerModel{
		ArtifactType: optionalString(referrer.ArtifactType),
		Digest:       types.StringValue(referrer.Digest.String()),
		MediaType:    types.StringValue(referrer.MediaType),
		Size:         types.Int64Value(referrer.Size),
		Annotations:  mapValue(referrer.Annotations),
	}
	if referrer.Content != nil {
		m.Content, m.ContentBase64 = contentValues(referrer.Content)
	}
	return m
}
