package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// signatureModel says how a piece of metadata is published and signed.
type signatureModel struct {
	ArtifactType    types.String `tfsdk:"artifact_type"`
	ArtifactDigest  types.String `tfsdk:"artifact_digest"`
	Sign            types.Bool   `tfsdk:"sign"`
	SignatureDigest types.String `tfsdk:"signature_digest"`
	SignedBy        types.String `tfsdk:"signed_by"`
	SignedAt        types.String `tfsdk:"signed_at"`
	ExpiresAt       types.String `tfsdk:"expires_at"`
}

// setArtifact sets what the manifesto says of the artifact.
func (m *signatureModel) setArtifact(artifact format.Artifact) {
	m.ArtifactType = optionalString(artifact.Type)
	m.ArtifactDigest = optionalString(artifact.Digest.String())
}

// setSignature sets what a signature says of itself; null for the zero value.
func (m *signatureModel) setSignature(found signing.Found) {
	m.SignatureDigest = optionalString(found.Digest.String())
	m.SignedBy = optionalString(found.Signer)
	m.SignedAt = optionalTime(found.SignedAt)
	m.ExpiresAt = optionalTime(found.ExpiresAt)
}

// keepSignature sets everything about the signature to what another model has.
func (m *signatureModel) keepSignature(from *signatureModel) {
	m.SignatureDigest, m.SignedBy = from.SignatureDigest, from.SignedBy
	m.SignedAt, m.ExpiresAt = from.SignedAt, from.ExpiresAt
}

// unknownSignature leaves the signature to the apply.
func (m *signatureModel) unknownSignature() {
	m.SignatureDigest, m.SignedBy = types.StringUnknown(), types.StringUnknown()
	m.SignedAt, m.ExpiresAt = types.StringUnknown(), types.StringUnknown()
}

// renewalPart is the part of a signature's life that is left when it is made anew: a third.
const renewalPart = 3

// isDue reports whether the signature is about to expire.
func (m *signatureModel) isDue(now time.Time) bool { return isDue(m.SignedAt, m.ExpiresAt, now) }

// isDue reports whether a signature with these times, as texts, is about to expire.
func isDue(signedAt, expiresAt types.String, now time.Time) bool {
	signed, signedErr := time.Parse(time.RFC3339, signedAt.ValueString())
	expires, expiresErr := time.Parse(time.RFC3339, expiresAt.ValueString())
	if signedErr != nil || expiresErr != nil {
		return false // It does not expire.
	}
	return claimsDue(signing.Claims{SignedAt: signed, ExpiresAt: expires}, now)
}

// claimsDue reports whether a signature that claims this is about to expire.
func claimsDue(claims signing.Claims, now time.Time) bool {
	return !claims.ExpiresAt.IsZero() && claims.ExpiresAt.Sub(now) < claims.ExpiresAt.Sub(claims.SignedAt)/renewalPart
}

// setDue makes the signature due if that of the manifesto is: it shows the times of that one. Whoever signs the piece
// again signs the manifesto, too.
func (m *signatureModel) setDue(whole signing.Claims, now time.Time) {
	if claimsDue(whole, now) && !m.isDue(now) {
		m.SignedAt, m.ExpiresAt = optionalTime(whole.SignedAt), optionalTime(whole.ExpiresAt)
	}
}
