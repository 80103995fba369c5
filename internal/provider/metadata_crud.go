package provider

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
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

// plannedContent returns the configured content, which must be the one that was planned.
func plannedContent(config, plan *metadataModel, diags *diag.Diagnostics) ([]byte, bool) {
	content, known := config.content(diags)
	if !known {
		if !diags.HasError() {
			diags.AddError("Content unknown", "The content is still unknown at apply. This is an error in Terraform or in the provider; please report it.")
		}
		return nil, false
	}
	if planned := plan.Digest; config.ContentWO.IsNull() && !planned.IsUnknown() && planned.ValueString() != oci.DigestOf(content).String() {
		diags.AddAttributeError(path.Root("source"), "File changed since the plan",
			fmt.Sprintf("The content of %q was %s at plan and is %s now. Nothing was written. Run terraform plan again.",
				config.Source.ValueString(), planned.ValueString(), oci.DigestOf(content)))
		return nil, false
	}
	return content, true
}

// put stores what the plan says and fills in the rest of it.
func (r *metadataResource) put(ctx context.Context, put manifesto.Put, plan *metadataModel, operation string, diags *diag.Diagnostics) bool {
	put.Annotations = plan.annotations(ctx, diags)
	put.MediaType = plan.MediaType.ValueString()
	if plan.MediaType.IsUnknown() {
		put.MediaType = format.DetectMediaType(put.Content)
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

// writeOnlyDigest is the digest to remember for a write-only content; "" for any other.
func writeOnlyDigest(config, applied *metadataModel) string {
	if config.ContentWO.IsNull() {
		return ""
	}
	return applied.Digest.ValueString()
}

// Read implements resource.Resource. It looks at the entry that the state names, and neither resolves
// a tag nor opens a file.
func (r *metadataResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state metadataModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	before := state
	timeout, diags := state.Timeouts.Read(ctx, readTimeout)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	key, err := state.key()
	if err != nil {
		resp.Diagnostics.AddError("Unreadable state", sentence(err))
		return
	}
	// Set before anything else: the framework wants an identity even of what is gone. It never changes.
	if req.Identity == nil || req.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, state.identity())...)
	}
	if r.data == nil || r.data.settings.unknown(key.Repository.Host()) {
		return // Without settings nothing can be said of the registry; the state stays as it is.
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	piece, err := r.data.store.Get(ctx, key)
	if errors.Is(err, manifesto.ErrNoEntry) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		addOperationError(err, "reading", key, &resp.Diagnostics)
		return
	}
	if err := r.refreshContent(ctx, key, &piece, &state); err != nil {
		addOperationError(err, "reading", key, &resp.Diagnostics)
		return
	}
	state.setSubject(key)
	state.setEntry(piece)
	if !reflect.DeepEqual(state, before) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	}
}

// refreshContent downloads the content where it is not the one in the state. Content that is gone is
// shown as such; content that the configuration gives by file or write-only is never in the state.
func (r *metadataResource) refreshContent(ctx context.Context, key manifesto.Key, piece *manifesto.Piece, state *metadataModel) error {
	imported := state.ID.IsNull()
	inState := imported || !state.Content.IsNull() || !state.ContentBase64.IsNull()
	if piece.Missing {
		state.Content, state.ContentBase64 = types.StringNull(), types.StringNull()
		return nil
	}
	if !imported && state.Digest.ValueString() == piece.Digest.String() {
		return nil
	}
	content, entry, err := r.data.store.Content(ctx, key.Repository, piece.Entry)
	if errors.Is(err, manifesto.ErrContentMissing) {
		piece.Pinned = false
		state.Content, state.ContentBase64 = types.StringNull(), types.StringNull()
		return nil
	}
	if err != nil {
		return err
	}
	piece.Entry = entry
	if inState {
		state.setContent(content)
	}
	return nil
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

// keepsContent reports whether an update leaves the content alone because its file is gone: what is not
// about the content can be changed all the same.
func keepsContent(config, plan, state *metadataModel) bool {
	if config.Source.IsNull() || !plan.Digest.Equal(state.Digest) {
		return false
	}
	_, err := os.Stat(config.Source.ValueString())
	return errors.Is(err, fs.ErrNotExist)
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

func addUnknownSettings(image string, diags *diag.Diagnostics) {
	diags.AddAttributeError(path.Root("image"), "Provider settings unknown",
		fmt.Sprintf("A setting of the provider that %q depends on is not known yet: it comes from a resource that has not been applied. "+
			"Apply that resource first, for example with -target, or set the provider from values that are known at plan.", image))
}

func addOperationError(err error, operation string, key manifesto.Key, diags *diag.Diagnostics) {
	d := diagnose(err, operation, key.Repository, describeKey(key))
	diags.AddAttributeError(path.Root(d.attribute), d.summary, d.detail)
}

// describeKey names a piece of metadata in a diagnostic.
func describeKey(key manifesto.Key) string {
	return fmt.Sprintf("metadata %q of image %s", key.Type, key.Repository.Digested(key.Image))
}
