package provider

import (
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	resource "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// createdDescription describes the attribute created of every kind of object.
const createdDescription = "When the content was stored (RFC 3339). Null if another tool stored it."

// textAttribute is a string attribute that schemas of several kinds share. The framework has a type of its own for
// each kind. An attribute that is neither required nor optional is computed.
type textAttribute struct {
	description        string
	required, optional bool
	validators         []validator.String
}

// subjectAttributes are the attributes that say which image an object is about. imageHelp completes the description
// of image, and platformHelp says what a platform does.
func subjectAttributes(imageHelp, platformHelp, id string) map[string]textAttribute {
	return map[string]textAttribute{
		"image": {
			description: "Reference to the image, by tag or digest. The tag defaults to `latest` and the registry to " +
				"the provider's `default_registry`. " + imageHelp,
			required:   true,
			validators: []validator.String{isReference()},
		},
		"platform": {
			description: platformHelp + " Written as `os/architecture[/variant]`, such as `linux/arm64`. " +
				"The provider never falls back from a platform to the whole image or the reverse.",
			optional:   true,
			validators: []validator.String{isPlatform()},
		},
		"id": {description: id},
		"registry": {
			description: "Host of the registry, such as `ghcr.io` or `docker.io`; `oci-layout` for a layout on disk.",
		},
		"repository": {
			description: "Repository of the image with its registry's host, such as `docker.io/library/alpine`, or " +
				"`oci-layout:DIRECTORY`.",
		},
		"image_digest": {description: "Digest of the image that the metadata is about."},
	}
}

// forResource returns the attribute for the schema of a resource.
func (a textAttribute) forResource() resource.StringAttribute {
	return resource.StringAttribute{
		MarkdownDescription: a.description,
		Required:            a.required,
		Optional:            a.optional,
		Computed:            !a.required && !a.optional,
		Validators:          a.validators,
	}
}

// forDataSource returns the attribute for the schema of a data source.
func (a textAttribute) forDataSource() datasource.StringAttribute {
	return datasource.StringAttribute{
		MarkdownDescription: a.description,
		Required:            a.required,
		Optional:            a.optional,
		Computed:            !a.required && !a.optional,
		Validators:          a.validators,
	}
}

// withSubject adds to the attributes of a data source those of subjectAttributes.
func withSubject(id string, attributes map[string]datasource.Attribute) map[string]datasource.Attribute {
	const imageHelp = "`oci-layout:DIRECTORY:TAG` or `oci-layout:DIRECTORY@DIGEST` is an image of an OCI image layout " +
		"on disk; `oci-layout:DIRECTORY` is its only image."
	const platformHelp = "Look at this platform's child of a multi-platform image instead of at the image as a whole."
	for name, attribute := range subjectAttributes(imageHelp, platformHelp, id) {
		attributes[name] = attribute.forDataSource()
	}
	return attributes
}
