package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

var _ resource.ResourceWithMoveState = (*metadataResource)(nil)

// MoveState implements resource.ResourceWithMoveState.
func (r *metadataResource) MoveState(ctx context.Context) []resource.StateMover {
	return moversTo(ctx, moveToMetadata, &imageMetadataResource{}, &repositoryMetadataResource{})
}

// moveOut implements movable.
func (r *metadataResource) moveOut(
	ctx context.Context, state tftypes.Value, diags *diag.Diagnostics,
) (movedPiece, bool) {
	var m metadataModel
	m.decode(ctx, state, diags)
	p := movedPiece{
		subjectModel: m.subjectModel, typ: m.Type, digest: m.Digest, pinned: m.Pinned,
		imagePiece: imagePiece{content: m.Content, contentBase64: m.ContentBase64, annotations: m.Annotations},
		jsonSchema: m.JSONSchema, onTagMove: m.OnTagMove, overwrite: m.Overwrite, keepOnDestroy: m.KeepOnDestroy,
		timeouts: m.Timeouts, signature: m.bulk(),
	}
	p.artifactType = m.ArtifactType
	p.mediaType = p.configuredMediaType(m.MediaType)
	return p, !diags.HasError()
}

// moveToMetadata sets the state of a manifesto_metadata. The refresh that follows sets what p does not have.
func moveToMetadata(ctx context.Context, p movedPiece, resp *resource.MoveStateResponse) {
	m := metadataModel{
		subjectModel: p.subjectModel, Type: p.typ, Pinned: p.pinned,
		entryModel: entryModel{
			Digest: p.digest, MediaType: p.storedMediaType(), Annotations: p.annotations,
			Content: p.content, ContentBase64: p.contentBase64,
		},
		JSONSchema: p.jsonSchema, OnTagMove: p.onTagMove, Overwrite: p.overwrite, KeepOnDestroy: p.keepOnDestroy,
		Timeouts: p.timeouts,
		signatureModel: signatureModel{
			ArtifactType: p.storedArtifactType(), Sign: p.signature.Sign, SignedBy: p.signature.SignedBy,
			SignedAt: p.signature.SignedAt, ExpiresAt: p.signature.ExpiresAt,
		},
	}
	if content, ok := p.bytes(); ok {
		m.Size = types.Int64Value(int64(len(content)))
	}
	if repository, image, err := p.imageStored(); err == nil {
		m.setKey(manifesto.Key{Repository: repository, Image: image, Type: typeIn(p.typ)})
	}
	resp.Diagnostics.Append(resp.TargetState.Set(ctx, &m)...)
	setMovedIdentity(ctx, m.identity(), resp)
}

// setMovedIdentity sets the identity of a moved resource. Terraform below 1.12 has none.
func setMovedIdentity(ctx context.Context, identity any, resp *resource.MoveStateResponse) {
	if resp.TargetIdentity != nil {
		resp.Diagnostics.Append(resp.TargetIdentity.Set(ctx, identity)...)
	}
}
