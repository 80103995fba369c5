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
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *metadataResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		forgetImage(ctx, resp.Private, &resp.Diagnostics)
		return // Destroying needs no look at the registry or at files.
	}
	p := planner{data: r.data, diags: &resp.Diagnostics}
	if req.Private != nil {
		p.private = req.Private
	}
	p.read(ctx, req)
	if resp.Diagnostics.HasError() {
		return
	}
	proposed := p.plan
	p.run(ctx)
	if resp.Diagnostics.HasError() {
		return
	}
	if !reflect.DeepEqual(p.plan, proposed) { // Setting the plan costs more than all of the above.
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &p.plan)...)
	}
	resp.RequiresReplace = append(resp.RequiresReplace, p.replace...)
	if req.Identity == nil || !req.Identity.Raw.IsFullyNull() {
		return // Terraform plans a replacement a second time, without the old identity.
	}
	if p.keyKnown() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, p.plan.identity())...)
	}
}

// planner works out one plan: it gives every computed attribute its planned value, or leaves it unknown.
type planner struct {
	data *providerData
	// private is nil in a plan of server, which has no private state.
	private privateState
	diags   *diag.Diagnostics

	config metadataModel
	// plan is what Terraform proposes and, after run, what the provider plans.
	plan metadataModel
	// state is nil for a resource to create.
	state *metadataModel
	// replace has the attributes whose change replaces the resource, apart from type.
	replace path.Paths
	// sourceIsGone means that the file of an existing resource has been removed.
	sourceIsGone bool
	// found means that the registry has just shown the image.
	found bool
}

// read decodes configuration, plan and state.
func (p *planner) read(ctx context.Context, req resource.ModifyPlanRequest) {
	p.plan.decode(ctx, req.Plan.Raw, p.diags)
	// The plan has every value of the configuration except those of write-only and computed attributes.
	var config metadataModel
	config.decode(ctx, req.Config.Raw, p.diags)
	p.config = p.plan
	p.config.MediaType, p.config.ContentWO = config.MediaType, config.ContentWO
	p.config.ArtifactType = config.ArtifactType
	if !req.State.Raw.IsNull() {
		p.state = &metadataModel{}
		p.state.decode(ctx, req.State.Raw, p.diags)
	}
}

// run plans the image first, because a replacement plans its content like a new resource. What the registry already has
// comes last, because it is compared with the content.
func (p *planner) run(ctx context.Context) {
	limit, more := readLimit(ctx, p.plan.Timeouts)
	p.diags.Append(more...)
	if p.diags.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	p.planSubject(ctx, limit)
	if !p.diags.HasError() {
		p.planContent(ctx)
	}
	if !p.diags.HasError() {
		p.planSignature()
	}
	if !p.diags.HasError() {
		p.planEntry(ctx, limit)
	}
	if !p.diags.HasError() && p.private != nil {
		// In front of the framework there is no private state, and no plan that replaces.
		rememberImage(ctx, p.private, p.plannedImage(), p.diags)
	}
}

// planSubject plans the image and what follows from it. Another image replaces the metadata.
func (p *planner) planSubject(ctx context.Context, limit timeLimit) {
	image := subjectPlanner{data: p.data, diags: p.diags, plan: &p.plan.subjectModel, onTagMove: p.plan.OnTagMove}
	if p.state != nil {
		image.state = &p.state.subjectModel
	}
	image.run(ctx, limit)
	p.found, p.replace = image.found, image.replace
	if p.keyKnown() {
		if key, err := p.plan.key(); err == nil {
			p.plan.setKey(key)
		}
	}
}

// keyKnown reports whether the plan says which entry of which image it is about.
func (p *planner) keyKnown() bool {
	return !p.plan.Repository.IsUnknown() && !p.plan.ImageDigest.IsUnknown() && !p.plan.Type.IsUnknown()
}

// planContent plans what follows from the content: digest, size, media_type and created. It always plans pinned as
// true, so that a lost pin shows as a change.
func (p *planner) planContent(ctx context.Context) {
	content, known := p.configuredContent()
	if known {
		p.config.checkJSON(content, p.diags)
	}
	if p.diags.HasError() {
		return
	}
	writeOnly := !p.config.ContentWO.IsNull()
	known = known && !writeOnly // The value of an ephemeral resource may differ at apply.
	switch {
	case p.sourceIsGone, writeOnly && p.keepsWriteOnly(ctx):
		p.plan.Digest, p.plan.Size = p.state.Digest, p.state.Size
	case known:
		p.plan.Digest = types.StringValue(oci.DigestOf(content).String())
		p.plan.Size = types.Int64Value(int64(len(content)))
	default:
		p.plan.Digest, p.plan.Size = types.StringUnknown(), types.Int64Unknown()
	}
	keepsEntry := p.state != nil && p.plan.Digest.Equal(p.state.Digest) && len(p.replace) == 0

	p.plan.Created = types.StringUnknown()
	if keepsEntry {
		p.plan.Created = p.state.Created
	}
	switch {
	case !p.config.MediaType.IsNull():
		p.plan.MediaType = p.config.MediaType
	case keepsEntry:
		// Even if another tool has removed it: the configuration does not ask for it.
		p.plan.MediaType = p.state.MediaType
	case known:
		p.plan.MediaType = types.StringValue(format.DetectMediaType(content))
	default:
		p.plan.MediaType = types.StringUnknown()
	}
	p.plan.Pinned = types.BoolValue(true)
}

// planSignature plans how the metadata is published and signed.
func (p *planner) planSignature() {
	signature := signaturePlanner{
		data: p.data, config: &p.config.signatureModel, plan: &p.plan.signatureModel, typ: p.plan.Type, now: time.Now(),
	}
	if p.state != nil {
		signature.state = &p.state.signatureModel
		signature.keepsEntry = !p.replaces() && p.plan.Digest.Equal(p.state.Digest) &&
			p.plan.MediaType.Equal(p.state.MediaType) && p.plan.Annotations.Equal(p.state.Annotations)
	}
	signature.run(p.diags)
}

// configuredContent returns the content if it is known. A removed file leaves an existing resource unchanged, with a
// warning: an error would make the resource impossible to destroy.
func (p *planner) configuredContent() ([]byte, bool) {
	if p.state != nil && !p.config.Source.IsNull() && p.config.Source.Equal(p.state.Source) && len(p.replace) == 0 {
		if _, err := os.Stat(p.config.Source.ValueString()); errors.Is(err, fs.ErrNotExist) {
			p.sourceIsGone = true
			p.diags.AddAttributeWarning(path.Root("source"), "File not found", fmt.Sprintf(
				"There is no file %q any more. The metadata in the registry stays unchanged.",
				p.config.Source.ValueString()))
			return nil, false
		}
	}
	return p.config.content(p.diags)
}

// keepsWriteOnly reports whether the registry has the write-only content that was applied last, and the configuration
// does not ask to store it again.
func (p *planner) keepsWriteOnly(ctx context.Context) bool {
	if p.state == nil || !p.plan.ContentWOVersion.Equal(p.state.ContentWOVersion) {
		return false
	}
	applied := appliedDigest(ctx, p.private, p.diags)
	return applied == "" || applied == p.state.Digest.ValueString()
}
