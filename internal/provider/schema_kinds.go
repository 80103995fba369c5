package provider

import (
	"fmt"

	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	ephemeral "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	list "github.com/hashicorp/terraform-plugin-framework/list/schema"
	provider "github.com/hashicorp/terraform-plugin-framework/provider/schema"
)

// The functions below return an attribute of a data source for a schema of another kind. They panic if the attribute is
// of a type that no shared attribute has: that is an error in the schema, which every test would find.

// forEphemeral returns an attribute of a data source for the schema of an ephemeral resource.
func forEphemeral(attribute datasource.Attribute) ephemeral.Attribute {
	switch a := attribute.(type) {
	case datasource.StringAttribute:
		return ephemeral.StringAttribute(a)
	case datasource.BoolAttribute:
		return ephemeral.BoolAttribute(a)
	case datasource.Int64Attribute:
		return ephemeral.Int64Attribute(a)
	case datasource.MapAttribute:
		return ephemeral.MapAttribute(a)
	case datasource.ListAttribute:
		return ephemeral.ListAttribute(a)
	case datasource.SingleNestedAttribute:
		return ephemeral.SingleNestedAttribute{
			Attributes: convert(a.Attributes, forEphemeral), Required: a.Required, Optional: a.Optional,
			Computed: a.Computed, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	default:
		panic(fmt.Sprintf("no ephemeral resource has an attribute of the kind %T", attribute))
	}
}

// forProvider returns an optional or required attribute of a data source for the schema of the provider.
func forProvider(attribute datasource.Attribute) provider.Attribute {
	switch a := attribute.(type) {
	case datasource.StringAttribute:
		return provider.StringAttribute{
			Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	case datasource.BoolAttribute:
		return provider.BoolAttribute{
			Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	case datasource.ListAttribute:
		return provider.ListAttribute{
			ElementType: a.ElementType, Required: a.Required, Optional: a.Optional,
			MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	case datasource.SingleNestedAttribute:
		return provider.SingleNestedAttribute{
			Attributes: convert(a.Attributes, forProvider), Required: a.Required, Optional: a.Optional,
			MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	default:
		panic(fmt.Sprintf("the provider shares no attribute of the kind %T", attribute))
	}
}

// forList returns an optional or required attribute of a data source for the schema of a list resource.
func forList(attribute datasource.Attribute) list.Attribute {
	switch a := attribute.(type) {
	case datasource.StringAttribute:
		return list.StringAttribute{
			Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	case datasource.BoolAttribute:
		return list.BoolAttribute{
			Required: a.Required, Optional: a.Optional, MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	case datasource.ListAttribute:
		return list.ListAttribute{
			ElementType: a.ElementType, Required: a.Required, Optional: a.Optional,
			MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	case datasource.SingleNestedAttribute:
		return list.SingleNestedAttribute{
			Attributes: convert(a.Attributes, forList), Required: a.Required, Optional: a.Optional,
			MarkdownDescription: a.MarkdownDescription, Validators: a.Validators,
		}
	default:
		panic(fmt.Sprintf("no list resource has an attribute of the kind %T", attribute))
	}
}

// convert returns attributes of a data source for a schema of another kind.
func convert[A any](attributes map[string]datasource.Attribute, to func(datasource.Attribute) A) map[string]A {
	converted := make(map[string]A, len(attributes))
	for name, attribute := range attributes {
		converted[name] = to(attribute)
	}
	return converted
}
