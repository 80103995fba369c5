package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var _ resource.ResourceWithMoveState = (*imageMetadataResource)(nil)

// MoveState implements resource.ResourceWithMoveState.
func (r *imageMetadataResource) MoveState(ctx context.Context) []resource.StateMover {
	return moversTo(ctx, moveToImageMetadata, &metadataResource{}, &repositoryMetadataResource{})
}

// moveOut implements movable.
func (r *imageMetadataResource) moveOut(
	ctx context.Context, state tftypes.Value, diags *diag.Diagnostics,
) (movedPiece, bool) {
	var m imageMetadataModel
	m.decode(ctx, state, diags)
	pieces := m.pieces()
	if !diags.HasError() && len(pieces) != 1 {
		refuseMove(oneOf(len(pieces), "of them"), diags)
	}
	p := movedPiece{
		subjectModel: m.subjectModel, pinned: m.Pinned, onTagMove: m.OnTagMove, overwrite: m.Overwrite,
		keepOnDestroy: m.KeepOnDestroy, timeouts: m.Timeouts, signature: m.bulkSignatureModel,
	}
	for key, piece := range pieces {
		p.typ, p.imagePiece = types.StringValue(key), piece
		p.digest, _ = m.Digests.Elements()[key].(types.String)
		p.jsonSchema, _ = m.JSONSchema.Elements()[key].(types.String)
	}
	return p, !diags.HasError()
}

// moveToImageMetadata sets the state of a manifesto_image_metadata. The refresh that follows adds the other metadata of
// the image.
func moveToImageMetadata(ctx context.Context, p movedPiece, resp *resource.MoveStateResponse) {
	key := p.typ.ValueString()
	m := imageMetadataModel{
		subjectModel: p.subjectModel, JSONSchema: types.MapNull(types.StringType), OnTagMove: p.onTagMove,
		Overwrite: p.overwrite, KeepOnDestroy: p.keepOnDestroy, Timeouts: p.timeouts,
		Digests: types.MapValueMust(types.StringType, map[string]attr.Value{key: p.digest}), Pinned: p.pinned,
		bulkSignatureModel: p.signature,
	}
	p.artifactType = p.configuredArtifactType()
	m.setPieces(map[string]imagePiece{key: p.imagePiece})
	if !p.jsonSchema.IsNull() {
		m.JSONSchema = types.MapValueMust(types.StringType, map[string]attr.Value{key: p.jsonSchema})
	}
	if repository, image, err := p.imageStored(); err == nil {
		m.setImage(repository, image)
	}
	resp.Diagnostics.Append(resp.TargetState.Set(ctx, &m)...)
	setMovedIdentity(ctx, m.identity(), resp)
}
