package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Create implements resource.Resource.
func (r *metadataResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var config, plan metadataModel
	config.decode(ctx, req.Config.Raw, &resp.Diagnostics)
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
	key := image.key(typeIn(plan.Type))
	content, ok := plannedContent(&config, &plan, &resp.Diagnostics)
	if !ok {
		return
	}
	put := manifesto.Put{Key: key, Content: content, Overwrite: plan.Overwrite.ValueBool()}
	put.Reference = r.data.declaredAs(&plan.subjectModel)
	number, ok := r.put(ctx, put, &plan, "creating", limit, &resp.Diagnostics)
	if !ok {
		return
	}
	r.remember(ctx, key, &config, &plan, number, resp.Private, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// remember records what a creation or an update has stored, in the manifesto with a number.
func (r *metadataResource) remember(
	ctx context.Context, key manifesto.Key, config, plan *metadataModel, number int64, private privateState,
	diags *diag.Diagnostics,
) {
	plan.setKey(key)
	rememberApplied(ctx, private, writeOnlyDigest(config, plan), diags)
	if r.data.verification != nil && !plan.SignatureDigest.IsNull() {
		rememberFloor(ctx, private, manifesto.Floor{Number: number}, diags)
	}
}

// put stores what the plan says and sets the computed attributes of the plan. It returns the number of the manifesto
// that has it. If it returns false, diags has an error.
func (r *metadataResource) put(
	ctx context.Context, put manifesto.Put, plan *metadataModel, operation string, limit timeLimit,
	diags *diag.Diagnostics,
) (number int64, ok bool) {
	put.Annotations = plan.annotations(ctx, diags)
	put.MediaType = plan.MediaType.ValueString()
	if !r.data.publishes(&put, &plan.signatureModel, diags) {
		return 0, false
	}
	if plan.MediaType.IsUnknown() {
		put.MediaType = format.DetectMediaType(put.Content)
	}
	if diags.HasError() {
		return 0, false
	}
	result, err := r.data.store.Put(ctx, put)
	if err != nil {
		r.data.diagnoseKey(err, operation, put.Key).within(ctx, limit).addTo(diags)
		return 0, false
	}
	plan.setPiece(result.Piece)
	if plan.SignatureDigest.IsUnknown() {
		plan.setSignature(result.Signature)
	}
	warnUnverified(put.Repository, result.Unverified, diags)
	warnMissing(put.Repository, result.Missing, diags)
	warnLeftover(put.Repository, result.Leftover, diags)
	return result.Number, true
}

// warnMissing tells which content of other entries a commit could not pin.
func warnMissing(repository oci.Repository, missing []oci.Digest, diags *diag.Diagnostics) {
	for _, digest := range missing {
		diags.AddWarning("Content missing", fmt.Sprintf(
			"The manifesto of %s names content that the repository does not have, %s. It belongs to another entry, which "+
				"was not changed. Apply the resource that declares it to store it again.", repository, digest))
	}
}

// warnUnverified tells that a commit has signed a manifesto that nobody to be trusted had signed.
func warnUnverified(repository oci.Repository, reason error, diags *diag.Diagnostics) {
	if reason == nil {
		return
	}
	diags.AddWarning("Manifesto signed that was not to be trusted", fmt.Sprintf(
		"This apply has built upon the manifesto of %s, and signed it with all that others had put into it: %s\n\n%s",
		repository, sentence(reason), unverifiedHelp))
}

// Update implements resource.Resource.
func (r *metadataResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var config, plan, state metadataModel
	config.decode(ctx, req.Config.Raw, &resp.Diagnostics)
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
	key := image.key(typeIn(state.Type))
	var content []byte // Nil leaves the content unchanged.
	if !keepsContent(&config, &plan, &state) {
		var ok bool
		if content, ok = plannedContent(&config, &plan, &resp.Diagnostics); !ok {
			return
		}
	}
	put := manifesto.Put{
		Key: key, Content: content, Update: true, Expected: oci.Digest(state.Digest.ValueString()),
		Repair: !state.Pinned.ValueBool(), Floor: r.data.builtUpon(ctx, req.Private, &resp.Diagnostics),
	}
	if !config.ContentWO.IsNull() && !plan.Digest.IsUnknown() && oci.DigestOf(content) != put.Expected {
		put.Content = nil // The write-only value has changed, but content_wo_version does not ask to store it.
	}
	put.ReplacedSignature = oci.Digest(state.SignatureDigest.ValueString())
	put.Reference, put.Previous = r.data.declaredAs(&plan.subjectModel), r.data.declaredAs(&state.subjectModel)
	number, ok := r.put(ctx, put, &plan, "updating", limit, &resp.Diagnostics)
	if !ok {
		return
	}
	r.remember(ctx, key, &config, &plan, number, resp.Private, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// Delete implements resource.Resource.
func (r *metadataResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state metadataModel
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
	key := image.key(typeIn(state.Type))
	removed, err := r.data.store.Delete(ctx, manifesto.Removal{
		Key: key, Expected: oci.Digest(state.Digest.ValueString()), Reference: r.data.declaredAs(&state.subjectModel),
		Floor: r.data.builtUpon(ctx, req.Private, &resp.Diagnostics),
	})
	warnUnverified(key.Repository, removed.Unverified, &resp.Diagnostics)
	warnLeftover(key.Repository, removed.Leftover, &resp.Diagnostics)
	switch {
	case err == nil && len(removed.Remaining) > 0:
		resp.Diagnostics.AddWarning("Metadata kept",
			fmt.Sprintf("Another resource declares %s too, through %s, so it stays in the registry until that one is "+
				"destroyed.", describeKey(key), describeReferences(removed.Remaining)))
	case errors.Is(err, manifesto.ErrCreatedThisRun):
		resp.Diagnostics.AddWarning("Metadata kept",
			fmt.Sprintf("Another resource created %s in this run, so destroying this one leaves it in the registry. "+
				"If you renamed a resource, add a moved block: then Terraform creates and destroys nothing.",
				describeKey(key)))
	case err != nil:
		r.data.diagnoseKey(err, "deleting", key).within(ctx, limit).addTo(&resp.Diagnostics)
	}
}
