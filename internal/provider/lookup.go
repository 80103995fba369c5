package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// lookupImage resolves the image of a data source. False means that diags say why not.
func (d *providerData) lookupImage(ctx context.Context, image, platform types.String, diags *diag.Diagnostics) (registry.Repository, registry.Digest, bool) {
	if d == nil {
		addUnknownSettings(image.ValueString(), diags)
		return registry.Repository{}, "", false
	}
	ref, known, err := d.settings.parse(image.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("image"), "Malformed image reference", referenceHelp(image.ValueString(), err))
		return registry.Repository{}, "", false
	}
	if !known || d.settings.unknown(ref.Repository.Host()) {
		addUnknownSettings(image.ValueString(), diags)
		return registry.Repository{}, "", false
	}
	wanted := parsePlatform(platform)
	if ref.Digest != "" && platform.IsNull() {
		return ref.Repository, ref.Digest, true
	}
	digest, err := d.store.Resolve(ctx, ref, wanted)
	if err != nil {
		problem := diagnose(err, "resolving", ref.Repository, describeImage(ref, wanted))
		diags.AddAttributeError(path.Root(problem.attribute), problem.summary, problem.detail)
		return registry.Repository{}, "", false
	}
	return ref.Repository, digest, true
}
