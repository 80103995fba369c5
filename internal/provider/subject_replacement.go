package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// A plain replacement deletes first and creates then. Before the creation, Terraform plans once more, and refuses the
// apply if that plan differs. By then the old metadata is gone. But Terraform gives the private state of the first plan
// to the deletion, so that the deletion can find out that the tag has moved, and stop.

// privateImage is the key in the planned private state of the image that a creation was planned for. The stored state
// never has it.
const privateImage = "planned_image"

// nothingDestroyed ends an error of a deletion that could not find out what the tag names.
const nothingDestroyed = "The metadata was to be replaced. Nothing was destroyed."

// plannedImage is what a plan found under a tag. Image and Platform are as configured.
type plannedImage struct {
	Image    string     `json:"image"`
	Platform *string    `json:"platform,omitempty"`
	Digest   oci.Digest `json:"digest"`
}

// newPlannedImage returns what a creation or a replacement found under the tag of its image, nil for a digest.
func (d *providerData) newPlannedImage(plan *subjectModel) *plannedImage {
	image, err := d.subject(plan.Image, plan.Platform)
	if err != nil || image.reference.Digest != "" {
		return nil
	}
	return &plannedImage{
		Image: image.text, Platform: plan.Platform.ValueStringPointer(), Digest: oci.Digest(plan.ImageDigest.ValueString()),
	}
}

// rememberImage records in the planned private state the image that a creation or a replacement was planned for. Nil
// removes the record.
func rememberImage(ctx context.Context, private privateState, image *plannedImage, diags *diag.Diagnostics) {
	if image == nil {
		forgetImage(ctx, private, diags)
		return
	}
	value, err := json.Marshal(image)
	if err != nil {
		diags.AddError("Private state", sentence(err))
		return
	}
	diags.Append(private.SetKey(ctx, privateImage, value)...)
}

// forgetImage removes the record of rememberImage.
func forgetImage(ctx context.Context, private privateState, diags *diag.Diagnostics) {
	value, more := private.GetKey(ctx, privateImage)
	diags.Append(more...)
	if value != nil {
		diags.Append(private.SetKey(ctx, privateImage, nil)...)
	}
}

// canReplace reports whether the tag still names the image that a replacement was planned for. It is true for a
// deletion that is no part of a replacement. If it returns false, diags says why. It forgets the planned image, because
// Terraform stores the private state of a deletion that fails.
func (d *providerData) canReplace(
	ctx context.Context, private privateState, limit timeLimit, diags *diag.Diagnostics,
) bool {
	value, more := private.GetKey(ctx, privateImage)
	diags.Append(more...)
	forgetImage(ctx, private, diags)
	var planned plannedImage
	if value == nil || json.Unmarshal(value, &planned) != nil {
		return true
	}
	image, err := d.subject(types.StringValue(planned.Image), types.StringPointerValue(planned.Platform))
	if err == nil {
		err = image.lookUpAgain(ctx)
	}
	switch {
	case errors.Is(err, errUnknown):
		return true
	case err != nil:
		failure := image.diagnose(err).within(ctx, limit)
		failure.detail = strings.TrimLeft(failure.detail+"\n\n"+nothingDestroyed, "\n")
		failure.addTo(diags)
		return false
	case image.digest != planned.Digest:
		diagnosis{"image", movedSincePlan, fmt.Sprintf(
			"%s was %s at plan and is %s now. The metadata was to be replaced; nothing was destroyed or written. Run "+
				"terraform plan again, or name the image by its digest.",
			image.reference, planned.Digest, image.digest)}.addTo(diags)
		return false
	}
	return true
}
