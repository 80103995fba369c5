package provider

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Read implements resource.Resource. It reads all entries of the image that the state names. It resolves no tag, and
// downloads only contents that the state does not have.
func (r *imageMetadataResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state imageMetadataModel
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	before := state
	limit, diags := readLimit(ctx, state.Timeouts)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	image, err := r.data.stored(&state.subjectModel)
	if err != nil && !errors.Is(err, errUnknown) {
		image.diagnoseStored(err).addTo(&resp.Diagnostics)
		return
	}
	if req.Identity == nil || req.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, state.identity())...)
	}
	if err != nil {
		return // The settings of the registry are not known yet, so the state stays unchanged.
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	b, floor := state.bulk(image, limit), knownFloor(ctx, req.Private, &resp.Diagnostics)
	b.refreshed()
	refresh := imageRefresh{
		bulk: b, imported: state.ID.IsNull(), before: state.pieces(), digests: state.digests(), diags: &resp.Diagnostics,
	}
	refresh.signatures = bulkSignatures{
		bulk: b, floor: floor, before: state.bulkSignatureModel,
		signs: r.data.refreshSigns(&state.bulkSignatureModel, refresh.imported),
	}
	err = refresh.run(ctx, &state)
	if errors.Is(err, manifesto.ErrNoEntry) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		b.diagnose(ctx, err, "reading").addTo(&resp.Diagnostics)
		return
	}
	if seen := refresh.signatures.seen(); seen != floor {
		rememberFloor(ctx, resp.Private, seen, &resp.Diagnostics)
	}
	state.setImage(b.repository, image.digest)
	if !reflect.DeepEqual(state, before) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	}
}

// imageRefresh brings the state of an image's metadata up to date.
type imageRefresh struct {
	bulk
	diags *diag.Diagnostics
	// imported says that the state is that of an import, which has no elements yet.
	imported bool
	// before are the elements of the state, and digests their digests.
	before     map[string]imagePiece
	digests    map[string]oci.Digest
	signatures bulkSignatures
}

// run sets what follows from the entries of the image. The error wraps manifesto.ErrNoEntry if those that the state has
// are gone.
func (r *imageRefresh) run(ctx context.Context, state *imageMetadataModel) error {
	if err := r.signatures.verify(ctx); err != nil {
		return err
	}
	located, err := r.data.store.Pieces(ctx, r.repository, r.signatures.filter)
	if err != nil {
		return err
	}
	if err = r.signatures.warnWithdrawn(ctx, located, r.keys(), r.diags); err != nil {
		return err
	}
	if len(located) == 0 && len(r.before) > 0 {
		r.signatures.warnRemoved(r.diags)
		return manifesto.ErrNoEntry
	}
	contents, err := r.download(ctx, located)
	if err != nil {
		return err
	}
	pieces, digests := make(map[string]imagePiece, len(located)), make(map[string]attr.Value, len(located))
	pinned := true
	for i, l := range located {
		key := keyOfType(l.Key.Type)
		pieces[key] = r.piece(key, l.Piece, contents[i])
		digests[key] = types.StringValue(l.Piece.Digest.String())
		pinned = pinned && l.Piece.Pinned && !l.Piece.Missing
	}
	state.setPieces(pieces)
	state.Digests = types.MapValueMust(types.StringType, digests)
	state.Pinned = types.BoolValue(pinned)
	return r.publication(ctx, located, state)
}

// keys returns the keys of the elements of the state.
func (r *imageRefresh) keys() []manifesto.Key {
	keys := make([]manifesto.Key, 0, len(r.before))
	for key := range r.before {
		keys = append(keys, manifesto.Key{Repository: r.repository, Image: r.filter.Image, Type: typeOfKey(key)})
	}
	return keys
}

// publication sets how the metadata that the state has is published and signed.
func (r *imageRefresh) publication(
	ctx context.Context, located []manifesto.Located, state *imageMetadataModel,
) error {
	var own []manifesto.Located
	wanted := map[manifesto.Key]string{}
	publishes := !r.signatures.before.Attached.IsNull()
	for _, l := range located {
		key := keyOfType(l.Key.Type)
		before, known := r.before[key]
		if r.imported {
			before.artifactType, known = optionalString(l.Piece.Artifact.Type), true
			publishes = publishes || l.Piece.Artifact.Type != ""
		}
		if known {
			own = append(own, l)
			wanted[l.Key] = artifactTypeOf(before.artifactType, l.Key.Type, r.signatures.signs)
		}
	}
	wants := func(key manifesto.Key) string { return wanted[key] }
	return r.signatures.refresh(ctx, &state.bulkSignatureModel, own, wants, publishes, r.diags)
}

// download returns the contents that the state does not have, each at the index of its entry, and corrects the entries
// as Store.Contents does. A content that cannot be shown is nil, like one that is lost.
func (r *imageRefresh) download(ctx context.Context, located []manifesto.Located) ([][]byte, error) {
	var wanted []manifesto.Located
	var places []int
	limit := int64(maxContents)
	for i, l := range located {
		switch key := keyOfType(l.Key.Type); {
		case r.keeps(key, l.Piece):
			limit -= r.before[key].size()
		case !l.Piece.Missing:
			wanted, places = append(wanted, l), append(places, i)
		}
	}
	downloaded, err := r.bulk.download(ctx, wanted, limit, r.imported, r.diags)
	if err != nil {
		return nil, err
	}
	contents := make([][]byte, len(located))
	for i, place := range places {
		contents[place], located[place] = downloaded[i].bytes, wanted[i]
		located[place].Piece.Missing = downloaded[i].lost
	}
	return contents, nil
}

// keeps reports whether the state has the content of a piece, and the registry has it, too.
func (r *imageRefresh) keeps(key string, piece manifesto.Piece) bool {
	return !piece.Missing && r.digests[key] == piece.Digest && r.before[key].hasContent()
}

// piece returns the element of a piece. content is nil if the state has it, if it is lost, or if it cannot be shown. A
// media type that an element of the state does not have is not tracked. An artifact type that it does not have shows,
// unless the piece has it because it is signed.
func (r *imageRefresh) piece(key string, located manifesto.Piece, content []byte) imagePiece {
	entry := located.Entry
	before, known := r.before[key]
	piece := imagePiece{annotations: optionalMap(entry.Annotations), artifactType: before.artifactType}
	byDefault := r.signatures.signs && entry.Artifact.Type == format.DefaultArtifactType(entry.Type)
	if before.artifactType.IsNull() && !byDefault {
		piece.artifactType = optionalString(entry.Artifact.Type)
	}
	if known && len(entry.Annotations) == 0 && len(before.annotations.Elements()) == 0 {
		piece.annotations = before.annotations
	}
	switch {
	case content != nil:
		piece.setContent(content, r.imported, !before.contentBase64.IsNull())
	case r.keeps(key, located):
		piece.content, piece.contentBase64 = before.content, before.contentBase64
	}
	switch {
	case !known && content != nil && entry.MediaType == format.DetectMediaType(content):
	case !known || !before.mediaType.IsNull():
		piece.mediaType = optionalString(entry.MediaType)
	}
	return piece
}

// setContent sets the content as text if Terraform can carry it unchanged, unless isBase64 asks for base64. An import
// may be the source of a generated configuration, which must have the same bytes.
func (p *imagePiece) setContent(content []byte, imported, isBase64 bool) {
	var entry entryModel
	switch {
	case isBase64:
		entry.ContentBase64 = types.StringValue(base64.StdEncoding.EncodeToString(content))
	case imported:
		entry.setAdoptedContent(content)
	default:
		entry.setContent(content)
	}
	p.content, p.contentBase64 = entry.Content, entry.ContentBase64
}
