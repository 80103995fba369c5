package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// withSubject adds to the attributes of a data source those that say which image it looks at.
func withSubject(attributes map[string]schema.Attribute) map[string]schema.Attribute {
	maps.Copy(attributes, map[string]schema.Attribute{
		"image": schema.StringAttribute{
			MarkdownDescription: imageDescription,
			Required:            true,
			Validators:          []validator.String{isReference()},
		},
		"platform": schema.StringAttribute{
			MarkdownDescription: platformDescription,
			Optional:            true,
			Validators:          []validator.String{isPlatform()},
		},
		"registry": schema.StringAttribute{
			MarkdownDescription: "Host of the registry; `oci-layout` for a layout on disk.",
			Computed:            true,
		},
		"repository": schema.StringAttribute{
			MarkdownDescription: "Repository of the image with its registry's host, or `oci-layout:DIRECTORY`.",
			Computed:            true,
		},
		"image_digest": schema.StringAttribute{
			MarkdownDescription: "Digest of the image that the metadata is about.",
			Computed:            true,
		},
	})
	return attributes
}

// lookupImage resolves the image of a data source. False means that diags say why not.
func (d *providerData) lookupImage(ctx context.Context, image, platform types.String, diags *diag.Diagnostics) (oci.Repository, oci.Digest, bool) {
	if d == nil {
		addUnknownSettings(image.ValueString(), diags)
		return oci.Repository{}, "", false
	}
	ref, known, err := d.settings.parse(image.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("image"), "Malformed image reference", referenceHelp(image.ValueString(), err))
		return oci.Repository{}, "", false
	}
	if !known || d.settings.unknown(ref.Repository.Host()) {
		addUnknownSettings(image.ValueString(), diags)
		return oci.Repository{}, "", false
	}
	wanted := parsePlatform(platform)
	if ref.Digest != "" && platform.IsNull() {
		return ref.Repository, ref.Digest, true
	}
	digest, err := d.store.Resolve(ctx, ref, wanted)
	if err != nil {
		problem := diagnose(err, "resolving", ref.Repository, describeImage(ref, wanted))
		diags.AddAttributeError(path.Root(problem.attribute), problem.summary, problem.detail)
		return oci.Repository{}, "", false
	}
	return ref.Repository, digest, true
}
