package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// subjectPlanner plans the image of a resource, and whether another image replaces it.
type subjectPlanner struct {
	data  *providerData
	diags *diag.Diagnostics
	// plan is what Terraform proposes and, after run, what the provider plans.
	plan *subjectModel
	// state is nil for a resource to create.
	state *subjectModel
	// onTagMove is the attribute of this name.
	onTagMove types.String

	// found means that the registry has just shown the image.
	found bool
	// replace has the attributes whose change replaces the resource.
	replace path.Paths
}

// run plans the image and what follows from it apart from the id, which it leaves unknown. Another image replaces the
// resource.
func (p *subjectPlanner) run(ctx context.Context, limit timeLimit) {
	p.plan.Registry, p.plan.Repository = types.StringUnknown(), types.StringUnknown()
	p.plan.ImageDigest, p.plan.ID = types.StringUnknown(), types.StringUnknown()
	p.planImage(ctx, limit)
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

// planImage plans registry, repository and image_digest as far as they are known.
func (p *subjectPlanner) planImage(ctx context.Context, limit timeLimit) {
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
func (p *subjectPlanner) planDigest(ctx context.Context, image subject, limit timeLimit) {
	unchanged := p.imageUnchanged()
	if unchanged && p.onTagMove.ValueString() == tagMoveKeep {
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
		if unchanged && p.onTagMove.ValueString() == tagMoveFail && !p.plan.ImageDigest.Equal(p.state.ImageDigest) {
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
func (p *subjectPlanner) refuseMove(image *subject) {
	p.diags.AddAttributeError(path.Root("image"), "Tag moved", fmt.Sprintf(
		"%s is another build than the one that the metadata is attached to, and on_tag_move = \"fail\".\n\n"+
			"  attached to: %s\n  tag names:   %s\n\nTo keep the metadata where it is, name the first digest in image, or set "+
			"on_tag_move = \"keep\". To move it to the current build, set on_tag_move = \"replace\". terraform destroy makes "+
			"this plan, too; with -refresh=false it does not.",
		upperFirst(image.String()), p.state.ImageDigest.ValueString(), image.digest))
}

// imageUnchanged reports whether an existing resource still names its image in the same way.
func (p *subjectPlanner) imageUnchanged() bool {
	return p.state != nil && p.plan.Image.Equal(p.state.Image) && p.plan.Platform.Equal(p.state.Platform)
}

// isGone reports whether a reference, or its platform, no longer names an image. That must not make an existing
// resource impossible to destroy: Terraform plans an ordinary change before it plans the destruction.
func isGone(err error) bool {
	return errors.Is(err, oci.ErrNotFound) || errors.Is(err, oci.ErrPlatformNotFound) || errors.Is(err, oci.ErrNoPlatforms)
}

// planned returns the image that a plan is for. It asks the registry whether the image exists and is still the planned
// one. If it returns false, diags has an error.
func (d *providerData) planned(
	ctx context.Context, plan *subjectModel, limit timeLimit, diags *diag.Diagnostics,
) (subject, bool) {
	image, err := d.subject(plan.Image, plan.Platform)
	if err == nil {
		err = image.lookUp(ctx)
	}
	if err != nil {
		image.diagnose(err).within(ctx, limit).addTo(diags)
		return image, false
	}
	if digest := plan.ImageDigest; !digest.IsUnknown() && digest.ValueString() != image.digest.String() {
		diagnosis{"image", movedSincePlan, fmt.Sprintf(
			"%s was %s at plan and is %s now. Nothing was written. Run terraform plan again, or name the image by its "+
				"digest.", image.reference, digest.ValueString(), image.digest)}.addTo(diags)
		return image, false
	}
	return image, true
}
