package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Schema implements resource.Resource.
func (r *imageMetadataResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"metadata": schema.MapNestedAttribute{
			MarkdownDescription: "Metadata by type, which is any text. An empty map means that the image has none. All " +
				"contents together have at most 32 MiB. A plan shows metadata that something else has added as an element " +
				"that the apply removes." + keyHelp,
			Required:     true,
			NestedObject: schema.NestedAttributeObject{Attributes: imagePieceAttributes()},
		},
		"json_schema": schema.MapAttribute{
			MarkdownDescription: "JSON Schemas by type, as JSON text, such as `file(\"schema.json\")`. A content must match " +
				"the schema of its type. Types without a schema are not checked, and a schema of a type that is not in " +
				"`metadata` has no effect. The plan checks the contents as far as they are known, and the apply checks the " +
				"rest before it writes anything. The errors name places and rules, and never repeat values of a content. No " +
				"schema is fetched, and none is stored in the registry.",
			ElementType: types.StringType,
			Optional:    true,
		},
		"on_tag_move": schema.StringAttribute{
			MarkdownDescription: "What the plan does if the tag in `image` has moved to another build: `replace` the " +
				"resource, so that the current build has the metadata and the previous one no longer does; `keep` the " +
				"metadata at the build that it was attached to; or `fail` with an error that names both builds. A new " +
				"resource, also one that `-replace` creates anew, is attached to the build that the tag names then. Defaults " +
				"to `replace`.",
			Optional:   true,
			Validators: []validator.String{stringvalidator.OneOf(tagMoveReplace, tagMoveKeep, tagMoveFail)},
		},
		"overwrite": schema.BoolAttribute{
			MarkdownDescription: "Let the creation replace metadata of the image that has other content, and remove metadata " +
				"that is not declared; the plan warns of it. Otherwise such metadata is an error. Defaults to `false`.",
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
		"digests": schema.MapAttribute{
			MarkdownDescription: "Digest of each content by type: the sha256 of its bytes.",
			ElementType:         types.StringType,
			Computed:            true,
		},
		"pinned": schema.BoolAttribute{
			MarkdownDescription: "Whether all contents are protected from the registry's garbage collection. If one is not, " +
				"the next apply protects it again.",
			Computed: true,
		},
	}
	maps.Copy(attributes, bulkSignatureAttributes())
	maps.Copy(attributes, resourceSubjectAttributes("`REPOSITORY@DIGEST`, which is also an import id."))
	resp.Schema = schema.Schema{
		MarkdownDescription: "All metadata of one image. The resource is authoritative: a plan shows metadata of the image " +
			"that something else has added, changed or removed, by type, and the apply puts it right. All changes of an " +
			"apply are stored together, or none of them. Use it for images whose metadata is declared in one place, and to " +
			"copy metadata between registries. Where several configurations or tools each add their own metadata to an " +
			"image, use `manifesto_metadata`. Do not use both for the same image: each would undo what the other does.",
		Attributes: attributes,
	}
}

// imagePieceAttributes are the attributes of an element of metadata. imagePieceType is their type.
func imagePieceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"content": schema.StringAttribute{
			MarkdownDescription: "Content as text, of at most 16 MiB and not empty. Set exactly one of `content` and " +
				"`content_base64`. Terraform normalises text to Unicode NFC; use `content_base64` if every byte counts.",
			Optional: true,
		},
		"content_base64": schema.StringAttribute{
			MarkdownDescription: "Content as base64, for binary content.",
			Optional:            true,
		},
		"media_type": schema.StringAttribute{
			MarkdownDescription: "Media type of the content, as in RFC 6838. By default it is detected when the content is " +
				"stored: `application/json` for a JSON object or array, `text/plain` for other text, and " +
				"`application/octet-stream` for the rest; then changes of it outside Terraform are ignored.",
			Optional: true,
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Further facts about the metadata, stored beside the content, such as who approved.",
			ElementType:         types.StringType,
			Optional:            true,
		},
		"artifact_type": schema.StringAttribute{
			MarkdownDescription: "Publish the metadata as an OCI artifact of this type, attached to the image. " +
				artifactTypeHelp,
			Optional: true,
		},
	}
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *imageMetadataResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: imageIdentityAttributes()}
}

// imageIdentityAttributes are the attributes of an identity that say which image a resource is about.
func imageIdentityAttributes() map[string]identityschema.Attribute {
	return map[string]identityschema.Attribute{
		"repository": identityschema.StringAttribute{
			RequiredForImport: true,
			Description: "Repository that holds the image, with its registry's host, such as ghcr.io/org/app, or " +
				"oci-layout:DIRECTORY.",
		},
		"image_digest": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Digest of the image, or of the platform's child that the metadata is about.",
		},
	}
}
