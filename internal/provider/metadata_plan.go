package provider

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"

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
		p.planEntry(ctx, limit)
	}
	if !p.diags.HasError() {
		p.rememberImage(ctx)
	}
}

// planSubject plans the image and what follows from it. Another image replaces the metadata.
func (p *planner) planSubject(ctx context.Context, limit timeLimit) {
	p.plan.Registry, p.plan.Repository = types.StringUnknown(), types.StringUnknown()
	p.plan.ImageDigest, p.plan.ID = types.StringUnknown(), types.StringUnknown()
	p.planImage(ctx, limit)
	if p.keyKnown() {
		if key, err := p.plan.key(); err == nil {
			p.plan.setKey(key)
		}
	}
	if p.state == nil {
		return
	}
	if !p.plan.Repository.Equal(p.state.Repository) {
		p.replace = append(p.replace, path.Root("repository"))
	}
	if !p.plan.ImageDigest.Equal(p.state.ImageDigest) {
		p.replace = append(p.replace, path.Root("image_digest"))
	}
}

// keyKnown reports whether the plan says which entry of which image it is about.
func (p *planner) keyKnown() bool {
	return !p.plan.Repository.IsUnknown() && !p.plan.ImageDigest.IsUnknown() && !p.plan.Type.IsUnknown()
}

// planImage plans registry, repository and image_digest as far as they are known.
func (p *planner) planImage(ctx context.Context, limit timeLimit) {
	image, err := p.data.subject(p.plan.Image, p.plan.Platform)
	if err != nil && !errors.Is(err, errUnknown) {
		image.diagnose(err).addTo(p.diags)
		return
	}
	if image.reference != (oci.Reference{}) {
		p.plan.setRepository(image.reference.Repository)
	}
	if err == nil {
		p.planDigest(ctx, image, limit)
		return
	}
	if p.imageUnchanged() {
		// Unknown settings are no reason to replace a resource whose image has not changed.
		p.plan.Registry, p.plan.Repository = p.state.Registry, p.state.Repository
		p.plan.ImageDigest = p.state.ImageDigest
	}
}

// planDigest resolves the image and plans image_digest. An unchanged reference by digest costs no request, and neither
// does a tag that the metadata does not follow.
func (p *planner) planDigest(ctx context.Context, image subject, limit timeLimit) {
	unchanged := p.imageUnchanged()
	if unchanged && p.plan.OnTagMove.ValueString() == tagMoveKeep {
		p.plan.ImageDigest, p.found = p.state.ImageDigest, true
		return
	}
	find := image.lookUp
	if unchanged {
		find = image.resolve
	}
	err := find(ctx)
	p.found = err == nil
	switch {
	case err == nil:
		p.plan.ImageDigest = types.StringValue(image.digest.String())
		if unchanged && p.plan.OnTagMove.ValueString() == tagMoveFail && !p.plan.ImageDigest.Equal(p.state.ImageDigest) {
			p.refuseMove(&image)
		}
	case unchanged && isGone(err):
		p.plan.ImageDigest = p.state.ImageDigest
		p.diags.AddAttributeWarning(path.Root("image"), "Image not found",
			fmt.Sprintf("%s The metadata stays with the image that it was attached to, %s.",
				sentence(err), p.state.ImageDigest.ValueString()))
	case errors.Is(err, oci.ErrNotFound):
		if image.reference.Digest != "" && image.platform == (oci.Platform{}) {
			p.plan.ImageDigest = types.StringValue(image.reference.Digest.String())
		}
		p.diags.AddAttributeWarning(path.Root("image"), "Image not found yet",
			fmt.Sprintf("There is no %s. If the same apply pushes it, take its digest from what pushes it, such as an "+
				"output with the digest; for a tag that is new, depends_on is enough. Otherwise creating the metadata will "+
				"fail.", &image))
	default:
		image.diagnose(err).within(ctx, limit).addTo(p.diags)
	}
}

// refuseMove explains that the tag has moved although the configuration does not allow that.
func (p *planner) refuseMove(image *subject) {
	p.diags.AddAttributeError(path.Root("image"), "Tag moved", fmt.Sprintf(
		"%s is another build than the one that the metadata is attached to, and on_tag_move = \"fail\".\n\n"+
			"  attached to: %s\n  tag names:   %s\n\nTo keep the metadata where it is, name the first digest in image, or set "+
			"on_tag_move = \"keep\". To move it to the current build, set on_tag_move = \"replace\". terraform destroy makes "+
			"this plan, too; with -refresh=false it does not.",
		upperFirst(image.String()), p.state.ImageDigest.ValueString(), image.digest))
}

// imageUnchanged reports whether an existing resource still names its image in the same way.
func (p *planner) imageUnchanged() bool {
	return p.state != nil && p.plan.Image.Equal(p.state.Image) && p.plan.Platform.Equal(p.state.Platform)
}

// isGone reports whether a reference, or its platform, no longer names an image. That must not make an existing
// resource impossible to destroy: Terraform plans an ordinary change before it plans the destruction.
func isGone(err error) bool {
	return errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrPlatformNotFound) || errors.Is(err, oci.ErrNoPlatforms)
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
