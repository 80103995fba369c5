package provider

import (
	"fmt"

	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	ephemeral "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
)

// forEphemeral returns an attribute of a data source for the schema of an ephemeral resource. It panics if the
// attribute is of a kind that no look-up has: that is an error in the schema, which every test would find.
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
	default:
		panic(fmt.Sprintf("no ephemeral resource has an attribute of the kind %T", attribute))
	}
}
