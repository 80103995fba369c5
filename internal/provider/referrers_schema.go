package provider

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// referrersSchema is the schema of the data source manifesto_referrers.
func referrersSchema() schema.Schema {
	attributes := withSubject("`REPOSITORY@DIGEST`.", map[string]schema.Attribute{
		"artifact_types": schema.SetAttribute{
			MarkdownDescription: "List only artifacts whose type matches one of these patterns, such as " +
				"`application/vnd.cyclonedx+json` or `application/vnd.example.*`. `*` matches any text, slashes included, `?` " +
				"one character and `[a-z]` one of a range; a backslash before one of them takes away its meaning. Defaults to " +
				"all types.",
			ElementType: types.StringType,
			Optional:    true,
			Validators:  []validator.Set{setvalidator.ValueStringsAre(isTypePattern())},
		},
		"include_content": schema.BoolAttribute{
			MarkdownDescription: "Download the contents of the listed artifacts that have exactly one layer. All together may " +
				"have 32 MiB. Defaults to `false`.",
			Optional: true,
		},
		"referrers": schema.ListNestedAttribute{
			MarkdownDescription: "Artifacts that are attached to the image; empty if there are none. The newest comes first, " +
				"by the annotation `org.opencontainers.image.created` (or `org.opencontainers.artifact.created`) of its " +
				"manifest. Artifacts without a valid one come last. Artifacts with the same time, or without one, are in the " +
				"order of their digests.",
			Computed:     true,
			NestedObject: schema.NestedAttributeObject{Attributes: referrerAttributes()},
		},
	})
	attributes["image_digest"] = schema.StringAttribute{
		MarkdownDescription: "Digest of the image that the artifacts are attached to.",
		Computed:            true,
	}
	return schema.Schema{
		MarkdownDescription: "Lists the artifacts that anybody has attached to an image with the `subject` of OCI 1.1: " +
			"scan reports, SBOMs, signatures, attestations. So a module can decide by a report that a pipeline has attached " +
			"with its own tools. An image without such artifacts has an empty list.",
		Attributes: attributes,
	}
}

// referrerAttributes are the attributes of a referrerModel.
func referrerAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"artifact_type": schema.StringAttribute{
			MarkdownDescription: "Type of the artifact: the `artifactType` of its manifest or, without one, the media type of " +
				"its config. Null for an index that does not say its type.",
			Computed: true,
		},
		"digest": schema.StringAttribute{
			MarkdownDescription: "Digest of the artifact's manifest. `REPOSITORY@DIGEST` names the artifact for other tools.",
			Computed:            true,
		},
		"media_type": schema.StringAttribute{
			MarkdownDescription: "Media type of the manifest.",
			Computed:            true,
		},
		"size": schema.Int64Attribute{
			MarkdownDescription: "Size of the manifest in bytes.",
			Computed:            true,
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Annotations of the manifest; empty if there are none.",
			ElementType:         types.StringType,
			Computed:            true,
		},
		"content": schema.StringAttribute{
			MarkdownDescription: "Content of the only layer, if `include_content` is set and it is text that Terraform can " +
				"carry unchanged (UTF-8 in Unicode NFC); otherwise null. Artifacts with several layers, or with none but the " +
				"empty one, have no content.",
			Computed: true,
		},
		"content_base64": schema.StringAttribute{
			MarkdownDescription: "Content as base64, if there is one and `content` is null; otherwise null.",
			Computed:            true,
		},
	}
}
