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
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// lookupTimeout bounds what a plan asks a registry.
const lookupTimeout = 2 * time.Minute

// ModifyPlan implements resource.ResourceWithModifyPlan: it gives every computed attribute its planned
// value by the rules of section 6 of the design.
func (r *metadataResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return // Destroying needs no look at the registry or at files.
	}
	p := planner{resource: r, diags: &resp.Diagnostics}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &p.plan)...)
	p.configure(ctx, req.Config, &resp.Diagnostics)
	proposed := p.plan
	if !req.State.Raw.IsNull() {
		p.state = &metadataModel{}
		resp.Diagnostics.Append(req.State.Get(ctx, p.state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	p.planSubject(ctx)
	if resp.Diagnostics.HasError() {
		return
	}
	p.planContent(ctx, req.Private)
	if resp.Diagnostics.HasError() {
		return
	}
	if !reflect.DeepEqual(p.plan, proposed) { // Setting it costs more than all of the above.
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &p.plan)...)
	}
	resp.RequiresReplace = append(resp.RequiresReplace, p.replace...)
	if req.Identity == nil || !req.Identity.Raw.IsFullyNull() {
		return // An identity is not planned to change: a replacement is planned again, without it.
	}
	if !p.plan.Repository.IsUnknown() && !p.plan.ImageDigest.IsUnknown() && !p.plan.Type.IsUnknown() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, p.plan.identity())...)
	}
}

// planner works out one plan.
type planner struct {
	resource *metadataResource
	config   metadataModel
	plan     metadataModel
	// state is nil for a resource to create.
	state   *metadataModel
	replace path.Paths
	// sourceIsGone says that an existing resource's file is not there any more.
	sourceIsGone bool
	diags        *diag.Diagnostics
}

// configure reads the configuration, of which the plan has all but what is computed as well, or write-only.
func (p *planner) configure(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) {
	p.config = p.plan
	diags.Append(config.GetAttribute(ctx, path.Root("media_type"), &p.config.MediaType)...)
	diags.Append(config.GetAttribute(ctx, path.Root("content_wo"), &p.config.ContentWO)...)
}

// planSubject plans which image the metadata is about, and that another one replaces the metadata.
func (p *planner) planSubject(ctx context.Context) {
	p.plan.Registry, p.plan.Repository = types.StringUnknown(), types.StringUnknown()
	p.plan.ImageDigest, p.plan.ID = types.StringUnknown(), types.StringUnknown()
	p.resolve(ctx)
	if !p.plan.Repository.IsUnknown() && !p.plan.ImageDigest.IsUnknown() && !p.plan.Type.IsUnknown() {
		if key, err := p.plan.key(); err == nil {
			p.plan.setSubject(key)
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

// resolve plans repository and image_digest as far as they are known.
func (p *planner) resolve(ctx context.Context) {
	if p.plan.Image.IsUnknown() {
		return
	}
	data := p.resource.data
	if data == nil {
		return
	}
	ref, known, err := data.settings.parse(p.plan.Image.ValueString())
	if err != nil {
		p.diags.AddAttributeError(path.Root("image"), "Malformed image reference", referenceHelp(p.plan.Image.ValueString(), err))
		return
	}
	unchanged := p.state != nil && p.plan.Image.Equal(p.state.Image) && p.plan.Platform.Equal(p.state.Platform)
	if !known || p.plan.Platform.IsUnknown() || data.settings.unknown(ref.Repository.Host()) {
		if known {
			p.setRepository(ref.Repository)
		}
		if unchanged {
			// Settings that are not known yet are no reason to replace what has not changed.
			p.plan.Registry, p.plan.Repository, p.plan.ImageDigest = p.state.Registry, p.state.Repository, p.state.ImageDigest
		}
		return
	}
	p.setRepository(ref.Repository)
	if ref.Digest != "" && p.plan.Platform.IsNull() {
		p.plan.ImageDigest = types.StringValue(ref.Digest.String())
		return
	}
	platform := parsePlatform(p.plan.Platform)
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	digest, err := data.store.Resolve(ctx, ref, platform)
	switch {
	case err == nil:
		p.plan.ImageDigest = types.StringValue(digest.String())
	case unchanged && isGone(err):
		p.plan.ImageDigest = p.state.ImageDigest
		p.diags.AddAttributeWarning(path.Root("image"), "Image not found",
			fmt.Sprintf("%s The metadata stays with the image that it was attached to, %s.",
				sentence(err), p.state.ImageDigest.ValueString()))
	case !errors.Is(err, oci.ErrNotFound):
		d := diagnose(err, "resolving", ref.Repository, describeImage(ref, platform))
		p.diags.AddAttributeError(path.Root(d.attribute), d.summary, d.detail)
	default:
		p.diags.AddAttributeWarning(path.Root("image"), "Image not found yet",
			fmt.Sprintf("There is no %s. If it is pushed in the same apply, make this resource depend on what pushes it; "+
				"otherwise creating the metadata will fail.", describeImage(ref, platform)))
	}
}

// isGone reports whether a reference, or its platform, names nothing any more. That must not keep an
// existing resource from being destroyed: Terraform plans it once in the ordinary way first.
func isGone(err error) bool {
	return errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrPlatformNotFound) || errors.Is(err, oci.ErrNoPlatforms)
}

func (p *planner) setRepository(repository oci.Repository) {
	p.plan.Registry = types.StringValue(repository.Host())
	p.plan.Repository = types.StringValue(repository.String())
}

// planContent plans what follows from the content: digest, size, media_type and created. pinned is
// always planned true, so that a lost pin shows as a change.
func (p *planner) planContent(ctx context.Context, private privateState) {
	content, known := p.configuredContent()
	if p.diags.HasError() {
		return
	}
	writeOnly := !p.config.ContentWO.IsNull()
	known = known && !writeOnly // An ephemeral value may be another at apply.
	switch {
	case p.sourceIsGone, writeOnly && p.keepsWriteOnly(ctx, private):
		p.plan.Digest, p.plan.Size = p.state.Digest, p.state.Size
	case known:
		p.plan.Digest = types.StringValue(oci.DigestOf(content).String())
		p.plan.Size = types.Int64Value(int64(len(content)))
	default:
		p.plan.Digest, p.plan.Size = types.StringUnknown(), types.Int64Unknown()
	}
	sameContent := p.state != nil && p.plan.Digest.Equal(p.state.Digest)

	p.plan.Created = types.StringUnknown()
	if sameContent && len(p.replace) == 0 {
		p.plan.Created = p.state.Created
	}
	switch {
	case !p.config.MediaType.IsNull():
		p.plan.MediaType = p.config.MediaType
	case sameContent && len(p.replace) == 0:
		p.plan.MediaType = p.state.MediaType // Even where a foreign writer stripped it: it was not asked for.
	case known:
		p.plan.MediaType = types.StringValue(manifesto.DetectMediaType(content))
	default:
		p.plan.MediaType = types.StringUnknown()
	}
	p.plan.Pinned = types.BoolValue(true)
}

// configuredContent returns the content as far as it is known. A file that is not there any more leaves
// an existing resource as it is, with a warning: it must not keep it from being destroyed.
func (p *planner) configuredContent() ([]byte, bool) {
	if p.state != nil && !p.config.Source.IsNull() && p.config.Source.Equal(p.state.Source) && len(p.replace) == 0 {
		if _, err := os.Stat(p.config.Source.ValueString()); errors.Is(err, fs.ErrNotExist) {
			p.sourceIsGone = true
			p.diags.AddAttributeWarning(path.Root("source"), "File not found",
				fmt.Sprintf("There is no file %q any more. The metadata in the registry stays as it is.", p.config.Source.ValueString()))
			return nil, false
		}
	}
	return p.config.content(p.diags)
}

// keepsWriteOnly reports whether the write-only content in the registry is the one that was applied
// last and is not asked to be stored anew.
func (p *planner) keepsWriteOnly(ctx context.Context, private privateState) bool {
	if p.state == nil || !p.plan.ContentWOVersion.Equal(p.state.ContentWOVersion) {
		return false
	}
	applied := appliedDigest(ctx, private, p.diags)
	return applied == "" || applied == p.state.Digest.ValueString()
}

// parsePlatform reads a value that the schema has validated; null is no platform.
func parsePlatform(value types.String) oci.Platform {
	platform, err := oci.ParsePlatform(value.ValueString())
	if err != nil {
		return oci.Platform{}
	}
	return platform
}
