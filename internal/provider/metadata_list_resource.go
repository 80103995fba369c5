package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var _ list.ListResourceWithConfigure = (*metadataListResource)(nil)

func newMetadataListResource() list.ListResource { return &metadataListResource{} }

// metadataListResource lists the metadata of a repository, so that Terraform can import it.
type metadataListResource struct {
	data *providerData
}

// metadataListModel is the configuration of the list resource.
type metadataListModel struct {
	Repository   types.String `tfsdk:"repository"`
	Image        types.String `tfsdk:"image"`
	Type         types.String `tfsdk:"type"`
	Types        types.List   `tfsdk:"types"`
	Verification types.Object `tfsdk:"verification"`
}

// Metadata implements list.ListResource.
func (l *metadataListResource) Metadata(
	_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_metadata"
}

// Configure implements list.ListResourceWithConfigure.
func (l *metadataListResource) Configure(
	_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse,
) {
	l.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// ListResourceConfigSchema implements list.ListResource.
func (l *metadataListResource) ListResourceConfigSchema(
	_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the metadata in a repository for `terraform query`, in the order of its manifesto. " +
			"A repository without metadata gives an empty list. Terraform lists 100 pieces unless `limit` says more; a " +
			"warning tells how many there are.",
		Attributes: map[string]schema.Attribute{
			"repository": schema.StringAttribute{
				MarkdownDescription: "Repository, such as `ghcr.io/example/app`, without a tag or digest. The registry defaults " +
					"to the provider's `default_registry`. `oci-layout:DIRECTORY` is an OCI image layout on disk.",
				Required:   true,
				Validators: []validator.String{isRepository()},
			},
			"image": schema.StringAttribute{
				MarkdownDescription: "List only the metadata of this image of the repository: a tag, such as `1.2`, or a digest. " +
					"Defaults to all images.",
				Optional:   true,
				Validators: []validator.String{isTagOrDigest()},
			},
			"type": schema.StringAttribute{
				MarkdownDescription: "List only metadata of this type. Defaults to all types.",
				Optional:            true,
				Validators: []validator.String{
					stringvalidator.LengthAtLeast(1), stringvalidator.ConflictsWith(path.MatchRoot("types")),
				},
			},
			"types": schema.ListAttribute{
				MarkdownDescription: "List only metadata of types that match one of these patterns, such as `scan/*`. `*` " +
					"matches any text, slashes included, `?` one character and `[a-z]` one of a range; a backslash before one " +
					"of them takes away its meaning.",
				ElementType: types.StringType,
				Optional:    true,
				Validators:  []validator.List{listvalidator.ValueStringsAre(isTypePattern())},
			},
			verificationName: forList(verificationAttribute(ownVerification + " The query then fails if the manifesto or a " +
				"piece that it lists is not signed, unless `required` is `false`: then a warning says so of each resource that " +
				"the query includes. Without it, the provider's `verification` leads to such warnings, as in an import.")),
		},
	}
}

// List implements list.ListResource.
func (l *metadataListResource) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var model metadataListModel
	if diags := req.Config.Get(ctx, &model); diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	q := metadataQuery{data: l.data, request: req, config: model, filter: model.filter()}
	if l.data != nil && !model.Verification.IsNull() {
		var diags diag.Diagnostics
		var ok bool
		if q.verification, ok = l.data.verificationFor(ctx, model.Verification, &diags); !ok {
			stream.Results = list.ListResultsStreamDiagnostics(diags)
			return
		}
	}
	stream.Results = func(push func(list.ListResult) bool) { q.run(ctx, push) }
}

// filter returns which types the configuration asks for.
func (m *metadataListModel) filter() typeFilter {
	return typeFilter{typ: typeIn(m.Type), restricted: !m.Types.IsNull(), patterns: stringsIn(m.Types.Elements())}
}

// imageIn returns the reference to an image of a repository that a text names by tag or digest. The error wraps
// oci.ErrBadReference.
func imageIn(repository oci.Repository, text string) (oci.Reference, error) {
	separator := ":"
	if strings.Contains(text, ":") {
		separator = "@"
	}
	return oci.ParseReference(repository.String()+separator+text, "")
}

// isTagOrDigest accepts what imageIn understands.
func isTagOrDigest() validator.String {
	return textValidator{"a tag or a digest", func(text string) (string, string) {
		example, err := oci.ParseRepository("example.com/app", "")
		if err == nil {
			_, err = imageIn(example, text)
		}
		if err != nil {
			return malformedReference, fmt.Sprintf("%q is neither a tag nor a digest: %v.\n\nWrite the tag or the digest of an "+
				"image without its repository, such as 1.2 or sha256:….", text, err)
		}
		return "", ""
	}}
}
