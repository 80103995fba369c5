package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Descriptions of an entry's artifact.
const (
	artifactTypeDescription   = "Type of the OCI artifact that publishes the metadata. Null if there is none."
	artifactDigestDescription = "Digest of the manifest of the OCI artifact that publishes the metadata. Null if there " +
		"is none. Terraform does not look whether the artifact is still attached to the image."
)

// listedAttributes describe one piece of metadata in a data source that lists several. size describes the size.
func listedAttributes(size string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"digest": schema.StringAttribute{
			MarkdownDescription: "Digest of the content.",
			Computed:            true,
		},
		"size": schema.Int64Attribute{
			MarkdownDescription: size,
			Computed:            true,
		},
		"media_type": schema.StringAttribute{
			MarkdownDescription: "Media type of the content. Null if another tool stored it and `include_content` is " +
				"not set.",
			Computed: true,
		},
		"created": schema.StringAttribute{
			MarkdownDescription: createdDescription,
			Computed:            true,
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Annotations; empty if there are none.",
			ElementType:         types.StringType,
			Computed:            true,
		},
		"content": schema.StringAttribute{
			MarkdownDescription: "Content, if `include_content` is set and it is text that Terraform can carry " +
				"unchanged; otherwise null. Both are null if the registry no longer has the content.",
			Computed: true,
		},
		"content_base64": schema.StringAttribute{
			MarkdownDescription: "Content as base64, if `include_content` is set and `content` is null; otherwise " +
				"null.",
			Computed: true,
		},
		"artifact_type": schema.StringAttribute{
			MarkdownDescription: artifactTypeDescription,
			Computed:            true,
		},
		"artifact_digest": schema.StringAttribute{
			MarkdownDescription: artifactDigestDescription,
			Computed:            true,
		},
		"verified": schema.BoolAttribute{
			MarkdownDescription: "Whether a trusted signer has signed this metadata, and one the manifesto. False without " +
				"verification.",
			Computed: true,
		},
		"signed_by": schema.StringAttribute{
			MarkdownDescription: "Subject of the certificate that has signed this metadata. Null if it is not verified.",
			Computed:            true,
		},
		"signed_at": schema.StringAttribute{
			MarkdownDescription: "When this metadata was signed (RFC 3339, UTC). Null if it is not verified.",
			Computed:            true,
		},
	}
}
