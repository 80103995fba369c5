package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It plans that nothing is stale any more. The apply removes
// what the refresh has found; where no refresh has looked for it, the plan does.
func (r *retentionResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		return // Destroying changes nothing in the registry.
	}
	var plan retentionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	var state *retentionModel
	if !req.State.Raw.IsNull() {
		state = &retentionModel{}
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	repository, err := r.data.repository(plan.Repository)
	if err != nil && !errors.Is(err, errUnknown) {
		r.data.diagnoseRepository(err, "reading", plan.Repository.ValueString(), repository).addTo(&resp.Diagnostics)
		return
	}
	plan.setStale(nil)
	plan.planID(repository, err == nil, state)
	if state != nil && !plan.ID.Equal(state.ID) {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("repository"), path.Root("id"))
	}
	if err == nil {
		r.planRemoval(ctx, repository, &plan, state, req, resp)
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
	replacesOld := req.Identity != nil && !req.Identity.Raw.IsFullyNull() // The identity of a resource stays.
	if !plan.ID.IsUnknown() && !replacesOld {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, retentionIdentity{plan.ID})...)
	}
}

// planID plans the id: the canonical name of the repository. Settings that are not known yet are no reason to replace a
// resource whose repository has not changed.
func (m *retentionModel) planID(repository oci.Repository, known bool, state *retentionModel) {
	switch {
	case known:
		m.ID = types.StringValue(repository.String())
	case state != nil && m.Repository.Equal(state.Repository):
		m.ID = state.ID
	default:
		m.ID = types.StringUnknown()
	}
}

// planRemoval shows what the apply will remove, or refuses it.
func (r *retentionResource) planRemoval(
	ctx context.Context, repository oci.Repository, plan, state *retentionModel,
	req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	if state != nil && plan.ID.Equal(state.ID) && plan.sameTypes(state) {
		found, err := state.recorded(repository, recall(ctx, req.Private, &resp.Diagnostics))
		if err != nil {
			resp.Diagnostics.AddError("Unreadable state", sentence(err))
			return
		}
		if !found.refuse(plan, &resp.Diagnostics) {
			r.checkBase(ctx, found, plan, repository, &resp.Diagnostics)
		}
		return
	}
	if !plan.typesKnown() {
		return
	}
	limit := retentionLimit(ctx, plan.Timeouts, "read", plan.Timeouts.Read, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	found, err := r.data.stale(ctx, repository, plan)
	if err != nil {
		r.diagnose(err, plan, repository).within(ctx, limit).addTo(&resp.Diagnostics)
		return
	}
	if !found.refuse(plan, &resp.Diagnostics) {
		found.warn(&resp.Diagnostics)
		r.checkBase(ctx, found, plan, repository, &resp.Diagnostics)
	}
}

// checkBase looks at the manifesto that a removal will build upon.
func (r *retentionResource) checkBase(
	ctx context.Context, found staleMetadata, plan *retentionModel, repository oci.Repository, diags *diag.Diagnostics,
) {
	if len(found.entries) == 0 {
		return
	}
	if err := r.data.checkBase(ctx, repository, "", diags); err != nil {
		r.diagnose(err, plan, repository).addTo(diags)
	}
}

// diagnose explains an error of looking for stale metadata.
func (r *retentionResource) diagnose(err error, m *retentionModel, repository oci.Repository) diagnosis {
	return r.data.diagnoseRepository(err, "looking for stale metadata in", m.Repository.ValueString(), repository)
}
