package provider

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// metadataLookupModel is the configuration and the result of a look-up of one piece of metadata: of the data source and
// of the ephemeral resource.
type metadataLookupModel struct {
	subjectModel
	entryModel
	trustModel
	ArtifactType   types.String `tfsdk:"artifact_type"`
	ArtifactDigest types.String `tfsdk:"artifact_digest"`
	Type           types.String `tfsdk:"type"`
	Optional       types.Bool   `tfsdk:"optional"`
	Exists         types.Bool   `tfsdk:"exists"`
}

// lookupAttributes are the attributes of a metadataLookupModel.
func lookupAttributes() map[string]schema.Attribute {
	const verified = "Whether a trusted signer has signed the metadata and the manifesto that lists it; if `exists` is " +
		"false, whether one has signed the manifesto, which does not list it. False without verification, and for a " +
		"repository without a manifesto."
	return withSubject("`REPOSITORY@DIGEST#TYPE`.", withTrust(verified, "the metadata", map[string]schema.Attribute{
		"type": schema.StringAttribute{
			MarkdownDescription: "Type of the metadata." + keyHelp,
			Required:            true,
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"optional": schema.BoolAttribute{
			MarkdownDescription: "Accept that the image has no metadata of this type: then `exists` is false, and the " +
				"attributes of the metadata are null. An image that does not exist, a registry that cannot be read, or, with " +
				"verification, a manifesto that nobody trusted has signed is still an error. A repository without any manifesto " +
				"has no metadata and no signature: set `minimum_version` if it must have one. Defaults to `false`.",
			Optional: true,
		},
		"exists": schema.BoolAttribute{
			MarkdownDescription: "Whether the image has metadata of this type. It is false only if `optional` is set.",
			Computed:            true,
		},
		"content": schema.StringAttribute{
			MarkdownDescription: "Content, if it is text that Terraform can carry unchanged (UTF-8 in Unicode NFC); " +
				"otherwise null.",
			Computed: true,
		},
		"content_base64": schema.StringAttribute{
			MarkdownDescription: "Content as base64, if `content` is null; otherwise null.",
			Computed:            true,
		},
		"digest": schema.StringAttribute{
			MarkdownDescription: "Digest of the content: the sha256 of its bytes. The provider has verified it.",
			Computed:            true,
		},
		"size": schema.Int64Attribute{
			MarkdownDescription: "Size of the content in bytes.",
			Computed:            true,
		},
		"media_type": schema.StringAttribute{
			MarkdownDescription: "Media type of the content: the stored one or, if there is none, one detected from the " +
				"content.",
			Computed: true,
		},
		"annotations": schema.MapAttribute{
			MarkdownDescription: "Annotations of the metadata; empty if there are none.",
			ElementType:         types.StringType,
			Computed:            true,
		},
		"created": schema.StringAttribute{
			MarkdownDescription: createdDescription,
			Computed:            true,
		},
		"artifact_type": schema.StringAttribute{
			MarkdownDescription: artifactTypeDescription,
			Computed:            true,
		},
		"artifact_digest": schema.StringAttribute{
			MarkdownDescription: artifactDigestDescription,
			Computed:            true,
		},
	}))
}

// lookUp fills in the result. If it returns false, diags says why.
func (m *metadataLookupModel) lookUp(ctx context.Context, data *providerData, diags *diag.Diagnostics) bool {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	image, ok := data.find(ctx, m.Image, m.Platform, diags)
	if !ok {
		return false
	}
	v, ok := data.verificationFor(ctx, m.Verification, diags)
	if !ok {
		return false
	}
	key := image.key(typeIn(m.Type))
	m.setKey(key)
	verified, err := data.store.Verify(ctx, key, m.demand(v))
	absent := errors.Is(err, manifesto.ErrNoEntry)
	if err == nil || absent { // Whether the metadata is missing is known only once the manifesto was verified.
		if refused := m.judge(v, verified, verified.Signature); refused != nil {
			aboutTrust(data.diagnoseKey(refused, "verifying", key), refused, "").addTo(diags)
			return false
		}
		if verified.Reason == nil {
			var ended endedSignatures
			ended.addPiece(key, verified.Signature)
			ended.addManifesto(key.Repository, verified.Manifesto)
			ended.warn(diags)
		}
	}
	if absent && m.Optional.ValueBool() {
		m.setAbsent()
		return true
	}
	entry, content := verified.Entry, []byte(nil)
	if err == nil {
		content, entry, err = data.store.Content(ctx, key.Repository, entry)
	}
	if err != nil {
		image.diagnoseLookup(ctx, err, "reading", key.Type).addTo(diags)
		return false
	}
	if entry.MediaType == "" {
		entry.MediaType = format.DetectMediaType(content)
	}
	m.Exists = types.BoolValue(true)
	m.setEntry(entry)
	m.setContent(content)
	m.Annotations = mapValue(entry.Annotations)
	m.ArtifactType = optionalString(entry.Artifact.Type)
	m.ArtifactDigest = optionalString(entry.Artifact.Digest.String())
	return true
}

// setAbsent shows that the image has no metadata of the type.
func (m *metadataLookupModel) setAbsent() {
	m.Exists = types.BoolValue(false)
	m.setEntry(format.Entry{Size: format.UnknownSize})
	m.clearContent()
	m.Annotations = types.MapNull(types.StringType)
}
