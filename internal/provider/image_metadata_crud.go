package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
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
	declared, ok := plan.complete(r.data, &resp.Diagnostics)
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
	stored, ok := b.create(ctx, entries, found, plan.Overwrite.ValueBool(), &resp.Diagnostics)
	if !ok {
		return
	}
	plan.applied(stored.Pieces, signing.Found{})
	b.remember(ctx, &plan.bulkSignatureModel, stored, resp.Private, &resp.Diagnostics)
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
	declared, ok := plan.complete(r.data, &resp.Diagnostics)
	if !ok {
		return
	}
	plan.setImage(image.reference.Repository, image.digest)
	b, held := plan.bulk(image, limit), state.held(image, piecesOf(declared))
	if !state.Pinned.ValueBool() {
		if err = b.repairUnpinned(ctx, held); err != nil {
			b.diagnose(ctx, err, "reading").addTo(&resp.Diagnostics)
			return
		}
	}
	b.floor = r.data.builtUpon(ctx, req.Private, &resp.Diagnostics)
	entries := plan.entriesOf(image, declared)
	s := bulkSignatures{
		bulk: b, before: state.bulkSignatureModel,
		floor: knownFloor(ctx, req.Private, &resp.Diagnostics), signs: plan.Signed.ValueBool(),
	}
	kept, err := s.mark(ctx, &plan.bulkSignatureModel, entries, held)
	if err != nil {
		b.diagnose(ctx, err, "verifying").addTo(&resp.Diagnostics)
		return
	}
	stored, ok := b.update(ctx, entries, held, &resp.Diagnostics)
	if !ok {
		return
	}
	plan.applied(stored.Pieces, kept)
	b.remember(ctx, &plan.bulkSignatureModel, stored, resp.Private, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// complete returns the elements of metadata at apply, and gives the plan its last unknown values besides the image and
// the signatures. If it returns false, diags has an error.
func (m *imageMetadataModel) complete(data *providerData, diags *diag.Diagnostics) ([]declaredPiece, bool) {
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
	if _, ok := m.resolve(data, publishes(declared), diags); !ok {
		return nil, false
	}
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
	b := state.bulk(image, limit)
	b.floor = r.data.builtUpon(ctx, req.Private, &resp.Diagnostics)
	b.destroy(ctx, state.held(image, nil), &resp.Diagnostics)
}
