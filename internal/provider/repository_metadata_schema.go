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
func (r *repositoryMetadataResource) Schema(
	ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse,
) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "All metadata of one type in a repository: which images have it, and with what content. The " +
			"resource is authoritative for the type. A plan shows metadata of the type that something else has added, " +
			"changed or removed, and the apply puts it right. All changes of an apply are stored together, or none of them. " +
			"It suits thousands of images; for a few, or for types that several configurations share, use " +
			"`manifesto_metadata`.",
		Attributes: map[string]schema.Attribute{
			"repository": schema.StringAttribute{
				MarkdownDescription: "Repository, such as `ghcr.io/example/app`, without a tag or digest. The registry defaults " +
					"to the provider's `default_registry`. `oci-layout:DIRECTORY` is an OCI image layout on disk. Another " +
					"repository replaces the resource.",
				Required:   true,
				Validators: []validator.String{isRepository()},
			},
			"type": schema.StringAttribute{
				MarkdownDescription: "Type of the metadata: any text. Another type replaces the resource." + keyHelp,
				Required:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"images": textMapAttribute("Contents as text, by the image that each is about. A key is a tag of the repository "+
				"or the digest of an image. Images without an element have no metadata of the type. Each content has at most "+
				"16 MiB and is not empty; all together have at most 32 MiB. Two keys may name the same image if their contents "+
				"are equal. Tags are resolved at every plan, and digests are taken as they are; the apply looks up those that "+
				"are new. Set at least one of `images` and `images_base64`. Terraform normalises text to Unicode NFC; use "+
				"`images_base64` if every byte counts.", false),
			"images_base64": textMapAttribute("Contents as base64, for binary content, by tag or digest like `images`. A key "+
				"is in at most one of the two.", false),
			"media_type": schema.StringAttribute{
				MarkdownDescription: "Media type of all contents, as in RFC 6838. By default each content gets its own when it " +
					"is stored: `application/json` for a JSON object or array, `text/plain` for other text, and " +
					"`application/octet-stream` for the rest; then changes of it outside Terraform are ignored.",
				Optional:   true,
				Validators: []validator.String{isMediaType()},
			},
			"annotations": schema.MapAttribute{
				MarkdownDescription: "Further facts about the metadata, stored beside each content, the same for all.",
				ElementType:         types.StringType,
				Optional:            true,
				Validators:          []validator.Map{annotationCount{}},
			},
			"json_schema": schema.StringAttribute{
				MarkdownDescription: jsonSchemaDescription,
				Optional:            true,
				Validators:          []validator.String{isJSONSchema()},
			},
			"on_tag_move": schema.StringAttribute{
				MarkdownDescription: "What the plan does if a tag in `images` has moved to another build: `replace` moves the " +
					"metadata, so that the current build has it and the previous one no longer does, unless another key names " +
					"that; `keep` leaves it at the build that it was attached to; `fail` is an error that names both builds. " +
					"Defaults to `replace`.",
				Optional:   true,
				Validators: []validator.String{stringvalidator.OneOf(tagMoveReplace, tagMoveKeep, tagMoveFail)},
			},
			"overwrite": schema.BoolAttribute{
				MarkdownDescription: "Let the creation replace metadata of the type that has other content, and remove metadata " +
					"of images that are not declared; the plan warns of it. Otherwise such metadata is an error. Defaults to " +
					"`false`.",
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
			"id": schema.StringAttribute{
				MarkdownDescription: "`REPOSITORY#TYPE`, which is also an import id.",
				Computed:            true,
			},
			"image_digests": textMapAttribute("Digest of the image that each key of `images` and `images_base64` names.", true),
			"digests":       textMapAttribute("Digest of the content by key: the sha256 of its bytes.", true),
			"differing": textMapAttribute("Which metadata has another media type or other annotations than `media_type` and "+
				"`annotations` say, by key: `annotations`, `media_type`, or both. The next apply stores it with those of the "+
				"configuration. Null if there is none.", true),
			"pinned": schema.BoolAttribute{
				MarkdownDescription: "Whether all contents are protected from the registry's garbage collection. If one is not, " +
					"the next apply protects it again.",
				Computed: true,
			},
			"artifact_type": schema.StringAttribute{
				MarkdownDescription: "Publish each piece of metadata as an OCI artifact of this type, attached to its image. " +
					artifactTypeHelp,
				Optional:   true,
				Computed:   true,
				Validators: []validator.String{isArtifactType()},
			},
		},
	}
	maps.Copy(resp.Schema.Attributes, bulkSignatureAttributes())
}

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *repositoryMetadataResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"repository": identityschema.StringAttribute{
			RequiredForImport: true,
			Description: "Repository that holds the images, with its registry's host, such as ghcr.io/org/app, or " +
				"oci-layout:DIRECTORY.",
		},
		"type": identityschema.StringAttribute{
			RequiredForImport: true,
			Description:       "Type of the metadata.",
		},
	}}
}
