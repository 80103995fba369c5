package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// metadataModel is the configuration, the plan and the state of the resource.
type metadataModel struct {
	subjectModel
	entryModel
	signatureModel
	Type             types.String   `tfsdk:"type"`
	Source           types.String   `tfsdk:"source"`
	ContentWO        types.String   `tfsdk:"content_wo"`
	ContentWOVersion types.Int64    `tfsdk:"content_wo_version"`
	JSONSchema       types.String   `tfsdk:"json_schema"`
	OnTagMove        types.String   `tfsdk:"on_tag_move"`
	Overwrite        types.Bool     `tfsdk:"overwrite"`
	KeepOnDestroy    types.Bool     `tfsdk:"keep_on_destroy"`
	Timeouts         timeouts.Value `tfsdk:"timeouts"`
	Pinned           types.Bool     `tfsdk:"pinned"`
}

// identityModel is the identity of the resource.
type identityModel struct {
	Repository  types.String `tfsdk:"repository"`
	ImageDigest types.String `tfsdk:"image_digest"`
	Type        types.String `tfsdk:"type"`
}

// identity returns the identity of the metadata in the model.
func (m *metadataModel) identity() identityModel {
	return identityModel{Repository: m.Repository, ImageDigest: m.ImageDigest, Type: m.Type}
}

// keyIdentity returns the identity of the metadata of a key.
func keyIdentity(key manifesto.Key) identityModel {
	return identityModel{
		Repository:  types.StringValue(key.Repository.String()),
		ImageDigest: types.StringValue(key.Image.String()),
		Type:        types.StringValue(keyOfType(key.Type)),
	}
}

// key returns the key that a state, or a plan without unknown values, names. The error wraps oci.ErrBadReference or
// oci.ErrBadDigest.
func (m *metadataModel) key() (manifesto.Key, error) {
	repository, image, err := m.imageStored()
	if err != nil {
		return manifesto.Key{}, err
	}
	return manifesto.Key{Repository: repository, Image: image, Type: typeIn(m.Type)}, nil
}

// setPiece sets what the registry says of the metadata. Empty annotations stay null or an empty map, as configured.
func (m *metadataModel) setPiece(piece manifesto.Piece) {
	m.setEntry(piece.Entry)
	m.Pinned = types.BoolValue(piece.Pinned)
	m.setArtifact(piece.Artifact)
	if len(piece.Annotations) > 0 || len(m.Annotations.Elements()) > 0 || m.Annotations.IsUnknown() {
		m.Annotations = optionalMap(piece.Annotations)
	}
}

// annotations returns the configured annotations, which must be known. They are nil if none are configured.
func (m *metadataModel) annotations(ctx context.Context, diags *diag.Diagnostics) map[string]string {
	if m.Annotations.IsNull() {
		return nil
	}
	var annotations map[string]string
	diags.Append(m.Annotations.ElementsAs(ctx, &annotations, false)...)
	return annotations
}
