package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Values of on_tag_move. Null means tagMoveReplace: a stored default would change the state of every resource.
const (
	tagMoveReplace = "replace"
	tagMoveKeep    = "keep"
	tagMoveFail    = "fail"
)

// Schema implements resource.Resource.
func (r *metadataResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"type": schema.StringAttribute{
			MarkdownDescription: "Type of the metadata: any text. An image has at most one piece of metadata of each type. " +
				"Changing the type replaces the metadata." + keyHelp,
			Required:      true,
			Validators:    []validator.String{stringvalidator.LengthAtLeast(1)},
			PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
		},
		"on_tag_move": schema.StringAttribute{
			MarkdownDescription: "What the plan does if the tag in `image` has moved to another build: `replace` the " +
				"metadata, so that the current build has it and the previous one no longer does; `keep` it at the build that " +
				"it was attached to; or `fail` with an error that names both builds. A new resource, also one that " +
				"`-replace` or another `type` creates anew, is attached to the build that the tag names then. Defaults to " +
				"`replace`.",
			Optional:   true,
			Validators: []validator.String{stringvalidator.OneOf(tagMoveReplace, tagMoveKeep, tagMoveFail)},
		},
		"overwrite": schema.BoolAttribute{
			MarkdownDescription: "Let the creation replace metadata of the same type that the image already has. Otherwise " +
				"that is an error. Defaults to `false`.",
			Optional: true,
			Computed: true,
			Default:  booldefault.StaticBool(false),
		},
		"keep_on_destroy": schema.BoolAttribute{
			MarkdownDescription: "Leave the metadata in the registry when the resource is destroyed or replaced. Defaults " +
				"to `false`.",
			Optional: true,
			Computed: true,
			Default:  booldefault.StaticBool(false),
		},
		"timeouts": timeoutsAttribute(ctx),
		"pinned": schema.BoolAttribute{
			MarkdownDescription: "Whether the content is protected from the registry's garbage collection. If it is not, the " +
				"next apply protects it again.",
			Computed: true,
		},
	}
	maps.Copy(attributes, resourceSubjectAttributes("`REPOSITORY@DIGEST#TYPE`, which is also an import id."))
	maps.Copy(attributes, metadataContentAttributes())
	maps.Copy(attributes, metadataEntryAttributes())
	maps.Copy(attributes, signatureAttributes())
	resp.Schema = schema.Schema{
		MarkdownDescription: "One piece of metadata about an image: a type, such as `contact` or `approval`, and content. " +
			"It is stored in the image's own repository, in the manifesto under the tag `_manifesto`. Everyone who can " +
			"pull the image can read it.",
		Attributes: attributes,
	}
}

// timeoutsAttribute has a validator of its own, which names the attribute: Terraform shows only the line of timeouts.
func timeoutsAttribute(ctx context.Context) schema.Attribute {
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: "How long creating may take, as a duration such as `5m`. Defaults to `20m`.",
		ReadDescription: "How long reading may take, and how long a plan may take to look up the image and what it " +
			"already has. Defaults to `5m`.",
		UpdateDescription: "How long updating may take. Defaults to `20m`.",
		DeleteDescription: "How long destroying may take. Defaults to `20m`.",
	})
	return withTimeoutValidators(attribute)
}

// withTimeoutValidators adds the validator to each of the timeouts.
func withTimeoutValidators(attribute schema.Attribute) schema.Attribute {
	nested, ok := attribute.(schema.SingleNestedAttribute)
	if !ok {
		return attribute
	}
	for name, inner := range nested.Attributes {
		if text, ok := inner.(schema.StringAttribute); ok {
			text.Validators = []validator.String{isTimeout("timeouts." + name)}
			nested.Attributes[name] = text
		}
	}
	return nested
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *metadataResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	attributes := imageIdentityAttributes()
	attributes["type"] = identityschema.StringAttribute{
		RequiredForImport: true,
		Description:       "Type of the metadata.",
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

// resourceSubjectAttributes are the attributes of a resource that say which image its metadata is about. id describes
// the attribute of this name.
func resourceSubjectAttributes(id string) map[string]schema.Attribute {
	const imageHelp = "The provider resolves a tag at every plan. If the tag has moved to another build, " +
		"`on_tag_move` says what happens; by default the metadata follows the tag. Use a tag for a statement about the " +
		"current build, such as a contact. For a statement about one build, such as an approval, use a digest that is " +
		"given, for example by a variable: a digest that a data source takes from the tag follows the tag, too. An " +
		"image of an OCI image layout " +
		"on disk is `oci-layout:DIRECTORY:TAG` or `oci-layout:DIRECTORY@DIGEST` or, if the layout has only one image, " +
		"`oci-layout:DIRECTORY`."
	const platformHelp = "Attach the metadata to this platform's child of a multi-platform image instead of to the " +
		"image as a whole."
	attributes := map[string]schema.Attribute{}
	shared := subjectAttributes(imageHelp, platformHelp, id)
	for name, attribute := range shared {
		attributes[name] = attribute.forResource()
	}
	digest := shared["image_digest"].forResource()
	digest.MarkdownDescription += " When it changes, the metadata is replaced."
	attributes["image_digest"] = digest
	return attributes
}

// metadataContentAttributes are the alternatives for the content; exactly one of them is set.
func metadataContentAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"content": schema.StringAttribute{
			MarkdownDescription: "Content as text. Set exactly one of `content`, `content_base64`, `source` and " +
				"`content_wo`. The content has at most 16 MiB and is not empty. Terraform normalises text to Unicode NFC; " +
				"use `content_base64` or `source` if every byte counts.",
			Optional:   true,
			Validators: []validator.String{isContent()},
		},
		"content_base64": schema.StringAttribute{
			MarkdownDescription: "Content as base64, for binary content.",
			Optional:            true,
			Validators:          []validator.String{isBase64()},
		},
		"source": schema.StringAttribute{
			MarkdownDescription: "Path of a file with the content. The provider reads the file at plan and apply. The state " +
				"has only the digest of the content.",
			Optional:   true,
			Validators: []validator.String{isSource()},
		},
		"content_wo": schema.StringAttribute{
			MarkdownDescription: "Content as a write-only text, which appears in neither plan nor state and may be " +
				"ephemeral. It is stored when the resource is created and when `content_wo_version` changes. Needs " +
				"Terraform 1.11 or later. It needs `content_wo_version`. It does not make the metadata secret: everyone " +
				"who can pull the image can read it, and `digest` and `size` are in the state. An import puts the text in " +
				"the state until the next apply.",
			Optional:   true,
			WriteOnly:  true,
			Validators: []validator.String{isContent(), stringvalidator.AlsoRequires(path.MatchRoot("content_wo_version"))},
		},
		"content_wo_version": schema.Int64Attribute{
			MarkdownDescription: "Version of `content_wo`, required with it. Change it to store the content again.",
			Optional:            true,
			Validators:          []validator.Int64{int64validator.AlsoRequires(path.MatchRoot("content_wo"))},
		},
		"json_schema": schema.StringAttribute{
			MarkdownDescription: jsonSchemaDescription,
			Optional:            true,
			Validators:          []validator.String{isJSONSchema()},
		},
	}
}

// metadataEntryAttributes are the attributes of the entry in the manifesto.
func metadataEntryAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"media_type": schema.StringAttribute{
			MarkdownDescription: "Media type of the content, as in RFC 6838, with or without parameters. Defaults to " +
				"`application/json` for a JSON object or array, " +
				"`text/plain` for other text, and `application/octet-stream` for the rest.",
			Optional:   true,
			Computed:   true,
			Validators: []validator.String{isMediaType()},
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Further facts about the metadata, stored beside it, such as who approved.",
			ElementType:         types.StringType,
			Optional:            true,
			Validators:          []validator.Map{annotationCount{}},
		},
		"digest": schema.StringAttribute{
			MarkdownDescription: "Digest of the content: the sha256 of its bytes.",
			Computed:            true,
		},
		"size": schema.Int64Attribute{
			MarkdownDescription: "Size of the content in bytes.",
			Computed:            true,
		},
		"created": schema.StringAttribute{
			MarkdownDescription: createdDescription,
			Computed:            true,
		},
	}
}
