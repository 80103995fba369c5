package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
)

var (
	_ resource.ResourceWithConfigure      = (*imageMetadataResource)(nil)
	_ resource.ResourceWithIdentity       = (*imageMetadataResource)(nil)
	_ resource.ResourceWithImportState    = (*imageMetadataResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*imageMetadataResource)(nil)
	_ resource.ResourceWithValidateConfig = (*imageMetadataResource)(nil)
)

func newImageMetadataResource() resource.Resource { return &imageMetadataResource{} }

// imageMetadataResource manages all metadata of one image.
type imageMetadataResource struct {
	data *providerData
}

// Metadata implements resource.Resource.
func (r *imageMetadataResource) Metadata(
	_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_image_metadata"
}

// Configure implements resource.ResourceWithConfigure.
func (r *imageMetadataResource) Configure(
	_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse,
) {
	r.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *imageMetadataResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config imageMetadataModel
	config.decode(ctx, req.Config.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if declared, _ := config.declared(&resp.Diagnostics); !resp.Diagnostics.HasError() {
		config.checkJSON(declared, &resp.Diagnostics)
	}
}
