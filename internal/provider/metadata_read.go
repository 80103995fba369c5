package provider

import (
	"context"
	"errors"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// Read implements resource.Resource. It reads the entry that the state names. It neither resolves a tag nor opens a
// file.
func (r *metadataResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state metadataModel
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
	key := image.key(typeIn(state.Type))
	// The framework wants an identity even of metadata that is gone. It never changes, so it is set first.
	if req.Identity == nil || req.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, state.identity())...)
	}
	if err != nil {
		return // The settings of the registry are not known yet, so the state stays unchanged.
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	floor := knownFloor(ctx, req.Private, &resp.Diagnostics)
	signature := &signatureReader{
		data: r.data, key: key, state: &state.signatureModel, floor: floor, diags: &resp.Diagnostics,
	}
	seen, err := r.data.refresh(ctx, key, &state, signature)
	if errors.Is(err, manifesto.ErrNoEntry) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		r.data.diagnoseKey(err, "reading", key).within(ctx, limit).addTo(&resp.Diagnostics)
		return
	}
	if seen != floor {
		rememberFloor(ctx, resp.Private, seen, &resp.Diagnostics)
	}
	if !reflect.DeepEqual(state, before) {
		resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
	}
}

// refresh sets the attributes of a state to what the registry says of an entry. The error wraps manifesto.ErrNoEntry if
// there is no such entry. It returns the newest manifesto that was verified.
func (d *providerData) refresh(
	ctx context.Context, key manifesto.Key, state *metadataModel, signature *signatureReader,
) (manifesto.Floor, error) {
	piece, err := signature.get(ctx)
	if errors.Is(err, manifesto.ErrNoEntry) {
		return signature.floor, signature.absent(ctx, err)
	}
	if err != nil {
		return signature.floor, err
	}
	if err = d.refreshContent(ctx, key, &piece, state); err != nil {
		return signature.floor, err
	}
	state.setKey(key)
	state.setPiece(piece)
	return signature.read(ctx, piece.Entry)
}

// refreshContent downloads the content if it is not the one in the state. Null content in the state shows that the
// registry has lost it. Content from a file or a write-only attribute never enters the state.
func (d *providerData) refreshContent(
	ctx context.Context, key manifesto.Key, piece *manifesto.Piece, state *metadataModel,
) error {
	imported := state.ID.IsNull()
	inState := !state.Content.IsNull() || !state.ContentBase64.IsNull()
	if piece.Missing {
		state.clearContent()
		return nil
	}
	if !imported && state.Digest.ValueString() == piece.Digest.String() {
		return nil
	}
	content, entry, err := d.store.Content(ctx, key.Repository, piece.Entry)
	if errors.Is(err, manifesto.ErrContentMissing) {
		piece.Pinned = false
		state.clearContent()
		return nil
	}
	if err != nil {
		return err
	}
	piece.Entry = entry
	switch {
	case imported:
		state.setAdoptedContent(content)
	case inState:
		state.setContent(content)
	}
	return nil
}
