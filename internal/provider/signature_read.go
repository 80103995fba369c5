package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// isRefused reports whether a manifesto is one that must not be built upon: an older one, or that of another
// repository. What is merely unsigned can be signed.
func isRefused(reason error) bool {
	return errors.Is(reason, manifesto.ErrRolledBack) || errors.Is(reason, manifesto.ErrForked) ||
		errors.Is(reason, manifesto.ErrOtherRepository)
}

// signatureReader refreshes how one piece of metadata is published and signed.
type signatureReader struct {
	data *providerData
	key  manifesto.Key
	// state are the attributes.
	state *signatureModel
	floor manifesto.Floor
	// own says how to verify in place of the provider's verification; nil for that.
	own   *verification
	diags *diag.Diagnostics
	// snapshot is the manifesto to read, so that what is shown is what is verified. get takes the current one if it is nil
	// and the refresh verifies.
	snapshot *manifesto.Snapshot
	// entry is the piece's, as get has found it.
	entry format.Entry
}

// verification says how to verify; nil for not at all.
func (r *signatureReader) verification() *verification {
	if r.own != nil {
		return r.own
	}
	return r.data.verification
}

// verifies reports whether the refresh verifies signatures: the provider is configured to, and the piece is one to
// sign.
func (r *signatureReader) verifies() bool {
	switch {
	case r.own != nil:
		return true
	case r.data.verification == nil:
		return false
	}
	sign, known := r.data.signs(r.state.Sign)
	return sign || !known || !r.state.SignatureDigest.IsNull()
}

// get returns the piece. If there is none, the error wraps manifesto.ErrNoEntry.
func (r *signatureReader) get(ctx context.Context) (piece manifesto.Piece, err error) {
	if r.snapshot == nil && r.verifies() {
		demand := r.verification().demand(r.floor)
		if r.snapshot, err = r.data.store.Trust(ctx, r.key.Repository, r.key.Image, demand); err != nil {
			return piece, err
		}
	}
	if r.snapshot != nil {
		piece, err = r.snapshot.Get(ctx, r.key)
	} else {
		piece, err = r.data.store.Get(ctx, r.key)
	}
	r.entry = piece.Entry
	return piece, err
}

// read sets the attributes to what the registry has. An artifact or a signature that is gone is null, and so is a
// signature that is not to be trusted: the next plan makes it anew. It returns the newest manifesto that was verified.
func (r *signatureReader) read(ctx context.Context, entry format.Entry) (manifesto.Floor, error) {
	before := *r.state
	r.state.setArtifact(entry.Artifact)
	if err := r.readArtifact(ctx, entry, &before); err != nil {
		return r.floor, err
	}
	if r.verifies() {
		return r.verify(ctx)
	}
	if r.data.settings.verificationUnknown { // Whom to trust is not known yet, so nothing more is said.
		return r.floor, nil
	}
	if before.SignatureDigest.IsNull() || r.state.ArtifactDigest.IsNull() {
		r.state.setSignature(signing.Found{})
		return r.floor, nil
	}
	listed, err := r.data.store.Attached(ctx, r.key.Repository, entry.Artifact.Digest)
	if _, there := listed[oci.Digest(before.SignatureDigest.ValueString())]; err == nil && !there {
		r.state.setSignature(signing.Found{})
	}
	return r.floor, err
}

// readArtifact shows an artifact that is no longer attached to the image, or that another tool's change of the entry
// has left behind, as null.
func (r *signatureReader) readArtifact(ctx context.Context, entry format.Entry, before *signatureModel) error {
	if entry.Artifact == (format.Artifact{}) {
		return r.readWithdrawn(ctx, before.ArtifactDigest)
	}
	listed, err := r.data.store.Attached(ctx, r.key.Repository, r.key.Image)
	if err != nil {
		return err
	}
	_, ok := format.ArtifactOf(r.key.Image, entry)
	if _, there := listed[entry.Artifact.Digest]; !ok || !there {
		r.state.ArtifactDigest = types.StringNull()
	}
	warnSuperseded(r.key, listed, entry.Artifact.Digest, path.Root("artifact_digest"), r.diags)
	return nil
}

// readWithdrawn warns of an artifact of the state that is still attached although the manifesto does not name it any
// more.
func (r *signatureReader) readWithdrawn(ctx context.Context, before types.String) error {
	if before.IsNull() {
		return nil
	}
	return r.data.warnWithdrawn(ctx, r.key, path.Root("artifact_digest"), r.diags)
}

// absent returns the error for a piece that is not in the manifesto: missing itself, unless the manifesto is one that
// must not be believed.
func (r *signatureReader) absent(ctx context.Context, missing error) error {
	if err := r.readWithdrawn(ctx, r.state.ArtifactDigest); err != nil {
		return err
	}
	if !r.verifies() {
		return missing
	}
	verified := r.snapshot.Verified()
	switch {
	case isRefused(verified.Reason):
		return verified.Reason
	case verified.Reason != nil:
		r.diags.AddWarning("Metadata removed by an unknown hand", fmt.Sprintf(
			"%s is no longer in the manifesto, and nobody to be trusted has signed that: %s",
			upperFirst(describeKey(r.key)), sentence(verified.Reason)))
	}
	return missing
}

// verify verifies the signatures of the manifesto and of the piece.
func (r *signatureReader) verify(ctx context.Context) (manifesto.Floor, error) {
	verified, err := r.snapshot.Verify(ctx, manifesto.Described{Image: r.key.Image, Entry: r.entry})
	if err != nil {
		return r.floor, err
	}
	switch {
	case isRefused(verified.Reason):
		return r.floor, verified.Reason
	case verified.Reason != nil:
		r.state.setSignature(signing.Found{})
		return r.floor, r.warn(ctx, verified)
	case r.state.ArtifactDigest.IsNull():
		r.state.setSignature(signing.Found{})
	default:
		r.state.setSignature(verified.Signature)
		r.state.setDue(verified.Manifesto.Claims, time.Now())
	}
	var ended endedSignatures
	ended.addPiece(r.key, verified.Signature)
	ended.addManifesto(r.key.Repository, verified.Manifesto)
	ended.warn(r.diags)
	return manifesto.Floor{Number: verified.Number, Digest: verified.Digest}, nil
}

// warn tells why a signature is not to be trusted, and what else in the manifesto is not.
func (r *signatureReader) warn(ctx context.Context, verified manifesto.Verified) error {
	detail := fmt.Sprintf("%s: %s\n\nThe next apply signs it again, if the resource signs. Find out first who changed "+
		"it: applying makes what the configuration says valid again, and keeps what others have added to the manifesto.",
		upperFirst(describeKey(r.key)), sentence(verified.Reason))
	if verified.Manifesto.Digest == "" { // The manifesto itself is not signed, and so will be as it is.
		own := func(key manifesto.Key) bool { return key == r.key }
		others, err := r.data.suspects(ctx, r.key.Repository, r.verification().demand(r.floor), own)
		if err != nil {
			return err
		}
		detail += others
	}
	r.diags.AddAttributeWarning(path.Root("signature_digest"), notTrusted, detail)
	return nil
}

// suspects describes the published metadata of a repository whose own signatures are not to be trusted, besides a
// resource's own; the text is empty if there is none.
func (d *providerData) suspects(
	ctx context.Context, repository oci.Repository, demand manifesto.Demand, own func(manifesto.Key) bool,
) (string, error) {
	_, pieces, err := d.store.VerifyAll(ctx, repository, manifesto.Filter{}, demand)
	var suspects []manifesto.Key
	for key, piece := range pieces {
		if !own(key) && piece.Reason != nil && piece.Entry.Artifact != (format.Artifact{}) {
			suspects = append(suspects, key)
		}
	}
	if err != nil || len(suspects) == 0 {
		return "", err
	}
	slices.SortFunc(suspects, compareKeys)
	return "\n\nThe signatures of other metadata in it are not to be trusted, and stay so:\n" +
		bulleted(suspects, describeKey), nil
}

// demand returns what to ask of a manifesto that must not be older than floor.
func (v *verification) demand(floor manifesto.Floor) manifesto.Demand {
	return manifesto.Demand{Verifier: v.verifier, Floor: floor, Accepted: v.acceptedRollback}
}
