package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var _ resource.ResourceWithMoveState = (*repositoryMetadataResource)(nil)

// MoveState implements resource.ResourceWithMoveState.
func (r *repositoryMetadataResource) MoveState(ctx context.Context) []resource.StateMover {
	return moversTo(ctx, moveToRepositoryMetadata, &metadataResource{}, &imageMetadataResource{})
}

// moveOut implements movable.
func (r *repositoryMetadataResource) moveOut(
	ctx context.Context, state tftypes.Value, diags *diag.Diagnostics,
) (movedPiece, bool) {
	var m repositoryMetadataModel
	m.decode(ctx, state, diags)
	if !diags.HasError() && m.ImageDigests.len() != 1 {
		refuseMove(oneOf(m.ImageDigests.len(), "tags and digests"), diags)
	}
	p := movedPiece{
		typ: m.Type, pinned: m.Pinned, jsonSchema: m.JSONSchema, onTagMove: m.OnTagMove, overwrite: m.Overwrite,
		keepOnDestroy: m.KeepOnDestroy, timeouts: m.Timeouts, signature: m.bulkSignatureModel,
		imagePiece: imagePiece{mediaType: m.MediaType, annotations: m.Annotations, artifactType: m.ArtifactType},
	}
	for key, image := range m.ImageDigests.texts {
		separator := ":"
		if strings.Contains(key, ":") {
			separator = "@"
		}
		p.Image = types.StringValue(m.Repository.ValueString() + separator + key)
		if repository, err := m.stored(); err == nil {
			p.setImage(repository, oci.Digest(image))
		}
		p.digest = types.StringValue(m.Digests.texts[key])
		if text, ok := m.Images.texts[key]; ok {
			p.content = types.StringValue(text)
		}
		if text, ok := m.ImagesBase64.texts[key]; ok {
			p.contentBase64 = types.StringValue(text)
		}
	}
	return p, !diags.HasError()
}

// moveToRepositoryMetadata sets the state of a manifesto_repository_metadata. The refresh that follows adds the
// metadata of other images.
func moveToRepositoryMetadata(ctx context.Context, p movedPiece, resp *resource.MoveStateResponse) {
	repository, image, err := p.imageStored()
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Unreadable state", sentence(err))
		return
	case !p.Platform.IsNull():
		refuseMove("The old resource has a platform, which manifesto_repository_metadata has not: it names the platform's "+
			"image by its digest.", &resp.Diagnostics)
		return
	}
	name, key := repositoryAndKey(p.Image.ValueString(), repository, image)
	m := repositoryMetadataModel{
		Repository: types.StringValue(name), Type: p.typ, MediaType: p.mediaType, Annotations: p.annotations,
		Images: textMap{null: true}, ImagesBase64: textMap{null: true}, Differing: textMap{null: true}, Pinned: p.pinned,
		ImageDigests: newTextMap(map[string]string{key: image.String()}),
		Digests:      newTextMap(map[string]string{key: p.digest.ValueString()}),
		ArtifactType: p.storedArtifactType(), bulkSignatureModel: p.signature,
	}
	switch {
	case !p.content.IsNull():
		m.Images = newTextMap(map[string]string{key: p.content.ValueString()})
	case !p.contentBase64.IsNull():
		m.ImagesBase64 = newTextMap(map[string]string{key: p.contentBase64.ValueString()})
	}
	m.setID(repository)
	for attribute, value := range map[string]any{
		"type": p.typ, "json_schema": p.jsonSchema, "on_tag_move": p.onTagMove, "overwrite": p.overwrite,
		"keep_on_destroy": p.keepOnDestroy, "timeouts": p.timeouts,
	} {
		resp.Diagnostics.Append(resp.TargetState.SetAttribute(ctx, path.Root(attribute), value)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.TargetState.Raw = m.encode(ctx, resp.TargetState.Raw, &resp.Diagnostics)
	setMovedIdentity(ctx, m.identity(repository), resp)
}

// repositoryAndKey splits the reference of an image into the name of its repository, as the reference spells it, and
// the image's key in a repository's metadata.
func repositoryAndKey(text string, repository oci.Repository, image oci.Digest) (name, key string) {
	if before, _, ok := strings.Cut(text, "@"); ok {
		if _, err := oci.ParseRepository(before, ""); err != nil {
			before = repository.String() // It has a tag besides the digest.
		}
		return before, image.String()
	}
	reference, err := oci.ParseReference(text, "")
	if err != nil || reference.Tag == "" {
		return repository.String(), image.String()
	}
	return strings.TrimSuffix(text, ":"+reference.Tag), reference.Tag
}
