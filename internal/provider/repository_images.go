package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// imagesAttribute is the attribute images of the data source manifesto_repository. listedTypes builds its value.
func imagesAttribute() schema.Attribute {
	image := schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"tags": schema.ListAttribute{
			MarkdownDescription: "Sorted tags that name the image; empty if none does, and null unless `include_tags` is " +
				"set. The images inside a multi-platform image have no tags of their own: its index has them.",
			ElementType: types.StringType,
			Computed:    true,
		},
		"gone": schema.BoolAttribute{
			MarkdownDescription: "Whether the registry no longer has the image: it answers 404, twice. Null unless " +
				"`check_images` is set.",
			Computed: true,
		},
		"metadata": schema.MapNestedAttribute{
			MarkdownDescription: "Metadata by type, as far as `type` and `types` let it pass." + keyHelp,
			Computed:            true,
			NestedObject: schema.NestedAttributeObject{Attributes: listedAttributes(
				"Size of the content in bytes. Null if another tool stored it and `include_content` is not set.",
			)},
		},
	}}
	return schema.MapNestedAttribute{
		MarkdownDescription: "Images by digest.",
		Computed:            true,
		NestedObject:        image,
		CustomType:          opaqueMapType{basetypes.MapType{ElemType: image.Type()}},
	}
}
