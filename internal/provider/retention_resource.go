package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ resource.ResourceWithConfigure   = (*retentionResource)(nil)
	_ resource.ResourceWithIdentity    = (*retentionResource)(nil)
	_ resource.ResourceWithImportState = (*retentionResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*retentionResource)(nil)
)

func newRetentionResource() resource.Resource { return &retentionResource{} }

// retentionResource removes metadata whose image is gone from one repository.
type retentionResource struct {
	data *providerData
}

// Metadata implements resource.Resource.
func (r *retentionResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_retention"
}

// Configure implements resource.ResourceWithConfigure.
func (r *retentionResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// ImportState implements resource.ResourceWithImportState, by the repository's name or by identity. The read that
// follows finds what is stale.
func (r *retentionResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	text := types.StringValue(req.ID)
	if req.ID == "" {
		var identity retentionIdentity
		resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
		text = identity.Repository
	}
	if resp.Diagnostics.HasError() {
		return
	}
	repository, err := r.data.repository(text)
	if err != nil {
		r.data.diagnoseRepository(err, "importing", text.ValueString(), repository).addTo(&resp.Diagnostics)
		return
	}
	id := types.StringValue(repository.String())
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("repository"), text)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, retentionIdentity{id})...)
}
