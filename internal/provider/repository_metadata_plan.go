package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ModifyPlan implements resource.ResourceWithModifyPlan.
func (r *repositoryMetadataResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		forgetImage(ctx, resp.Private, &resp.Diagnostics)
		return // Destroying needs no look at the registry.
	}
	p := repositoryPlanner{data: r.data, diags: &resp.Diagnostics}
	p.plan.decode(ctx, req.Plan.Raw, p.diags)
	p.readConfig(ctx, req.Config.Raw)
	if !req.State.Raw.IsNull() {
		p.state = &repositoryMetadataModel{}
		p.state.decode(ctx, req.State.Raw, p.diags)
	}
	limit, more := readLimit(ctx, p.plan.Timeouts)
	resp.Diagnostics.Append(more...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	p.limit = limit
	p.run(ctx)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Plan.Raw = p.plan.encode(ctx, req.Plan.Raw, p.diags)
	if resp.Private != nil { // It is nil in a plan of opaqueServer, which leaves replacements to the framework.
		p.rememberTags(ctx, resp.Private)
	}
	if p.state != nil && p.replaces {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root("id"), path.Root("repository"), path.Root("type"))
	}
	if req.Identity != nil && req.Identity.Raw.IsFullyNull() && p.repository.String() != "" && !p.plan.ID.IsUnknown() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, p.plan.identity(p.repository))...)
	}
}

// repositoryPlanner works out one plan.
type repositoryPlanner struct {
	data  *providerData
	diags *diag.Diagnostics
	limit timeLimit
	// plan is what Terraform proposes and, after run, what the provider plans.
	plan repositoryMetadataModel
	// artifactType is the configured one.
	artifactType types.String
	// state is nil for a resource to create.
	state *repositoryMetadataModel

	// repository is the zero value if it is not known yet.
	repository oci.Repository
	// offline says that the registry cannot be asked yet.
	offline bool
	// replaces says that an existing resource is replaced.
	replaces bool
	declared []declaredImage
}

// readConfig decodes what the plan does not have unchanged: it may have the value of the state instead.
func (p *repositoryPlanner) readConfig(ctx context.Context, raw tftypes.Value) {
	d := objectDecoder{ctx: ctx}
	d.err = raw.As(&d.values)
	p.artifactType = d.text("artifact_type")
	d.report(p.diags)
}

func (p *repositoryPlanner) run(ctx context.Context) {
	p.planRepository()
	if p.diags.HasError() {
		return
	}
	declared, known := p.plan.declared(p.diags)
	if p.declared = declared; p.diags.HasError() {
		return
	}
	p.planImages(ctx)
	if p.diags.HasError() {
		return
	}
	p.plan.setDeclared(p.declared, known)
	p.plan.Differing = textMap{null: true}
	p.plan.Pinned = types.BoolValue(true)
	if !checkShared(p.declared, p.diags) || !p.planSignatures(known) {
		return
	}
	entries := p.plan.entriesOf(p.repository, p.declared)
	if checkBulkJSON(p.plan.JSONSchema, entries, p.diags) && known {
		p.planMeeting(ctx, entries)
	}
}

// planSignatures plans how the metadata is published and signed. If it returns false, diags has an error.
func (p *repositoryPlanner) planSignatures(known bool) bool {
	if !p.data.checkSign(p.plan.Sign, p.diags) {
		return false
	}
	signs, signsKnown := p.data.signs(p.plan.Sign)
	switch p.plan.ArtifactType = p.artifactType; {
	case !p.artifactType.IsNull():
	case !signsKnown || signs && p.plan.Type.IsUnknown():
		p.plan.ArtifactType = types.StringUnknown()
	default:
		p.plan.ArtifactType = optionalString(artifactTypeOf(p.artifactType, typeIn(p.plan.Type), signs))
	}
	signatures := bulkSignaturePlanner{
		data: p.data, plan: &p.plan.bulkSignatureModel, publishes: !p.artifactType.IsNull(), now: time.Now(),
	}
	if p.state != nil && !p.replaces {
		signatures.state, signatures.keepsAll = &p.state.bulkSignatureModel, known && p.keepsAll()
	}
	signatures.run()
	return true
}

// keepsAll reports whether the state has all that is planned, so that nothing is stored.
func (p *repositoryPlanner) keepsAll() bool {
	return p.plan.MediaType.Equal(p.state.MediaType) && sameAnnotations(p.plan.Annotations, p.state.Annotations) &&
		p.plan.ArtifactType.Equal(p.state.ArtifactType) && p.state.Differing.null &&
		!slices.ContainsFunc(p.declared, func(d declaredImage) bool {
			return d.image == "" || d.digest == "" || p.state.ImageDigests.texts[d.key] != d.image.String() ||
				p.state.Digests.texts[d.key] != d.digest.String()
		})
}

// planRepository plans id, and whether the resource is replaced.
func (p *repositoryPlanner) planRepository() {
	repository, err := p.data.repository(p.plan.Repository)
	switch p.offline = errors.Is(err, errUnknown); {
	case p.offline && p.state != nil && p.plan.Repository.Equal(p.state.Repository):
		// Unknown settings are no reason to replace a resource whose repository has not changed.
		repository, err = p.state.stored()
	case p.offline:
		err = nil
	}
	if err != nil {
		p.data.diagnoseRepository(err, "reading", p.plan.Repository.ValueString(), repository).addTo(p.diags)
		return
	}
	p.plan.ID = types.StringUnknown()
	if p.repository = repository; repository.String() != "" {
		p.plan.setID(repository)
	}
	p.replaces = p.state != nil && !p.plan.ID.Equal(p.state.ID)
}

// prior returns the image that a key has in the state; empty if the plan does not keep the resource, or the key is new.
func (p *repositoryPlanner) prior(key string) oci.Digest {
	if p.state == nil || p.replaces {
		return ""
	}
	return oci.Digest(p.state.ImageDigests.texts[key])
}

// planImages finds the images that tags name. A digest costs no request, and neither does a tag that the metadata does
// not follow.
func (p *repositoryPlanner) planImages(ctx context.Context) {
	var tags []string
	for i := range p.declared {
		d := &p.declared[i]
		prior := p.prior(d.key)
		switch {
		case d.byDigest():
		case p.offline, prior != "" && p.plan.OnTagMove.ValueString() == tagMoveKeep:
			d.image = prior
		case p.repository.String() != "":
			tags = append(tags, d.key)
		}
	}
	if len(tags) == 0 {
		return
	}
	digests, err := p.data.store.ResolveTags(ctx, p.repository, tags)
	if err != nil {
		p.bulk().diagnose(ctx, err, "resolving the tags of").addTo(p.diags)
		return
	}
	p.follow(tags, digests)
}

// follow gives the elements the images that their tags name.
func (p *repositoryPlanner) follow(tags []string, digests map[string]oci.Digest) {
	asked := make(map[string]bool, len(tags))
	for _, tag := range tags {
		asked[tag] = true
	}
	var gone, missing, moved []string
	for i := range p.declared {
		d := &p.declared[i]
		if !asked[d.key] {
			continue
		}
		prior := p.prior(d.key)
		switch d.image = digests[d.key]; {
		case d.image == "" && prior != "":
			d.image = prior
			gone = append(gone, fmt.Sprintf("%s, attached to %s", d.key, prior))
		case d.image == "":
			missing = append(missing, d.key)
		case prior != "" && d.image != prior && p.plan.OnTagMove.ValueString() == tagMoveFail:
			moved = append(moved, fmt.Sprintf("%s: attached to %s, and the tag names %s", d.key, prior, d.image))
		}
	}
	p.tellMoves(gone, missing, moved)
}

// tellMoves tells what tags do not name the images that they named, or any.
func (p *repositoryPlanner) tellMoves(gone, missing, moved []string) {
	where, same := path.Root("images"), func(line string) string { return line }
	if len(gone) > 0 {
		p.diags.AddAttributeWarning(where, "Image not found", fmt.Sprintf(
			"Repository %s no longer has some of the tags. The metadata stays with the images that it was attached to.\n%s",
			p.repository, bulleted(gone, same)))
	}
	if len(missing) > 0 {
		p.diags.AddAttributeWarning(where, "Image not found yet", fmt.Sprintf(
			"Repository %s does not have some of the tags. If the same apply pushes them, depends_on is enough. Otherwise the "+
				"apply will fail.\n%s", p.repository, bulleted(missing, same)))
	}
	if len(moved) > 0 {
		p.diags.AddAttributeError(where, "Tag moved", fmt.Sprintf(
			"Tags of repository %s name other builds than those that the metadata is attached to, and on_tag_move = \"fail\"."+
				"\n%s\n\nTo keep the metadata where it is, name the attached digests in place of the tags, or set on_tag_move = "+
				"\"keep\". To move it to the current builds, set on_tag_move = \"replace\". terraform destroy makes this plan, "+
				"too; with -refresh=false it does not.", p.repository, bulleted(moved, same)))
	}
}

// planMeeting compares what a creation or a replacement is about to store with what the repository already has. An
// update needs no look: the refresh has just read its entries.
func (p *repositoryPlanner) planMeeting(ctx context.Context, entries []bulkEntry) {
	if p.offline || p.plan.ID.IsUnknown() || (p.state != nil && !p.replaces) {
		return
	}
	b := p.bulk()
	found, err := findBulk(ctx, b, typeIn(p.plan.Type))
	if err == nil {
		err = p.data.checkBase(ctx, p.repository, "", p.diags)
	}
	if err != nil {
		b.diagnose(ctx, err, "looking up").addTo(p.diags)
		return
	}
	meetBulk(entries, found).plan(
		b, p.replaces, p.plan.Overwrite.ValueBool(), p.plan.KeepOnDestroy.ValueBool(), p.diags,
	)
}

// findBulk returns the entries of a type that a repository has.
func findBulk(ctx context.Context, b bulk, typ string) ([]bulkFound, error) {
	images, err := b.data.store.Images(ctx, b.repository)
	if err != nil {
		return nil, err
	}
	var found []bulkFound
	for _, image := range images {
		for _, entry := range image.Entries {
			if entry.Type == typ {
				key := manifesto.Key{Repository: b.repository, Image: image.Digest, Type: typ}
				found = append(found, bulkFound{key, entry})
			}
		}
	}
	return found, nil
}

func (p *repositoryPlanner) bulk() bulk { return p.plan.bulk(p.data, p.repository, p.limit) }
