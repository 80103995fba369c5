package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// trustModel says whom a look-up trusts, and what came of it.
type trustModel struct {
	Verification      types.Object `tfsdk:"verification"`
	MinimumVersion    types.Int64  `tfsdk:"minimum_version"`
	Version           types.Int64  `tfsdk:"version"`
	Verified          types.Bool   `tfsdk:"verified"`
	SignedBy          types.String `tfsdk:"signed_by"`
	SignedAt          types.String `tfsdk:"signed_at"`
	VerificationError types.String `tfsdk:"verification_error"`
}

// demand returns what to ask of the manifesto. Without a verification it is only the number.
func (m *trustModel) demand(v *verification) manifesto.Demand {
	var demand manifesto.Demand
	if v != nil {
		demand = v.demand(manifesto.Floor{})
	}
	demand.Minimum = m.MinimumVersion.ValueInt64()
	return demand
}

// judge sets the results of a verification; signature is the one to show. It returns why the look-up must fail; nil if
// it may go on. A manifesto with too small a number fails it whether or not signatures are required.
func (m *trustModel) judge(v *verification, verified manifesto.Verified, signature signing.Found) error {
	// The number of a manifesto that nobody to be trusted has signed is what somebody has made it: a reader who kept it as
	// the next minimum_version could refuse all that is to come.
	if verified.Number > 0 && (v == nil || verified.Reason == nil) {
		m.Version = types.Int64Value(verified.Number)
	}
	m.Verified = types.BoolValue(false)
	switch {
	case verified.Reason != nil && (v == nil || v.required || errors.Is(verified.Reason, manifesto.ErrRolledBack)):
		return verified.Reason
	case v == nil:
	case verified.Reason != nil:
		m.VerificationError = types.StringValue(sentence(verified.Reason))
	case verified.Digest == "":
		m.VerificationError = types.StringValue("The repository has no manifesto, so that there is nothing to verify.")
	default:
		m.Verified = types.BoolValue(true)
		m.SignedBy, m.SignedAt = optionalString(signature.Signer), optionalTime(signature.SignedAt)
	}
	return nil
}

// judgeAll is judge for a look-up of several pieces of a snapshot. It returns the good signature of each piece, which
// is zero if there is none; nil if none was verified. It warns of signatures that count although they have ended.
func (m *trustModel) judgeAll(
	ctx context.Context, v *verification, snapshot *manifesto.Snapshot, name oci.Repository, pieces []manifesto.Described,
	diags *diag.Diagnostics,
) ([]signing.Found, error) {
	whole := snapshot.Verified()
	if err := m.judge(v, whole, whole.Manifesto); err != nil {
		return nil, err
	}
	if v == nil || whole.Reason != nil { // The reason of the whole is that of all pieces.
		return nil, nil //nolint:nilerr // judge has shown the reason.
	}
	results, err := snapshot.VerifyAll(ctx, pieces)
	if err != nil {
		return nil, err
	}
	signatures := make([]signing.Found, len(results))
	var refused *refusedPieces
	var ended endedSignatures
	ended.addManifesto(name, whole.Manifesto)
	for i, result := range results {
		signatures[i] = result.Signature
		key := manifesto.Key{Repository: name, Image: pieces[i].Image, Type: pieces[i].Entry.Type}
		switch {
		case result.Reason == nil:
			ended.addPiece(key, result.Signature)
		case refused == nil:
			refused = &refusedPieces{first: key, reason: result.Reason}
		default:
			refused.more++
		}
	}
	ended.warn(diags)
	switch {
	case refused == nil:
	case v.required:
		return nil, refused
	default:
		m.Verified, m.VerificationError = types.BoolValue(false), types.StringValue(sentence(refused))
	}
	return signatures, nil
}

// values returns the computed attributes in the form in which the protocol carries them.
func (m *trustModel) values() map[string]tftypes.Value {
	return map[string]tftypes.Value{
		"version":            tftypes.NewValue(tftypes.Number, m.Version.ValueInt64Pointer()),
		"verified":           tftypes.NewValue(tftypes.Bool, m.Verified.ValueBoolPointer()),
		"signed_by":          tftypes.NewValue(tftypes.String, m.SignedBy.ValueStringPointer()),
		"signed_at":          tftypes.NewValue(tftypes.String, m.SignedAt.ValueStringPointer()),
		"verification_error": tftypes.NewValue(tftypes.String, m.VerificationError.ValueStringPointer()),
	}
}

// refusedPieces is the error of pieces of metadata that a look-up must not return.
type refusedPieces struct {
	// first is the first of them, and reason says why.
	first  manifesto.Key
	reason error
	// more is the number of the others.
	more int
}

// Error implements error.
func (e *refusedPieces) Error() string {
	text := fmt.Sprintf("%s: %v", describeKey(e.first), e.reason)
	if e.more > 0 {
		text += fmt.Sprintf("\n\nBesides, pieces that are refused: %d", e.more)
	}
	return text
}

// Unwrap returns why the first piece is refused.
func (e *refusedPieces) Unwrap() error { return e.reason }

// aboutTrust completes the diagnosis of a look-up's error: an error of minimum_version is reported there, and one about
// some of several pieces says how to leave them out.
func aboutTrust(d diagnosis, err error, leaveOut string) diagnosis {
	if errors.Is(err, manifesto.ErrRolledBack) {
		d.attribute = minimumVersionName
	}
	if _, ok := errors.AsType[*refusedPieces](err); ok {
		d.detail += " " + leaveOut
	}
	return d
}
