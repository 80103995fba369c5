package provider

import (
	"context"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// imageMetadataModel is the configuration, the plan and the state of the resource.
type imageMetadataModel struct {
	subjectModel
	Metadata      types.Map      `tfsdk:"metadata"`
	JSONSchema    types.Map      `tfsdk:"json_schema"`
	OnTagMove     types.String   `tfsdk:"on_tag_move"`
	Overwrite     types.Bool     `tfsdk:"overwrite"`
	KeepOnDestroy types.Bool     `tfsdk:"keep_on_destroy"`
	Timeouts      timeouts.Value `tfsdk:"timeouts"`
	// Digests has the elements of Metadata.
	Digests types.Map  `tfsdk:"digests"`
	Pinned  types.Bool `tfsdk:"pinned"`
	bulkSignatureModel
}

// imageIdentityModel is the identity of the resource.
type imageIdentityModel struct {
	Repository  types.String `tfsdk:"repository"`
	ImageDigest types.String `tfsdk:"image_digest"`
}

func (m *imageMetadataModel) identity() imageIdentityModel {
	return imageIdentityModel{Repository: m.Repository, ImageDigest: m.ImageDigest}
}

// decode sets the model to a configuration, a plan or a state.
func (m *imageMetadataModel) decode(ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics) {
	d := objectDecoder{ctx: ctx}
	d.err = raw.As(&d.values)
	texts := types.MapType{ElemType: types.StringType}
	*m = imageMetadataModel{
		subjectModel: d.subject(),
		Metadata:     decodeAs[types.Map](&d, "metadata", types.MapType{ElemType: imagePieceType}),
		JSONSchema:   decodeAs[types.Map](&d, "json_schema", texts),
		OnTagMove:    d.text("on_tag_move"), Overwrite: d.boolean("overwrite"), KeepOnDestroy: d.boolean("keep_on_destroy"),
		Timeouts: decodeAs[timeouts.Value](&d, "timeouts", timeoutsType()),
		Digests:  decodeAs[types.Map](&d, "digests", texts),
		Pinned:   d.boolean("pinned"), bulkSignatureModel: d.bulkSignature(),
	}
	d.report(diags)
}

// bulk returns the resource's dealings with the registry and with people.
func (m *imageMetadataModel) bulk(image subject, limit timeLimit) bulk {
	repository := image.reference.Repository
	return bulk{
		data: image.data, repository: repository, limit: limit, entries: "metadata", subject: "image",
		filter: manifesto.Filter{Image: image.digest}, reference: image.data.declaredAs(&m.subjectModel),
		what: "metadata of image " + repository.Digested(image.digest).String(),
		name: func(key manifesto.Key) string { return strconv.Quote(keyOfType(key.Type)) },
	}
}

// imagePiece is an element of metadata.
type imagePiece struct {
	content, contentBase64, mediaType types.String
	annotations                       types.Map
	artifactType                      types.String
}

// imagePieceType is the type of an element of metadata.
var imagePieceType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"content": types.StringType, "content_base64": types.StringType, "media_type": types.StringType,
	"annotations": types.MapType{ElemType: types.StringType}, "artifact_type": types.StringType,
}}

// imagePieceOf reads an element of metadata. The attributes of an unknown object are unknown, and those of null are
// null.
func imagePieceOf(value attr.Value) imagePiece {
	piece := imagePiece{annotations: types.MapNull(types.StringType)}
	if value.IsUnknown() {
		return imagePiece{
			types.StringUnknown(), types.StringUnknown(), types.StringUnknown(), types.MapUnknown(types.StringType),
			types.StringUnknown(),
		}
	}
	object, ok := value.(types.Object)
	if !ok || object.IsNull() {
		return piece
	}
	attributes := object.Attributes()
	piece.content, _ = attributes["content"].(types.String)
	piece.contentBase64, _ = attributes["content_base64"].(types.String)
	piece.mediaType, _ = attributes["media_type"].(types.String)
	piece.annotations, _ = attributes["annotations"].(types.Map)
	piece.artifactType, _ = attributes["artifact_type"].(types.String)
	return piece
}

// object returns the element as Terraform has it.
func (p imagePiece) object() attr.Value {
	return types.ObjectValueMust(imagePieceType.AttrTypes, map[string]attr.Value{
		"content": p.content, "content_base64": p.contentBase64, "media_type": p.mediaType, "annotations": p.annotations,
		"artifact_type": p.artifactType,
	})
}

// hasContent reports whether a state has the content. It lacks what is lost, or could not be shown.
func (p imagePiece) hasContent() bool { return !p.content.IsNull() || !p.contentBase64.IsNull() }

// size returns the size of the content in bytes, without decoding it.
func (p imagePiece) size() int64 {
	return int64(len(p.content.ValueString())) + int64(len(p.contentBase64.ValueString()))/4*3
}

// pieces returns the elements of metadata.
func (m *imageMetadataModel) pieces() map[string]imagePiece {
	elements := m.Metadata.Elements()
	pieces := make(map[string]imagePiece, len(elements))
	for key, value := range elements {
		pieces[key] = imagePieceOf(value)
	}
	return pieces
}

// setPieces sets metadata.
func (m *imageMetadataModel) setPieces(pieces map[string]imagePiece) {
	elements := make(map[string]attr.Value, len(pieces))
	for key, piece := range pieces {
		elements[key] = piece.object()
	}
	m.Metadata = types.MapValueMust(imagePieceType, elements)
}

// digests returns the digests of a state. That of an entry without a usable digest is empty.
func (m *imageMetadataModel) digests() map[string]oci.Digest {
	elements := m.Digests.Elements()
	digests := make(map[string]oci.Digest, len(elements))
	for key, value := range elements {
		text, _ := value.(types.String)
		digests[key] = oci.Digest(text.ValueString())
	}
	return digests
}

// held returns what a state has, and compares it with the elements that are planned.
func (m *imageMetadataModel) held(image subject, planned map[string]imagePiece) map[manifesto.Key]bulkHeld {
	held := map[manifesto.Key]bulkHeld{}
	reference, pieces := image.data.declaredAs(&m.subjectModel), m.pieces()
	for key, digest := range m.digests() {
		current := bulkHeld{
			reference: reference, digest: digest, repair: !pieces[key].hasContent(),
			artifactType: artifactTypeOf(pieces[key].artifactType, typeOfKey(key), !m.Signed.IsNull()),
		}
		if next, ok := planned[key]; ok {
			current.stale = !next.mediaType.Equal(pieces[key].mediaType) ||
				!sameAnnotations(next.annotations, pieces[key].annotations)
		}
		held[image.key(typeOfKey(key))] = current
	}
	return held
}
