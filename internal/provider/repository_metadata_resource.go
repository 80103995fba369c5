package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
)

var (
	_ resource.ResourceWithConfigure   = (*repositoryMetadataResource)(nil)
	_ resource.ResourceWithIdentity    = (*repositoryMetadataResource)(nil)
	_ resource.ResourceWithImportState = (*repositoryMetadataResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*repositoryMetadataResource)(nil)

	_ resource.ResourceWithValidateConfig = (*repositoryMetadataResource)(nil)
)

func newRepositoryMetadataResource() resource.Resource { return &repositoryMetadataResource{} }

// repositoryMetadataResource manages all metadata of one type in a repository.
type repositoryMetadataResource struct {
	data *providerData
}

// Metadata implements resource.Resource.
func (r *repositoryMetadataResource) Metadata(
	_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_repository_metadata"
}

// Configure implements resource.ResourceWithConfigure.
func (r *repositoryMetadataResource) Configure(
	_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse,
) {
	r.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *repositoryMetadataResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config repositoryMetadataModel
	config.decode(ctx, req.Config.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if config.Images.null && config.ImagesBase64.null {
		resp.Diagnostics.AddAttributeError(path.Root("images"), "No images", "Neither images nor images_base64 is set. Set "+
			"one of them. An empty map says that no image has metadata of the type.")
	}
	config.declared(&resp.Diagnostics)
	for key, value := range config.Annotations.Elements() {
		if value.IsNull() {
			resp.Diagnostics.AddAttributeError(path.Root("annotations").AtMapKey(key), "Annotation without a value",
				fmt.Sprintf("The annotation %q is null. Remove it, or give it a value; an empty text is a value.", key))
		}
	}
}
