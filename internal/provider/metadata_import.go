package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// ImportState implements resource.ResourceWithImportState, by IMAGE#TYPE or by identity. It sets which entry is meant;
// the read that follows fills in the rest.
func (r *metadataResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	reference, typ, ok := imported(ctx, req, &resp.Diagnostics)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	image, ok := r.data.find(ctx, types.StringValue(reference), types.StringNull(), &resp.Diagnostics)
	if !ok {
		return
	}
	key := image.key(typ)
	if _, err := r.data.store.Get(ctx, key); err != nil {
		image.diagnoseLookup(ctx, err, "importing", typ).addTo(&resp.Diagnostics)
		return
	}
	adoptState(ctx, &resp.State, reference, key, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, keyIdentity(key))...)
}

// adoptState sets in a state, which is null before, which entry is meant. reference is how the state names the image.
func adoptState(
	ctx context.Context, state *tfsdk.State, reference string, key manifesto.Key, diags *diag.Diagnostics,
) {
	for name, value := range map[string]any{
		"image": reference, "type": keyOfType(key.Type), "overwrite": false, "keep_on_destroy": false,
		"repository": key.Repository.String(), "image_digest": key.Image.String(),
	} {
		diags.Append(state.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// imported returns which image and which type an import names.
func imported(
	ctx context.Context, req resource.ImportStateRequest, diags *diag.Diagnostics,
) (reference, typ string, ok bool) {
	if req.ID == "" {
		var identity identityModel
		diags.Append(req.Identity.Get(ctx, &identity)...)
		reference = identity.Repository.ValueString() + "@" + identity.ImageDigest.ValueString()
		return reference, typeIn(identity.Type), !diags.HasError()
	}
	reference, typ, ok = strings.Cut(req.ID, "#")
	if !ok || typ == "" {
		diags.AddError("Invalid import id",
			fmt.Sprintf("%q is not IMAGE#TYPE, such as ghcr.io/org/app:1.2#contact.", req.ID))
		return "", "", false
	}
	return reference, typeOfKey(typ), true
}
