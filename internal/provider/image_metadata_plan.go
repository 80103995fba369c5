package provider

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *imageMetadataResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		forgetImage(ctx, resp.Private, &resp.Diagnostics)
		return // Destroying needs no look at the registry.
	}
	p := imagePlanner{data: r.data, private: req.Private, diags: &resp.Diagnostics}
	p.plan.decode(ctx, req.Plan.Raw, p.diags)
	if !req.State.Raw.IsNull() {
		p.state = &imageMetadataModel{}
		p.state.decode(ctx, req.State.Raw, p.diags)
	}
	limit, more := readLimit(ctx, p.plan.Timeouts)
	resp.Diagnostics.Append(more...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	proposed := p.plan
	if p.run(ctx, limit); resp.Diagnostics.HasError() {
		return
	}
	if !reflect.DeepEqual(p.plan, proposed) {
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &p.plan)...)
	}
	resp.RequiresReplace = append(resp.RequiresReplace, p.image.replace...)
	if req.Identity != nil && req.Identity.Raw.IsFullyNull() && !p.plan.ID.IsUnknown() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, p.plan.identity())...)
	}
}

// imagePlanner works out one plan.
type imagePlanner struct {
	data    *providerData
	private privateState
	diags   *diag.Diagnostics
	// plan is what Terraform proposes and, after run, what the provider plans.
	plan imageMetadataModel
	// state is nil for a resource to create.
	state *imageMetadataModel
	image subjectPlanner
}

// run plans the image first. What the image already has comes last, because it is compared with the contents.
func (p *imagePlanner) run(ctx context.Context, limit timeLimit) {
	p.planImage(ctx, limit)
	if p.diags.HasError() {
		return
	}
	declared, known := p.plan.declared(p.diags)
	if p.diags.HasError() || !p.plan.checkJSON(declared, p.diags) {
		return
	}
	p.plan.setDigests(declared, known)
	p.plan.Pinned = types.BoolValue(true) // So that a lost pin shows as a change.
	if !p.planSignatures(declared, known) {
		return
	}
	if known && p.creates() && p.image.found {
		p.planMeeting(ctx, declared, limit)
	}
	if p.diags.HasError() {
		return
	}
	var planned *plannedImage
	if p.creates() && p.image.found {
		planned = p.data.newPlannedImage(&p.plan.subjectModel)
	}
	rememberImage(ctx, p.private, planned, p.diags)
}

// planSignatures plans how the metadata is published and signed. If it returns false, diags has an error.
func (p *imagePlanner) planSignatures(declared []declaredPiece, known bool) bool {
	if !p.data.checkSign(p.plan.Sign, p.diags) {
		return false
	}
	signatures := bulkSignaturePlanner{
		data: p.data, plan: &p.plan.bulkSignatureModel, publishes: publishes(declared), now: time.Now(),
	}
	if p.state != nil && !p.replaces() {
		signatures.state, signatures.keepsAll = &p.state.bulkSignatureModel, known && p.keepsAll(declared)
	}
	signatures.run()
	return true
}

// keepsAll reports whether the state has all that is planned, so that nothing is stored.
func (p *imagePlanner) keepsAll(declared []declaredPiece) bool {
	pieces, digests := p.state.pieces(), p.state.digests()
	return !slices.ContainsFunc(declared, func(d declaredPiece) bool {
		before, ok := pieces[d.key]
		return !ok || d.digest == "" || digests[d.key] != d.digest || !d.mediaType.Equal(before.mediaType) ||
			!d.artifactType.Equal(before.artifactType) || !sameAnnotations(d.annotations, before.annotations)
	})
}

// planImage plans the image and what follows from it.
func (p *imagePlanner) planImage(ctx context.Context, limit timeLimit) {
	p.image = subjectPlanner{data: p.data, diags: p.diags, plan: &p.plan.subjectModel, onTagMove: p.plan.OnTagMove}
	if p.state != nil {
		p.image.state = &p.state.subjectModel
	}
	p.image.run(ctx, limit)
	if repository, digest, err := p.plan.imageStored(); err == nil {
		p.plan.setImage(repository, digest)
	}
}

// replaces reports whether the plan replaces an existing resource.
func (p *imagePlanner) replaces() bool { return p.state != nil && len(p.image.replace) > 0 }

// creates reports whether the plan creates the resource, also in a replacement.
func (p *imagePlanner) creates() bool { return p.state == nil || p.replaces() }

// planMeeting compares what a creation or a replacement is about to store with what the image already has. An update
// needs no look: the refresh has just read its entries.
func (p *imagePlanner) planMeeting(ctx context.Context, declared []declaredPiece, limit timeLimit) {
	image, err := p.data.stored(&p.plan.subjectModel)
	if err != nil {
		return // Create reports it.
	}
	b := p.plan.bulk(image, limit)
	found, err := findImage(ctx, image)
	if err == nil {
		err = p.data.checkBase(ctx, image.reference.Repository, image.digest, p.diags)
	}
	if err != nil {
		b.diagnose(ctx, err, "looking up").addTo(p.diags)
		return
	}
	meetBulk(p.plan.entriesOf(image, declared), found).plan(
		b, p.replaces(), p.plan.Overwrite.ValueBool(), p.plan.KeepOnDestroy.ValueBool(), p.diags,
	)
}

// findImage returns the entries that an image has.
func findImage(ctx context.Context, image subject) ([]bulkFound, error) {
	entries, err := image.data.store.List(ctx, image.reference.Repository, image.digest)
	if err != nil {
		return nil, err
	}
	found := make([]bulkFound, len(entries))
	for i, entry := range entries {
		found[i] = bulkFound{image.key(entry.Type), entry}
	}
	return found, nil
}
