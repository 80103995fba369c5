package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// metadataModel is configuration, plan and state of the resource.
type metadataModel struct {
	Image            types.String   `tfsdk:"image"`
	Platform         types.String   `tfsdk:"platform"`
	Type             types.String   `tfsdk:"type"`
	Content          types.String   `tfsdk:"content"`
	ContentBase64    types.String   `tfsdk:"content_base64"`
	Source           types.String   `tfsdk:"source"`
	ContentWO        types.String   `tfsdk:"content_wo"`
	ContentWOVersion types.Int64    `tfsdk:"content_wo_version"`
	MediaType        types.String   `tfsdk:"media_type"`
	Annotations      types.Map      `tfsdk:"annotations"`
	Overwrite        types.Bool     `tfsdk:"overwrite"`
	KeepOnDestroy    types.Bool     `tfsdk:"keep_on_destroy"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`
	ID               types.String   `tfsdk:"id"`
	Registry         types.String   `tfsdk:"registry"`
	Repository       types.String   `tfsdk:"repository"`
	ImageDigest      types.String   `tfsdk:"image_digest"`
	Digest           types.String   `tfsdk:"digest"`
	Size             types.Int64    `tfsdk:"size"`
	Created          types.String   `tfsdk:"created"`
	Pinned           types.Bool     `tfsdk:"pinned"`
}

// identityModel is the resource's identity.
type identityModel struct {
	Repository  types.String `tfsdk:"repository"`
	ImageDigest types.String `tfsdk:"image_digest"`
	Type        types.String `tfsdk:"type"`
}

// identity returns the identity of what the model describes.
func (m *metadataModel) identity() identityModel {
	return identityModel{Repository: m.Repository, ImageDigest: m.ImageDigest, Type: m.Type}
}

// key returns the entry that state or a wholly known plan is about.
func (m *metadataModel) key() (manifesto.Key, error) {
	repository, err := oci.ParseRepository(m.Repository.ValueString(), "")
	if err != nil {
		return manifesto.Key{}, err
	}
	image, err := oci.ParseDigest(m.ImageDigest.ValueString())
	if err != nil {
		return manifesto.Key{}, err
	}
	return manifesto.Key{Repository: repository, Image: image, Type: m.Type.ValueString()}, nil
}

// setSubject fills in what follows from the entry's key.
func (m *metadataModel) setSubject(key manifesto.Key) {
	m.Registry = types.StringValue(key.Repository.Host())
	m.Repository = types.StringValue(key.Repository.String())
	m.ImageDigest = types.StringValue(key.Image.String())
	m.ID = types.StringValue(key.String())
}

// setEntry fills in what the manifesto says. What it does not say is null.
func (m *metadataModel) setEntry(piece manifesto.Piece) {
	m.Digest = optionalString(piece.Digest.String())
	m.Size = optionalSize(piece.Size)
	m.MediaType = optionalString(piece.MediaType)
	m.Created = optionalTime(piece.Created)
	m.Pinned = types.BoolValue(piece.Pinned)
	if len(piece.Annotations) > 0 || len(m.Annotations.Elements()) > 0 || m.Annotations.IsUnknown() {
		m.Annotations = optionalMap(piece.Annotations)
	}
}

// setContent keeps the content in the attribute that gives it back unchanged.
func (m *metadataModel) setContent(content []byte) {
	m.Content, m.ContentBase64 = contentValues(content)
}

// annotations returns the configured annotations; unknown values must not be left.
func (m *metadataModel) annotations(ctx context.Context, diags *diag.Diagnostics) map[string]string {
	if m.Annotations.IsNull() {
		return nil
	}
	var annotations map[string]string
	diags.Append(m.Annotations.ElementsAs(ctx, &annotations, false)...)
	return annotations
}
