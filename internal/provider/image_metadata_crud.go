package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// Create implements resource.Resource.
func (r *imageMetadataResource) Create(
	ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse,
) {
	var plan imageMetadataModel
	plan.decode(ctx, req.Plan.Raw, &resp.Diagnostics)
	timeout, diags := plan.Timeouts.Create(ctx, writeTimeout)
	limit := timeLimit{timeout, "timeouts.create"}
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	forgetImage(ctx, resp.Private, &resp.Diagnostics)
	image, ok := r.data.planned(ctx, &plan.subjectModel, limit, &resp.Diagnostics)
	if !ok {
		return
	}
	declared, ok := plan.applied(&resp.Diagnostics)
	if !ok {
		return
	}
	plan.setImage(image.reference.Repository, image.digest)
	b := plan.bulk(image, limit)
	found, err := findImage(ctx, image)
	if err != nil {
		b.diagnose(ctx, err, "looking up").addTo(&resp.Diagnostics)
		return
	}
	entries := plan.entriesOf(image, declared)
	if !b.create(ctx, entries, found, plan.Overwrite.ValueBool(), &resp.Diagnostics) {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// Update implements resource.Resource.
func (r *imageMetadataResource) Update(
	ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse,
) {
	var plan, state imageMetadataModel
	plan.decode(ctx, req.Plan.Raw, &resp.Diagnostics)
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	timeout, diags := plan.Timeouts.Update(ctx, writeTimeout)
	limit := timeLimit{timeout, "timeouts.update"}
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	image, err := r.data.stored(&state.subjectModel)
	if err != nil {
		image.diagnoseStored(err).addTo(&resp.Diagnostics)
		return
	}
	declared, ok := plan.applied(&resp.Diagnostics)
	if !ok {
		return
	}
	plan.setImage(image.reference.Repository, image.digest)
	b, held := plan.bulk(image, limit), state.held(image, piecesOf(declared))
	if !state.Pinned.ValueBool() {
		if err := b.repairUnpinned(ctx, manifesto.Filter{Image: image.digest}, held); err != nil {
			b.diagnose(ctx, err, "reading").addTo(&resp.Diagnostics)
			return
		}
	}
	if _, ok = b.commit(ctx, bulkUpdate(plan.entriesOf(image, declared), held), "updating", &resp.Diagnostics); !ok {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// applied returns the elements of metadata at apply, and gives the plan its last unknown values besides the image. If
// it returns false, diags has an error.
func (m *imageMetadataModel) applied(diags *diag.Diagnostics) ([]declaredPiece, bool) {
	declared, known := m.declared(diags)
	for _, d := range declared {
		known = known && d.bytes != nil
	}
	switch {
	case diags.HasError():
		return nil, false
	case !known:
		diags.AddError("Content unknown", "The metadata is still unknown at apply. This is an error in Terraform or in the "+
			"provider; please report it.")
		return nil, false
	}
	m.setDigests(declared, true)
	m.Pinned = types.BoolValue(true)
	return declared, m.checkJSON(declared, diags)
}

// Delete implements resource.Resource.
func (r *imageMetadataResource) Delete(
	ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse,
) {
	var state imageMetadataModel
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	timeout, diags := state.Timeouts.Delete(ctx, writeTimeout)
	limit := timeLimit{timeout, "timeouts.delete"}
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !r.data.canReplace(ctx, req.Private, limit, &resp.Diagnostics) || state.KeepOnDestroy.ValueBool() {
		return
	}
	image, err := r.data.stored(&state.subjectModel)
	if err != nil {
		image.diagnoseStored(err).addTo(&resp.Diagnostics)
		return
	}
	state.bulk(image, limit).destroy(ctx, state.held(image, nil), &resp.Diagnostics)
}
