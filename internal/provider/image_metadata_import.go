package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ImportState implements resource.ResourceWithImportState, by the reference of an image or by identity. It sets which
// image is meant; the read that follows fills in the rest.
func (r *imageMetadataResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	reference := req.ID
	if reference == "" {
		var identity imageIdentityModel
		resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
		if resp.Diagnostics.HasError() {
			return
		}
		reference = identity.Repository.ValueString() + "@" + identity.ImageDigest.ValueString()
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	image, ok := r.data.find(ctx, types.StringValue(reference), types.StringNull(), &resp.Diagnostics)
	if !ok {
		return
	}
	var model imageMetadataModel
	model.setImage(image.reference.Repository, image.digest)
	found, err := findImage(ctx, image)
	if err != nil {
		limit := timeLimit{duration: readTimeout}
		model.bulk(image, limit).diagnose(ctx, err, "importing").addTo(&resp.Diagnostics)
		return
	}
	if len(found) == 0 {
		resp.Diagnostics.AddAttributeError(path.Root("image"), "No metadata to import", fmt.Sprintf(
			"Image %s has no metadata. Check the reference, or create the resource instead of importing it. Metadata of a "+
				"platform's image inside a multi-platform image is imported by the digest of that image.", model.ID.ValueString()))
		return
	}
	for name, value := range map[string]any{
		"image": reference, "overwrite": false, "keep_on_destroy": false,
		"repository": model.Repository, "image_digest": model.ImageDigest,
	} {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
}
