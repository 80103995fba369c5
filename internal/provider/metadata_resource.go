package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	_ resource.ResourceWithConfigure   = (*metadataResource)(nil)
	_ resource.ResourceWithIdentity    = (*metadataResource)(nil)
	_ resource.ResourceWithImportState = (*metadataResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*metadataResource)(nil)

	_ resource.ResourceWithValidateConfig = (*metadataResource)(nil)
)

func newMetadataResource() resource.Resource { return &metadataResource{} }

// metadataResource is one piece of metadata: an entry of the manifesto and its content.
type metadataResource struct {
	data *providerData
}

// Metadata implements resource.Resource.
func (r *metadataResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_metadata"
}

// Configure implements resource.ResourceWithConfigure.
func (r *metadataResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.data, _ = req.ProviderData.(*providerData) // Nil until the provider is configured.
}

// ValidateConfig implements resource.ResourceWithValidateConfig: the content comes from exactly one
// attribute. One that is unknown may turn out to be null, so it counts for neither too few nor too many.
func (r *metadataResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config metadataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	const rule = "Exactly one of content, content_base64, source and content_wo gives the content"
	var set []string
	unknown := false
	for _, attribute := range []struct {
		name  string
		value types.String
	}{
		{"content", config.Content}, {"content_base64", config.ContentBase64}, {"source", config.Source}, {"content_wo", config.ContentWO},
	} {
		unknown = unknown || attribute.value.IsUnknown()
		if !attribute.value.IsNull() && !attribute.value.IsUnknown() {
			set = append(set, attribute.name)
		}
	}
	for key, value := range config.Annotations.Elements() {
		if value.IsNull() {
			resp.Diagnostics.AddAttributeError(path.Root("annotations").AtMapKey(key), "Annotation without a value",
				fmt.Sprintf("The annotation %q is null. Leave it out, or give it a value; an empty text is one.", key))
		}
	}
	switch {
	case len(set) > 1:
		resp.Diagnostics.AddAttributeError(path.Root(set[1]), "More than one content",
			fmt.Sprintf("%s; here it is %s. Remove all but one.", rule, strings.Join(set, " and ")))
	case len(set) == 0 && !unknown:
		resp.Diagnostics.AddAttributeError(path.Root("content"), "No content", rule+"; here it is none of them. Set one.")
	}
}
