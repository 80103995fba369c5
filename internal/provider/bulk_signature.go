package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
	"golang.org/x/sync/errgroup"
)

// attachedParallel is how many images are asked at a time for what is attached to them.
const attachedParallel = 16

// bulkSignatures looks at how the pieces of a bulk resource are published and signed.
type bulkSignatures struct {
	bulk
	floor manifesto.Floor
	// before are the attributes of the state.
	before bulkSignatureModel
	// signs says that the pieces are to be signed.
	signs bool

	// verified says that verify has looked: whole is about the manifesto, and pieces about its entries.
	verified bool
	whole    manifesto.Verified
	pieces   map[manifesto.Key]manifesto.Verified
}

// bulkNeed is what one piece lacks.
type bulkNeed struct {
	// artifact says that the artifact is not the wanted one, or is not attached; signature that there is none that
	// counts; and due that it is about to expire.
	artifact, signature, due bool
	// found is the signature that counts or, if that is not known, one without a digest that ends no later.
	found signing.Found
	// reason is why no signature counts, if that is known.
	reason error
}

// holds reports whether the piece needs nothing at all.
func (n bulkNeed) holds() bool { return !n.artifact && !n.signature && !n.due }

// verify verifies all signatures, if the provider is configured to and the pieces are to be signed. The error wraps
// manifesto.ErrRolledBack or the like if the manifesto must not be built upon.
func (s *bulkSignatures) verify(ctx context.Context) (err error) {
	if s.data.verification == nil || !s.signs {
		return nil
	}
	s.verified = true
	s.whole, s.pieces, err = s.data.store.VerifyAll(ctx, s.repository, s.filter, s.data.verification.demand(s.floor))
	if err == nil && isRefused(s.whole.Reason) {
		return s.whole.Reason
	}
	return err
}

// seen returns the newest manifesto that was verified.
func (s *bulkSignatures) seen() manifesto.Floor {
	if !s.verified || s.whole.Reason != nil {
		return s.floor
	}
	return manifesto.Floor{Number: s.whole.Number, Digest: s.whole.Digest}
}

// wholeDue reports whether the signature of the manifesto is about to expire.
func (s *bulkSignatures) wholeDue() bool { return claimsDue(s.whole.Manifesto.Claims, time.Now()) }

// look returns what pieces need, each at its index. wanted is the artifact type of a piece, empty for none. Where
// artifacts are wanted, it asks the registry once for each image.
func (s *bulkSignatures) look(
	ctx context.Context, located []manifesto.Located, wanted func(manifesto.Key) string,
) ([]bulkNeed, error) {
	needs := make([]bulkNeed, len(located))
	now := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(attachedParallel)
	for i, l := range located {
		group.Go(func() error {
			typ := wanted(l.Key)
			needs[i].artifact = l.Piece.Artifact.Type != typ
			if typ == "" {
				return nil
			}
			if !needs[i].artifact {
				listed, err := s.data.store.Attached(ctx, s.repository, l.Key.Image)
				if err != nil {
					return err
				}
				_, matches := format.ArtifactOf(l.Key.Image, l.Piece.Entry)
				_, there := listed[l.Piece.Artifact.Digest]
				needs[i].artifact = !matches || !there
			}
			if s.signs {
				s.lookAtSignature(l, &needs[i], now)
			}
			return nil
		})
	}
	return needs, group.Wait()
}

// errOtherVersion says that a piece is not the one whose signature was verified.
var errOtherVersion = fmt.Errorf("%w in the manifesto that was verified: it was stored or changed meanwhile",
	signing.ErrUnsigned)

// lookAtSignature sets what the signature of one piece is like. Without verification, the state must tell.
func (s *bulkSignatures) lookAtSignature(l manifesto.Located, need *bulkNeed, now time.Time) {
	if !s.verified {
		need.found = s.before.first() // Of all pieces, it ends first.
		need.due = isDue(s.before.SignedAt, s.before.ExpiresAt, now)
		need.signature = !s.before.Signed.ValueBool() && (need.artifact || s.before.Attached.ValueBool() ||
			s.before.Signed.IsNull())
		return
	}
	verified, ok := s.pieces[l.Key]
	need.reason = verified.Reason
	if need.reason == nil && (!ok || verified.Entry.Artifact != l.Piece.Artifact) {
		need.reason = errOtherVersion
	}
	if need.reason != nil {
		need.signature = true
		return
	}
	need.found = verified.Signature
	need.due = claimsDue(need.found.Claims, now)
}

// refresh sets the attributes to what the registry has. publishes says that pieces are artifacts even if they are not
// signed.
func (s *bulkSignatures) refresh(
	ctx context.Context, state *bulkSignatureModel, located []manifesto.Located, wanted func(manifesto.Key) string,
	publishes bool, diags *diag.Diagnostics,
) error {
	if !publishes && !s.signs {
		return nil
	}
	needs, err := s.look(ctx, located, wanted)
	if err != nil {
		return err
	}
	attached, signed := true, s.whole.Reason == nil || len(located) == 0
	var first signing.Found
	var lines []string
	var ended endedSignatures
	ended.addManifesto(s.repository, s.whole.Manifesto)
	for i, need := range needs {
		ended.addPiece(located[i].Key, need.found)
		attached = attached && !need.artifact
		signed = signed && !need.artifact && !need.signature
		first = firstToEnd(first, need.found)
		if need.reason != nil {
			lines = append(lines, fmt.Sprintf("%s: %s", s.name(located[i].Key), sentence(need.reason)))
		}
	}
	ended.warn(diags)
	state.Attached = types.BoolValue(attached)
	if !s.signs {
		return nil
	}
	state.Signed = types.BoolValue(signed)
	if s.verified {
		if s.wholeDue() && len(located) > 0 && !claimsDue(first.Claims, time.Now()) {
			first = s.whole.Manifesto // The plan must renew it, although all pieces have time.
		}
		state.setFirst(first)
		return s.warn(ctx, lines, len(located) > 0, diags)
	}
	return nil
}

// warn tells what is not to be trusted: the manifesto, if it has pieces of the resource, or single pieces.
func (s *bulkSignatures) warn(ctx context.Context, lines []string, has bool, diags *diag.Diagnostics) (err error) {
	var text, others string
	if s.whole.Reason != nil && has {
		text = " " + sentence(s.whole.Reason)
		demand := s.data.verification.demand(s.floor)
		if others, err = s.data.suspects(ctx, s.repository, demand, s.filter.Selects); err != nil {
			return err
		}
	}
	if len(lines) > 0 {
		text += bulleted(lines, func(line string) string { return line })
	}
	if text != "" {
		diags.AddAttributeWarning(path.Root("signed"), notTrusted, fmt.Sprintf(
			"%s:%s\n\nThe next apply signs again what needs it, if the resource signs. Find out first who changed it: applying "+
				"makes what the configuration says valid again, and keeps what other writers have added to the manifesto.%s",
			upperFirst(s.what), text, others))
	}
	return nil
}

// warnRemoved warns that nobody to be trusted has signed a manifesto in which nothing is left.
func (s *bulkSignatures) warnRemoved(diags *diag.Diagnostics) {
	if s.whole.Reason != nil {
		diags.AddWarning("Metadata removed by an unknown hand", fmt.Sprintf(
			"%s is no longer in the manifesto, and nobody to be trusted has signed that: %s",
			upperFirst(s.what), sentence(s.whole.Reason)))
	}
}

// stands reports whether a plan keeps how the pieces are published and signed.
func (s *bulkSignatures) stands(planned *bulkSignatureModel) bool {
	due := s.signs && isDue(s.before.SignedAt, s.before.ExpiresAt, time.Now())
	return !due && planned.Attached.Equal(s.before.Attached) && planned.Signed.Equal(s.before.Signed)
}

// mark marks the entries of a state that are to be published or signed again, and returns the first to end of the
// signatures that stay.
func (s *bulkSignatures) mark(
	ctx context.Context, planned *bulkSignatureModel, entries []bulkEntry, held map[manifesto.Key]bulkHeld,
) (signing.Found, error) {
	if s.stands(planned) {
		return s.before.first(), nil
	}
	if err := s.verify(ctx); err != nil {
		return signing.Found{}, err
	}
	located, wanted, err := s.declared(ctx, entries, held)
	if err != nil {
		return signing.Found{}, err
	}
	needs, err := s.look(ctx, located, func(key manifesto.Key) string { return wanted[key] })
	if err != nil {
		return signing.Found{}, err
	}
	switchedOff := !s.signs && !s.before.Signed.IsNull()
	var kept signing.Found
	marked := false
	for i, need := range needs {
		current := held[located[i].Key]
		current.unsign = switchedOff && wanted[located[i].Key] != ""
		held[located[i].Key] = current
		if need.holds() {
			kept = firstToEnd(kept, need.found)
			continue
		}
		current.unpublished, current.unsigned, current.signature = true, s.signs, need.found.Digest
		held[located[i].Key], marked = current, true
	}
	if !marked && (s.whole.Reason != nil || s.wholeDue()) && len(located) > 0 { // The manifesto alone is to be signed.
		current := held[located[0].Key]
		current.unpublished, current.unsigned, current.signature = true, true, needs[0].found.Digest
		held[located[0].Key] = current
	}
	return kept, nil
}

// declared returns the pieces that are both in the registry and in the state and stay declared, and their artifact
// types.
func (s *bulkSignatures) declared(
	ctx context.Context, entries []bulkEntry, held map[manifesto.Key]bulkHeld,
) (located []manifesto.Located, wanted map[manifesto.Key]string, err error) {
	all, err := s.data.store.Pieces(ctx, s.repository, s.filter)
	if err != nil {
		return nil, nil, err
	}
	wanted = make(map[manifesto.Key]string, len(entries))
	for _, entry := range entries {
		wanted[entry.key] = entry.artifactType
	}
	for _, l := range all {
		_, stays := wanted[l.Key]
		if _, ok := held[l.Key]; ok && stays {
			located = append(located, l)
		}
	}
	return located, wanted, nil
}

// refreshSigns reports whether the pieces of a state are to be signed: the resource has signed them, or would after an
// import.
func (d *providerData) refreshSigns(state *bulkSignatureModel, imported bool) bool {
	if imported {
		signs, _ := d.signs(state.Sign)
		return signs
	}
	return !state.Signed.IsNull()
}

// artifactTypeOf returns the artifact type of a piece of a type, given the one that is configured for it.
func artifactTypeOf(configured types.String, typ string, signs bool) string {
	if configured.ValueString() == "" && signs {
		return format.DefaultArtifactType(typ)
	}
	return configured.ValueString()
}

// resolve gives the plan of an apply its last unknown values but those of signatures. It returns whether the pieces are
// to be signed. publishes is as in bulkSignaturePlanner. If ok is false, diags has an error.
func (m *bulkSignatureModel) resolve(data *providerData, publishes bool, diags *diag.Diagnostics) (signs, ok bool) {
	if !data.checkSign(m.Sign, diags) {
		return false, false
	}
	signs, _ = data.signs(m.Sign)
	if m.Attached.IsUnknown() {
		m.Attached = types.BoolNull()
		if publishes || signs {
			m.Attached = types.BoolValue(true)
		}
	}
	if m.Signed.IsUnknown() {
		m.Signed = types.BoolNull()
		if signs {
			m.Signed = types.BoolValue(true)
		}
	}
	return signs, true
}
