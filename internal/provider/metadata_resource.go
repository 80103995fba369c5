package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
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

// metadataResource manages one piece of metadata: an entry of the manifesto and its content.
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

// ValidateConfig implements resource.ResourceWithValidateConfig.
func (r *metadataResource) ValidateConfig(
	ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse,
) {
	var config metadataModel
	config.decode(ctx, req.Config.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	config.validateContent(&resp.Diagnostics)
	for key, value := range config.Annotations.Elements() {
		if value.IsNull() {
			resp.Diagnostics.AddAttributeError(path.Root("annotations").AtMapKey(key), emptyAnnotation, annotationHelp(key))
		}
	}
}

// validateContent checks that exactly one attribute gives the content. An unknown one may turn out to be null, so it
// counts as neither.
func (m *metadataModel) validateContent(diags *diag.Diagnostics) {
	const rule = "Exactly one of content, content_base64, source and content_wo gives the content"
	var set []string
	unknown := false
	for _, attribute := range []struct {
		name  string
		value types.String
	}{
		{"content", m.Content}, {"content_base64", m.ContentBase64}, {"source", m.Source}, {"content_wo", m.ContentWO},
	} {
		unknown = unknown || attribute.value.IsUnknown()
		if !attribute.value.IsNull() && !attribute.value.IsUnknown() {
			set = append(set, attribute.name)
		}
	}
	switch {
	case len(set) > 1:
		diags.AddAttributeError(path.Root(set[1]), "More than one content",
			fmt.Sprintf("%s; here it is %s. Remove all but one.", rule, strings.Join(set, " and ")))
	case len(set) == 0 && !unknown:
		diags.AddAttributeError(path.Root("content"), "No content", rule+"; here it is none of them. Set one.")
	}
}

// emptyAnnotation is the summary of errors about an annotation that is null.
const emptyAnnotation = "Annotation without a value"

// annotationHelp explains that an annotation is null.
func annotationHelp(key string) string {
	return fmt.Sprintf("The annotation %q is null. Remove it, or give it a value; an empty text is a value.", key)
}
