package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Read implements resource.Resource. It finds what is stale. The resource itself never disappears.
func (r *retentionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state retentionModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	limit := retentionLimit(ctx, state.Timeouts, "read", state.Timeouts.Read, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.Identity == nil || req.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, retentionIdentity{state.ID})...)
	}
	repository, err := oci.ParseRepository(state.ID.ValueString(), "")
	if err != nil {
		resp.Diagnostics.AddError("Unreadable state", sentence(err))
		return
	}
	if r.data == nil || r.data.settings.unknown(repository.Host()) {
		return // The settings of the registry are not known yet, so the state stays unchanged.
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	found, err := r.data.stale(ctx, repository, &state)
	if err != nil {
		r.diagnose(err, &state, repository).within(ctx, limit).addTo(&resp.Diagnostics)
		return
	}
	state.setStale(found.entries)
	record(ctx, resp.Private, found, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// Create implements resource.Resource. It removes all that is stale.
func (r *retentionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan retentionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	limit := retentionLimit(ctx, plan.Timeouts, "create", plan.Timeouts.Create, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	a := retentionApply{retentionResource: r, plan: &plan, limit: limit, diags: &resp.Diagnostics}
	if !a.open() || !a.removeAll(ctx) {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, retentionIdentity{plan.ID})...)
}

// Update implements resource.Resource. It removes what the state shows, unless other types count now.
func (r *retentionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state retentionModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	limit := retentionLimit(ctx, plan.Timeouts, "update", plan.Timeouts.Update, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	a := retentionApply{retentionResource: r, plan: &plan, limit: limit, diags: &resp.Diagnostics}
	if !a.open() {
		return
	}
	if plan.sameTypes(&state) {
		if !a.removeShown(ctx, &state, recall(ctx, req.Private, &resp.Diagnostics)) {
			return
		}
	} else if !a.removeAll(ctx) {
		return
	}
	record(ctx, resp.Private, staleMetadata{}, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, retentionIdentity{plan.ID})...)
}

// Delete implements resource.Resource. What was removed does not come back, and nothing else is in the registry.
func (r *retentionResource) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {
}

// retentionApply is one creation or update.
type retentionApply struct {
	*retentionResource
	repository oci.Repository
	plan       *retentionModel
	limit      timeLimit
	diags      *diag.Diagnostics
}

// open sets the repository and the id. If it returns false, diags says why.
func (a *retentionApply) open() bool {
	var err error
	if a.repository, err = a.data.repository(a.plan.Repository); err != nil {
		a.diagnose(err, a.plan, a.repository).addTo(a.diags)
		return false
	}
	a.plan.ID = types.StringValue(a.repository.String())
	return true
}

// removeAll removes everything stale.
func (a *retentionApply) removeAll(ctx context.Context) bool {
	found, err := a.data.stale(ctx, a.repository, a.plan)
	if err != nil {
		a.diagnose(err, a.plan, a.repository).within(ctx, a.limit).addTo(a.diags)
		return false
	}
	return !found.refuse(a.plan, a.diags) && a.remove(ctx, found.entries)
}

// removeShown removes what the state shows, except metadata of images that have been pushed again since.
func (a *retentionApply) removeShown(ctx context.Context, state *retentionModel, record retentionRecord) bool {
	found, err := state.recorded(a.repository, record)
	if err != nil {
		a.diags.AddError("Unreadable state", sentence(err))
		return false
	}
	if found.refuse(a.plan, a.diags) {
		return false
	}
	gone, err := a.data.store.Gone(ctx, a.repository, found.imageDigests())
	if err != nil {
		a.diagnose(err, a.plan, a.repository).within(ctx, a.limit).addTo(a.diags)
		return false
	}
	var removed, back staleMetadata
	for _, entry := range found.entries {
		if gone[entry.key.Image] {
			removed.entries = append(removed.entries, entry)
		} else {
			back.entries = append(back.entries, entry)
		}
	}
	if len(back.entries) > 0 {
		a.diags.AddAttributeWarning(path.Root("repository"), "Image is there again", fmt.Sprintf(
			"Images in repository %s were gone at plan and are there now. Their metadata stays: %s.%s",
			a.repository, countOf(len(back.entries), "piece"), back.list()))
	}
	return a.remove(ctx, removed.entries)
}

// remove removes entries in one commit. If it returns false, diags says why, and nothing was removed unless the error
// says that this is not known.
func (a *retentionApply) remove(ctx context.Context, entries []staleEntry) bool {
	removals := make([]manifesto.Removal, len(entries))
	for i, entry := range entries {
		removals[i] = manifesto.Removal{Key: entry.key, Expected: entry.content, All: true}
	}
	stored, err := a.data.store.Commit(ctx, a.repository, nil, removals)
	if conflicts := manifesto.Conflicts(err); len(conflicts) > 0 {
		a.diagnoseConflicts(conflicts).addTo(a.diags)
		return false
	}
	if err != nil {
		a.data.diagnoseRepository(err, "removing stale metadata from", a.plan.Repository.ValueString(), a.repository).
			within(ctx, a.limit).addTo(a.diags)
		return false
	}
	warnUnverified(a.repository, stored.Unverified, a.diags)
	warnMissing(a.repository, stored.Missing, a.diags)
	warnLeftover(a.repository, stored.Leftover, a.diags)
	a.plan.setStale(nil)
	return true
}

// diagnoseConflicts explains that metadata has changed although its image is gone.
func (a *retentionApply) diagnoseConflicts(conflicts []*manifesto.ConflictError) diagnosis {
	var changed staleMetadata
	for _, conflict := range conflicts {
		changed.entries = append(changed.entries, staleEntry{conflict.Key, conflict.Found})
	}
	return diagnosis{"repository", "Metadata changed outside Terraform since the plan", fmt.Sprintf(
		"Somebody has stored metadata for images that are gone from repository %s, so nothing was removed.%s\n\n"+
			"Run terraform plan again to see what is stale now.", a.repository, changed.list())}
}

// imageDigests returns the images of the entries, each once.
func (s staleMetadata) imageDigests() []oci.Digest {
	var images []oci.Digest
	for _, entry := range s.entries {
		// The entries of an image stand together.
		if len(images) == 0 || images[len(images)-1] != entry.key.Image {
			images = append(images, entry.key.Image)
		}
	}
	return images
}
