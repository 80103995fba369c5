package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ImportState implements resource.ResourceWithImportState, by REFERENCE#TYPE or by identity. It only
// says which entry is meant; the read that follows fills in the rest.
func (r *metadataResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	var image, typ string
	if req.ID != "" {
		var found bool
		if image, typ, found = strings.Cut(req.ID, "#"); !found || typ == "" {
			resp.Diagnostics.AddError("Invalid import id",
				fmt.Sprintf("%q is not IMAGE#TYPE, such as ghcr.io/org/app:1.2#contact.", req.ID))
			return
		}
	} else {
		var identity identityModel
		resp.Diagnostics.Append(req.Identity.Get(ctx, &identity)...)
		if resp.Diagnostics.HasError() {
			return
		}
		image = identity.Repository.ValueString() + "@" + identity.ImageDigest.ValueString()
		typ = identity.Type.ValueString()
	}
	if r.data == nil {
		addUnknownSettings(image, &resp.Diagnostics)
		return
	}
	ref, known, err := r.data.settings.parse(image)
	if err != nil {
		resp.Diagnostics.AddError("Malformed image reference", referenceHelp(image, err))
		return
	}
	if !known || r.data.settings.unknown(ref.Repository.Host()) {
		addUnknownSettings(image, &resp.Diagnostics)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	digest := ref.Digest
	if digest == "" {
		if digest, err = r.data.store.Resolve(ctx, ref, oci.Platform{}); err != nil {
			d := diagnose(err, "resolving", ref.Repository, describeImage(ref, oci.Platform{}))
			resp.Diagnostics.AddError(d.summary, d.detail)
			return
		}
	}
	key := manifesto.Key{Repository: ref.Repository, Image: digest, Type: typ}
	if _, err := r.data.store.Get(ctx, key); err != nil {
		d := diagnoseLookup(err, "importing", key)
		resp.Diagnostics.AddError(d.summary, d.detail)
		return
	}
	set := func(name string, value any) {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
	set("image", image)
	set("type", typ)
	set("overwrite", false)
	set("keep_on_destroy", false)
	set("repository", ref.Repository.String())
	set("image_digest", digest.String())
	resp.Diagnostics.Append(resp.Identity.Set(ctx, identityModel{
		Repository:  types.StringValue(ref.Repository.String()),
		ImageDigest: types.StringValue(digest.String()),
		Type:        types.StringValue(typ),
	})...)
}
