package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Default timeouts.
const (
	writeTimeout = 20 * time.Minute
	readTimeout  = 5 * time.Minute
)

// Create implements resource.Resource.
func (r *metadataResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var config, plan metadataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	timeout, diags := plan.Timeouts.Create(ctx, writeTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	key, ok := r.subject(ctx, &plan, &resp.Diagnostics)
	if !ok {
		return
	}
	content, ok := plannedContent(&config, &plan, &resp.Diagnostics)
	if !ok {
		return
	}
	put := manifesto.Put{Key: key, Content: content, Overwrite: plan.Overwrite.ValueBool()}
	if !r.put(ctx, put, &plan, "creating", &resp.Diagnostics) {
		return
	}
	plan.setSubject(key)
	rememberApplied(ctx, resp.Private, writeOnlyDigest(&config, &plan), &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// subject returns the entry that a plan is about, after a look whether its image exists.
func (r *metadataResource) subject(ctx context.Context, plan *metadataModel, diags *diag.Diagnostics) (manifesto.Key, bool) {
	if r.data == nil {
		diags.AddError("Provider not configured", "The provider has not been configured. This is an error in Terraform or in the provider; please report it.")
		return manifesto.Key{}, false
	}
	ref, known, err := r.data.settings.parse(plan.Image.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("image"), "Malformed image reference", referenceHelp(plan.Image.ValueString(), err))
		return manifesto.Key{}, false
	}
	if !known || r.data.settings.unknown(ref.Repository.Host()) {
		addUnknownSettings(plan.Image.ValueString(), diags)
		return manifesto.Key{}, false
	}
	platform := parsePlatform(plan.Platform)
	image, err := r.data.store.Resolve(ctx, ref, platform)
	if err != nil {
		d := diagnose(err, "resolving", ref.Repository, describeImage(ref, platform))
		diags.AddAttributeError(path.Root(d.attribute), d.summary, d.detail)
		return manifesto.Key{}, false
	}
	if planned := plan.ImageDigest; !planned.IsUnknown() && planned.ValueString() != image.String() {
		diags.AddAttributeError(path.Root("image"), "Image moved since the plan",
			fmt.Sprintf("%s was %s at plan and is %s now. Nothing was written. Run terraform plan again, or name the image by its digest.",
				ref, planned.ValueString(), image))
		return manifesto.Key{}, false
	}
	return manifesto.Key{Repository: ref.Repository, Image: image, Type: plan.Type.ValueString()}, true
}

// put stores what the plan says and fills in the rest of it.
func (r *metadataResource) put(ctx context.Context, put manifesto.Put, plan *metadataModel, operation string, diags *diag.Diagnostics) bool {
	put.Annotations = plan.annotations(ctx, diags)
	put.MediaType = plan.MediaType.ValueString()
	if plan.MediaType.IsUnknown() {
		put.MediaType = manifesto.DetectMediaType(put.Content)
	}
	if diags.HasError() {
		return false
	}
	result, err := r.data.store.Put(ctx, put)
	if err != nil {
		addOperationError(err, operation, put.Key, diags)
		return false
	}
	plan.setEntry(result.Piece)
	for _, digest := range result.Missing {
		diags.AddWarning("Content missing", fmt.Sprintf("The manifesto of %s names content that the repository does not have, %s, "+
			"so that it cannot be protected from garbage collection. It belongs to another entry; nothing was changed there.",
			put.Repository, digest))
	}
	return true
}

// Update implements resource.Resource.
func (r *metadataResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var config, plan, state metadataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := plan.Timeouts.Update(ctx, writeTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	key, ok := r.stored(&state, &resp.Diagnostics)
	if !ok {
		return
	}
	var content []byte // Nil leaves the content as it is.
	if !keepsContent(&config, &plan, &state) {
		if content, ok = plannedContent(&config, &plan, &resp.Diagnostics); !ok {
			return
		}
	}
	put := manifesto.Put{
		Key: key, Content: content, Update: true, Expected: oci.Digest(state.Digest.ValueString()), Repair: !state.Pinned.ValueBool(),
	}
	if !config.ContentWO.IsNull() && !plan.Digest.IsUnknown() && oci.DigestOf(content) != put.Expected {
		put.Content = nil // The write-only value is another now, but nobody asked to store it.
	}
	if !r.put(ctx, put, &plan, "updating", &resp.Diagnostics) {
		return
	}
	plan.setSubject(key)
	rememberApplied(ctx, resp.Private, writeOnlyDigest(&config, &plan), &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
}

// Delete implements resource.Resource.
func (r *metadataResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state metadataModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	timeout, diags := state.Timeouts.Delete(ctx, writeTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() || state.KeepOnDestroy.ValueBool() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	key, ok := r.stored(&state, &resp.Diagnostics)
	if !ok {
		return
	}
	err := r.data.store.Delete(ctx, key, oci.Digest(state.Digest.ValueString()))
	switch {
	case errors.Is(err, manifesto.ErrCreatedThisRun):
		resp.Diagnostics.AddWarning("Metadata kept",
			fmt.Sprintf("%s was created by another resource in this run, so destroying this one leaves it in the registry. "+
				"When a resource is renamed, a moved block says so and nothing is created or destroyed.", describeKey(key)))
	case err != nil:
		addOperationError(err, "deleting", key, &resp.Diagnostics)
	}
}

// stored returns the entry that the state names, for an operation that is to change it.
func (r *metadataResource) stored(state *metadataModel, diags *diag.Diagnostics) (manifesto.Key, bool) {
	key, err := state.key()
	if err != nil {
		diags.AddError("Unreadable state", sentence(err))
		return manifesto.Key{}, false
	}
	if r.data == nil || r.data.settings.unknown(key.Repository.Host()) {
		addUnknownSettings(state.Image.ValueString(), diags)
		return manifesto.Key{}, false
	}
	return key, true
}
