package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Create implements resource.Resource.
func (r *repositoryMetadataResource) Create(
	ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse,
) {
	a := repositoryApply{data: r.data, diags: &resp.Diagnostics}
	a.plan.decode(ctx, req.Plan.Raw, a.diags)
	timeout, diags := a.plan.Timeouts.Create(ctx, writeTimeout)
	a.limit = timeLimit{timeout, "timeouts.create"}
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if resp.Private != nil { // It is nil in a request that opaqueServer answers.
		forgetImage(ctx, resp.Private, a.diags)
	}
	entries, ok := a.entries(ctx)
	if !ok {
		return
	}
	b := a.bulk()
	found, err := findBulk(ctx, b, typeIn(a.plan.Type))
	if err != nil {
		b.diagnose(ctx, err, "looking up").addTo(a.diags)
		return
	}
	stored, ok := b.create(ctx, entries, found, a.plan.Overwrite.ValueBool(), a.diags)
	if !ok {
		return
	}
	a.plan.applied(stored.Pieces, signing.Found{})
	if resp.Private != nil {
		b.remember(ctx, &a.plan.bulkSignatureModel, stored, resp.Private, a.diags)
	}
	resp.State.Raw = a.plan.encode(ctx, req.Plan.Raw, a.diags)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, a.plan.identity(a.repository))...)
}

// Update implements resource.Resource.
func (r *repositoryMetadataResource) Update(
	ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse,
) {
	a := repositoryApply{data: r.data, diags: &resp.Diagnostics, state: &repositoryMetadataModel{}}
	a.plan.decode(ctx, req.Plan.Raw, a.diags)
	a.state.decode(ctx, req.State.Raw, a.diags)
	timeout, diags := a.plan.Timeouts.Update(ctx, writeTimeout)
	a.limit = timeLimit{timeout, "timeouts.update"}
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	entries, ok := a.entries(ctx)
	if !ok {
		return
	}
	stale := !a.plan.MediaType.Equal(a.state.MediaType) || !sameAnnotations(a.plan.Annotations, a.state.Annotations)
	held := a.state.held(a.repository, stale)
	b := a.bulk()
	if !a.state.Pinned.ValueBool() {
		if err := b.repairUnpinned(ctx, held); err != nil {
			b.diagnose(ctx, err, "reading").addTo(a.diags)
			return
		}
	}
	b.floor = r.data.builtUpon(ctx, req.Private, a.diags)
	s := bulkSignatures{
		bulk: b, before: a.state.bulkSignatureModel,
		floor: knownFloor(ctx, req.Private, a.diags), signs: a.plan.Signed.ValueBool(),
	}
	kept, err := s.mark(ctx, &a.plan.bulkSignatureModel, entries, held)
	if err != nil {
		b.diagnose(ctx, err, "verifying").addTo(a.diags)
		return
	}
	stored, ok := b.update(ctx, entries, held, a.diags)
	if !ok {
		return
	}
	a.plan.applied(stored.Pieces, kept)
	if resp.Private != nil {
		b.remember(ctx, &a.plan.bulkSignatureModel, stored, resp.Private, a.diags)
	}
	resp.State.Raw = a.plan.encode(ctx, req.Plan.Raw, a.diags)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, a.plan.identity(a.repository))...)
}

// Delete implements resource.Resource.
func (r *repositoryMetadataResource) Delete(
	ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse,
) {
	var state repositoryMetadataModel
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	timeout, diags := state.Timeouts.Delete(ctx, writeTimeout)
	limit := timeLimit{timeout, "timeouts.delete"}
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if !r.canReplace(ctx, req.Private, limit, &resp.Diagnostics) || state.KeepOnDestroy.ValueBool() {
		return
	}
	repository, err := r.stored(&state)
	if err != nil {
		r.diagnoseStored(err, &state).addTo(&resp.Diagnostics)
		return
	}
	b := state.bulk(r.data, repository, limit)
	b.floor = r.data.builtUpon(ctx, req.Private, &resp.Diagnostics)
	b.destroy(ctx, state.held(repository, false), &resp.Diagnostics)
}

// repositoryApply is a creation or an update under way.
type repositoryApply struct {
	data  *providerData
	diags *diag.Diagnostics
	limit timeLimit
	plan  repositoryMetadataModel
	// state is nil in a creation.
	state *repositoryMetadataModel

	repository oci.Repository
}

func (a *repositoryApply) bulk() bulk { return a.plan.bulk(a.data, a.repository, a.limit) }

// entries returns what to store, and gives the plan its last unknown values. It asks the registry whether new images
// exist, and whether tags that are new or have moved still name the planned images. If it returns false, diags has an
// error.
func (a *repositoryApply) entries(ctx context.Context) ([]bulkEntry, bool) {
	repository, err := a.data.repository(a.plan.Repository)
	if err != nil {
		a.data.diagnoseRepository(err, "reading", a.plan.Repository.ValueString(), repository).addTo(a.diags)
		return nil, false
	}
	a.repository = repository
	declared, known := a.plan.declared(a.diags)
	switch {
	case a.diags.HasError():
		return nil, false
	case !known:
		a.diags.AddError("Content unknown", "The images are still unknown at apply. This is an error in Terraform or in the "+
			"provider; please report it.")
		return nil, false
	}
	if !a.resolve(ctx, declared) || !a.exist(ctx, declared) || !checkShared(declared, a.diags) {
		return nil, false
	}
	signs, ok := a.plan.resolve(a.data, !a.plan.ArtifactType.IsNull() && !a.plan.ArtifactType.IsUnknown(), a.diags)
	if !ok {
		return nil, false
	}
	if a.plan.ArtifactType.IsUnknown() {
		a.plan.ArtifactType = optionalString(artifactTypeOf(types.StringNull(), typeIn(a.plan.Type), signs))
	}
	entries := a.plan.entriesOf(repository, declared)
	if !checkBulkJSON(a.plan.JSONSchema, entries, a.diags) {
		return nil, false
	}
	a.plan.setID(repository)
	a.plan.setDeclared(declared, true)
	a.plan.Pinned = types.BoolValue(true)
	return entries, true
}

// prior returns the image that a key has in the state; empty if there is none.
func (a *repositoryApply) prior(key string) string {
	if a.state == nil {
		return ""
	}
	return a.state.ImageDigests.texts[key]
}

// resolve sets the images that tags name. If it returns false, diags has an error.
func (a *repositoryApply) resolve(ctx context.Context, declared []declaredImage) bool {
	var tags []string
	for i := range declared {
		d := &declared[i]
		switch planned := a.plan.ImageDigests.texts[d.key]; {
		case d.byDigest():
		case planned != "" && planned == a.prior(d.key):
			d.image = oci.Digest(planned)
		default:
			tags = append(tags, d.key)
		}
	}
	if len(tags) == 0 {
		return true
	}
	digests, err := a.data.store.ResolveTags(ctx, a.repository, tags)
	if err != nil {
		a.bulk().diagnose(ctx, err, "resolving the tags of").addTo(a.diags)
		return false
	}
	var missing, moved []string
	for i := range declared {
		d := &declared[i]
		if d.image != "" {
			continue
		}
		planned := a.plan.ImageDigests.texts[d.key]
		switch d.image = digests[d.key]; {
		case d.image == "":
			missing = append(missing, "tag "+d.key)
		case planned != "" && planned != d.image.String():
			moved = append(moved, fmt.Sprintf("%s was %s at plan and is %s now", d.key, planned, d.image))
		}
	}
	if len(moved) > 0 {
		a.diags.AddAttributeError(path.Root("images"), movedSincePlan, fmt.Sprintf(
			"Tags of repository %s name other images than at plan. Nothing was written.\n%s\n\nRun terraform plan again, or "+
				"name the images by their digests.",
			a.repository, bulleted(moved, func(line string) string { return line })))
	}
	return a.found(missing) && len(moved) == 0
}

// exist asks whether images that digests name exist, unless the state has metadata of them. If it returns false, diags
// has an error.
func (a *repositoryApply) exist(ctx context.Context, declared []declaredImage) bool {
	held := map[string]bool{}
	if a.state != nil {
		for _, image := range a.state.ImageDigests.texts {
			held[image] = true
		}
	}
	var images []oci.Digest
	for _, d := range declared {
		if d.byDigest() && !held[d.key] {
			images = append(images, d.image)
		}
	}
	if len(images) == 0 {
		return true
	}
	gone, err := a.data.store.Gone(ctx, a.repository, images)
	if err != nil {
		a.bulk().diagnose(ctx, err, "looking up the images of").addTo(a.diags)
		return false
	}
	var missing []string
	for _, image := range images {
		if gone[image] {
			missing = append(missing, "image "+image.String())
		}
	}
	return a.found(missing)
}

// found reports whether no image is missing. Otherwise it adds an error.
func (a *repositoryApply) found(missing []string) bool {
	if len(missing) == 0 {
		return true
	}
	a.diags.AddAttributeError(path.Root("images"), "Image not found", fmt.Sprintf(
		"Repository %s does not have images that the configuration names. Nothing was written.\n%s\n\nCheck the spelling, "+
			"that the images have been pushed, and that the credentials may read them: many registries give the same answer "+
			"for images that they hide.", a.repository, bulleted(missing, func(line string) string { return line })))
	return false
}

// sameAnnotations compares annotations. None are null or an empty map.
func sameAnnotations(x, y types.Map) bool {
	return x.Equal(y) || (len(x.Elements()) == 0 && len(y.Elements()) == 0)
}
