package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// A moved block may name resources of different types. The state of the one then becomes that of the other, as far as
// it is about one piece of metadata of one image, and nothing is written to the registry.

// movedPiece is one piece of metadata on its way from the state of a resource to that of another type.
type movedPiece struct {
	subjectModel
	// typ is the key of the type.
	typ types.String
	imagePiece
	digest                   types.String
	pinned                   types.Bool
	signature                bulkSignatureModel
	jsonSchema, onTagMove    types.String
	overwrite, keepOnDestroy types.Bool
	timeouts                 timeouts.Value
}

// movable is a resource whose state can be moved.
type movable interface {
	resource.Resource
	// moveOut reads a state. If it returns false, diags has an error.
	moveOut(ctx context.Context, state tftypes.Value, diags *diag.Diagnostics) (movedPiece, bool)
}

// moversTo returns what moves the states of other resources to a resource, whose state moveIn sets.
func moversTo(
	ctx context.Context, moveIn func(context.Context, movedPiece, *resource.MoveStateResponse), sources ...movable,
) []resource.StateMover {
	movers := make([]resource.StateMover, 0, len(sources))
	for _, source := range sources {
		var metadata resource.MetadataResponse
		source.Metadata(ctx, resource.MetadataRequest{ProviderTypeName: typeName}, &metadata)
		var schema resource.SchemaResponse
		source.Schema(ctx, resource.SchemaRequest{}, &schema)
		movers = append(movers, resource.StateMover{
			SourceSchema: &schema.Schema,
			StateMover: func(ctx context.Context, req resource.MoveStateRequest, resp *resource.MoveStateResponse) {
				ours := strings.HasSuffix(req.SourceProviderAddress, "/"+typeName)
				if req.SourceTypeName != metadata.TypeName || !ours || req.SourceState == nil {
					return // Another mover may know it.
				}
				if piece, ok := source.moveOut(ctx, req.SourceState.Raw, &resp.Diagnostics); ok {
					moveIn(ctx, piece, resp)
				}
			},
		})
	}
	return movers
}

// refuseMove explains that a state cannot be moved.
func refuseMove(reason string, diags *diag.Diagnostics) {
	diags.AddError("State cannot be moved", reason+"\n\nRemove the moved block. Take the old resource out of the state "+
		"with a removed block that has lifecycle { destroy = false }, and add an import block for each new one. Nothing is "+
		"then written to the registry either.")
}

// oneOf describes that a state is not about one piece of metadata.
func oneOf(count int, what string) string {
	return fmt.Sprintf("A moved block between resources of different types moves one piece of metadata. The state of the "+
		"old resource has %d %s.", count, what)
}

// detectedMediaTypes are those that the provider stores if none is configured.
var detectedMediaTypes = []string{
	format.DetectMediaType([]byte("{}")), format.DetectMediaType([]byte("a")), format.DetectMediaType([]byte{0}),
}

// configuredMediaType returns a stored media type if it must be configured: if it is not the one that is detected.
func (p *imagePiece) configuredMediaType(stored types.String) types.String {
	content, ok := p.bytes()
	if ok && stored.ValueString() == format.DetectMediaType(content) {
		return types.StringNull()
	}
	if !ok && slices.Contains(detectedMediaTypes, stored.ValueString()) {
		return types.StringNull()
	}
	return stored
}

// storedMediaType returns the media type that a state shows: the configured one, or the one that is detected.
func (p *imagePiece) storedMediaType() types.String {
	content, ok := p.bytes()
	if p.mediaType.IsNull() && ok {
		return types.StringValue(format.DetectMediaType(content))
	}
	return p.mediaType
}

// bytes returns the content of an element of a state, if that has it.
func (p *imagePiece) bytes() ([]byte, bool) {
	if p.contentBase64.IsNull() {
		return []byte(p.content.ValueString()), !p.content.IsNull()
	}
	content, err := base64.StdEncoding.DecodeString(p.contentBase64.ValueString())
	return content, err == nil
}

// configuredArtifactType returns the artifact type of a state if it must be configured: a signed piece has one by
// default.
func (p *movedPiece) configuredArtifactType() types.String {
	if !p.signature.Signed.IsNull() && p.artifactType.ValueString() == format.DefaultArtifactType(typeIn(p.typ)) {
		return types.StringNull()
	}
	return p.artifactType
}

// storedArtifactType returns the artifact type that a state shows: the configured one, or that which a signed piece has
// by default.
func (p *movedPiece) storedArtifactType() types.String {
	return optionalString(artifactTypeOf(p.artifactType, typeIn(p.typ), !p.signature.Signed.IsNull()))
}
