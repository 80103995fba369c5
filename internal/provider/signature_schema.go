package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// artifactTypeHelp says what an artifact type is for.
const artifactTypeHelp = "Tools such as `oras discover`, Trivy, Kyverno and Harbor see artifacts. Policies choose " +
	"them by their type, so use a type of its own for each kind of metadata, such as " +
	"`application/vnd.example.approval.v1+json`. Metadata that is signed always is an artifact, by default of the type " +
	"`application/vnd.manifesto.TYPE.v1+json`. Metadata that is not signed is no artifact unless this is set."

// bulkSignatureAttributes are the attributes of a bulkSignatureModel.
func bulkSignatureAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"sign": schema.BoolAttribute{
			MarkdownDescription: "Whether to sign all metadata of the resource. By default it is signed if the provider has " +
				"`signing`.",
			Optional: true,
		},
		"attached": schema.BoolAttribute{
			MarkdownDescription: "Whether all metadata that is to be published as artifacts is attached to its images. If " +
				"some is not, the next apply attaches it again. Null if there is nothing to publish.",
			Computed: true,
		},
		"signed": schema.BoolAttribute{
			MarkdownDescription: "Whether all metadata is signed. If some is not, the next apply signs it again. With the " +
				"provider's `verification`, each refresh verifies every signature, a signature that is not to be trusted " +
				"counts as none, and a warning says why. Without it, a refresh looks only whether the artifacts are there. " +
				"Null if the resource does not sign.",
			Computed: true,
		},
		"signed_by": schema.StringAttribute{
			MarkdownDescription: "Subject of the certificate that has made the signature that ends first or, if none expires, " +
				"the oldest.",
			Computed: true,
		},
		"signed_at": schema.StringAttribute{
			MarkdownDescription: "When that signature was made (RFC 3339, UTC): the signer's claim, unless the provider's " +
				"`signing` has a `timestamp_url`.",
			Computed: true,
		},
		"expires_at": schema.StringAttribute{
			MarkdownDescription: "When that signature expires (RFC 3339, UTC). Null if none does. A plan signs again when " +
				"less than a third of its life is left: with the provider's `verification` what is due, the manifesto's " +
				"signature included, otherwise everything.",
			Computed: true,
		},
	}
}

// signatureAttributes are the attributes of a signatureModel.
func signatureAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"artifact_type": schema.StringAttribute{
			MarkdownDescription: "Publish the metadata as an OCI artifact of this type, attached to the image. " +
				artifactTypeHelp,
			Optional:   true,
			Computed:   true,
			Validators: []validator.String{isArtifactType()},
		},
		"artifact_digest": schema.StringAttribute{
			MarkdownDescription: "Digest of the artifact's manifest. Null if the metadata is not published as an artifact.",
			Computed:            true,
		},
		"sign": schema.BoolAttribute{
			MarkdownDescription: "Whether to sign the metadata. By default it is signed if the provider has `signing`. " +
				"Switching it off removes the signatures of the artifact.",
			Optional: true,
		},
		"signature_digest": schema.StringAttribute{
			MarkdownDescription: "Digest of the manifest of the signature. Null if the metadata is not signed. With the " +
				"provider's `verification`, a signature that is not to be trusted counts as none, and a warning says why.",
			Computed: true,
		},
		"signed_by": schema.StringAttribute{
			MarkdownDescription: "Subject of the certificate that has signed.",
			Computed:            true,
		},
		"signed_at": schema.StringAttribute{
			MarkdownDescription: "When the signature was made (RFC 3339, UTC): the signer's claim, unless the provider's " +
				"`signing` has a `timestamp_url`.",
			Computed: true,
		},
		"expires_at": schema.StringAttribute{
			MarkdownDescription: "When the signature expires (RFC 3339, UTC). Null if it does not. A plan signs again when " +
				"less than a third of its life is left. With the provider's `verification`, `signed_at` and `expires_at` are " +
				"those of the manifesto's signature if that one is due first: signing again renews both.",
			Computed: true,
		},
	}
}
