package provider

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Read implements resource.Resource. It reads all entries of the type. It resolves no tags, and it downloads only
// contents that the state does not have.
func (r *repositoryMetadataResource) Read(
	ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse,
) {
	var state repositoryMetadataModel
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	limit, diags := readLimit(ctx, state.Timeouts)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	repository, err := r.stored(&state)
	if err != nil && !errors.Is(err, errUnknown) {
		r.diagnoseStored(err, &state).addTo(&resp.Diagnostics)
		return
	}
	if req.Identity == nil || req.Identity.Raw.IsFullyNull() {
		resp.Diagnostics.Append(resp.Identity.Set(ctx, state.identity(repository))...)
	}
	if err != nil {
		return // The settings of the registry are not known yet, so the state stays unchanged.
	}
	ctx, cancel := context.WithTimeout(ctx, limit.duration)
	defer cancel()
	b := state.bulk(r.data, repository, limit)
	b.refreshed()
	floor := knownFloor(ctx, req.Private, &resp.Diagnostics)
	refresh := newRepositoryRefresh(&state)
	seen, err := refresh.run(ctx, b, floor, &resp.Diagnostics)
	if err != nil {
		b.diagnose(ctx, err, "reading").addTo(&resp.Diagnostics)
		return
	}
	if seen != floor {
		rememberFloor(ctx, resp.Private, seen, &resp.Diagnostics)
	}
	resp.State.Raw = state.encode(ctx, req.State.Raw, &resp.Diagnostics)
}

// stored returns the repository of a state. The error wraps errUnknown or oci.ErrBadReference; with errUnknown, the
// repository is valid.
func (r *repositoryMetadataResource) stored(state *repositoryMetadataModel) (oci.Repository, error) {
	repository, err := state.stored()
	switch {
	case err != nil:
		return oci.Repository{}, err
	case r.data == nil:
		return repository, errNotConfigured
	case r.data.settings.unknown(repository.Host()):
		return repository, errUnknown
	}
	return repository, nil
}

// diagnoseStored explains an error of stored.
func (r *repositoryMetadataResource) diagnoseStored(err error, state *repositoryMetadataModel) diagnosis {
	if errors.Is(err, errUnknown) {
		result := diagnoseUnknown(err, state.Repository.ValueString())
		if result.attribute != "" {
			result.attribute = "repository"
		}
		return result
	}
	return diagnosis{summary: "Unreadable state", detail: sentence(err)}
}

// repositoryRefresh brings a state up to date.
type repositoryRefresh struct {
	state *repositoryMetadataModel
	// imported says that the state is that of an import, which has no elements yet.
	imported bool
	// before is the state without the changes.
	before repositoryMetadataModel
	// keys are the elements of the state by the image that they name.
	keys map[oci.Digest][]string
	// wanted are the contents to download, and places the keys that have each of them.
	wanted []manifesto.Located
	places [][]string
	// size is that of the contents that stay, in bytes.
	size int64
}

func newRepositoryRefresh(state *repositoryMetadataModel) *repositoryRefresh {
	r := &repositoryRefresh{
		state: state, before: *state, imported: state.Pinned.IsNull(), keys: keysOf(state.ImageDigests.texts),
	}
	state.Images, state.ImagesBase64 = newTextMap(nil), newTextMap(nil)
	state.ImageDigests, state.Digests = newTextMap(nil), newTextMap(nil)
	state.Differing = textMap{null: true}
	return r
}

// run brings the state up to date. It returns the newest manifesto that was verified.
func (r *repositoryRefresh) run(
	ctx context.Context, b bulk, floor manifesto.Floor, diags *diag.Diagnostics,
) (manifesto.Floor, error) {
	s := bulkSignatures{
		bulk: b, floor: floor,
		before: r.before.bulkSignatureModel, signs: b.data.refreshSigns(&r.before.bulkSignatureModel, r.imported),
	}
	if err := s.verify(ctx); err != nil {
		return floor, err
	}
	pieces, err := b.data.store.Pieces(ctx, b.repository, s.filter)
	if err != nil {
		return floor, err
	}
	if err = s.warnWithdrawn(ctx, pieces, r.held(b.repository), diags); err != nil {
		return floor, err
	}
	r.compare(pieces)
	r.compareFacts(pieces)
	if err = r.download(ctx, b, diags); err != nil {
		return floor, err
	}
	r.finish()
	return s.seen(), r.publication(ctx, &s, pieces, diags)
}

// held returns the keys of the elements of the state.
func (r *repositoryRefresh) held(repository oci.Repository) []manifesto.Key {
	keys := make([]manifesto.Key, 0, len(r.keys))
	for image := range r.keys {
		keys = append(keys, manifesto.Key{Repository: repository, Image: image, Type: typeIn(r.before.Type)})
	}
	return keys
}

// publication sets how the metadata that the state has is published and signed. An artifact type that the state does
// not have shows.
func (r *repositoryRefresh) publication(
	ctx context.Context, s *bulkSignatures, pieces []manifesto.Located, diags *diag.Diagnostics,
) error {
	var own []manifesto.Located
	for _, l := range pieces {
		if _, ok := r.keys[l.Key.Image]; ok || r.imported {
			own = append(own, l)
			if r.state.ArtifactType.IsNull() {
				r.state.ArtifactType = optionalString(l.Piece.Artifact.Type)
			}
		}
	}
	publishes := !r.before.Attached.IsNull() || r.imported && !r.state.ArtifactType.IsNull()
	wanted := artifactTypeOf(r.state.ArtifactType, typeIn(r.before.Type), s.signs)
	return s.refresh(ctx, &r.state.bulkSignatureModel, own, func(manifesto.Key) string { return wanted }, publishes, diags)
}

// keysOf returns the keys of an image.
func (r *repositoryRefresh) keysOf(image oci.Digest) []string {
	if keys, ok := r.keys[image]; ok {
		return keys
	}
	return []string{image.String()}
}

// compare sets the images, the digests, and contents that have not changed. An entry that the state does not have gets
// the image's digest as its key.
func (r *repositoryRefresh) compare(pieces []manifesto.Located) {
	r.state.Pinned = types.BoolValue(true)
	for _, located := range pieces {
		piece := located.Piece
		if !piece.Pinned || piece.Missing {
			r.state.Pinned = types.BoolValue(false)
		}
		image := located.Key.Image
		keys := r.keysOf(image)
		var changed []string
		for _, key := range keys {
			r.state.ImageDigests.texts[key] = image.String()
			r.state.Digests.texts[key] = piece.Digest.String()
			if !piece.Missing && !r.keeps(key, piece.Digest) {
				changed = append(changed, key)
			}
		}
		if len(changed) > 0 {
			r.wanted = append(r.wanted, located)
			r.places = append(r.places, changed)
		}
	}
}

// keeps reports whether the state has the current content of an element, which then stays.
func (r *repositoryRefresh) keeps(key string, digest oci.Digest) bool {
	if r.before.Digests.texts[key] != digest.String() {
		return false
	}
	if text, ok := r.before.Images.texts[key]; ok {
		r.state.Images.texts[key] = text
		r.size += int64(len(text))
		return true
	}
	text, ok := r.before.ImagesBase64.texts[key]
	if ok {
		r.state.ImagesBase64.texts[key] = text
		r.size += int64(len(text)) / 4 * 3
	}
	return ok
}

// download sets the contents that have changed. An element whose content is lost or cannot be shown is in neither
// images nor images_base64.
func (r *repositoryRefresh) download(ctx context.Context, b bulk, diags *diag.Diagnostics) error {
	contents, err := b.download(ctx, r.wanted, maxContents-r.size, r.imported, diags)
	if err != nil {
		return err
	}
	for i, content := range contents {
		if content.lost {
			r.state.Pinned = types.BoolValue(false)
		}
		if content.bytes == nil {
			continue
		}
		for _, key := range r.places[i] {
			r.setContent(key, content.bytes)
		}
	}
	return nil
}

// setContent sets an element in the attribute that has had it, if the content fits.
func (r *repositoryRefresh) setContent(key string, content []byte) {
	var entry entryModel
	entry.setContent(content)
	_, wasBase64 := r.before.ImagesBase64.texts[key]
	if entry.Content.IsNull() || wasBase64 {
		r.state.ImagesBase64.texts[key] = base64.StdEncoding.EncodeToString(content)
		return
	}
	r.state.Images.texts[key] = entry.Content.ValueString()
}

// finish leaves an attribute that was null and has no elements null. The configuration must set one of the two, and
// after an import it is most likely images.
func (r *repositoryRefresh) finish() {
	state, before := r.state, &r.before
	state.ImagesBase64.null = len(state.ImagesBase64.texts) == 0 && before.ImagesBase64.null
	state.Images.null = len(state.Images.texts) == 0 && before.Images.null && (!r.imported || !state.ImagesBase64.null)
}
