package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// bulkSignatureModel says how all pieces of a bulk resource are published and signed.
type bulkSignatureModel struct {
	Sign types.Bool `tfsdk:"sign"`
	// Attached and Signed are null if the resource does not publish or does not sign.
	Attached types.Bool `tfsdk:"attached"`
	Signed   types.Bool `tfsdk:"signed"`
	// The rest is about the signature that ends first.
	SignedBy  types.String `tfsdk:"signed_by"`
	SignedAt  types.String `tfsdk:"signed_at"`
	ExpiresAt types.String `tfsdk:"expires_at"`
}

// bulkSignature decodes the attributes that say how all pieces are published and signed.
func (d *objectDecoder) bulkSignature() bulkSignatureModel {
	return bulkSignatureModel{
		Sign: d.boolean("sign"), Attached: d.boolean("attached"), Signed: d.boolean("signed"),
		SignedBy: d.text("signed_by"), SignedAt: d.text("signed_at"), ExpiresAt: d.text("expires_at"),
	}
}

// bulk returns the attributes as those of a bulk resource with the one piece.
func (m *signatureModel) bulk() bulkSignatureModel {
	bulk := bulkSignatureModel{Sign: m.Sign, SignedBy: m.SignedBy, SignedAt: m.SignedAt, ExpiresAt: m.ExpiresAt}
	if !m.ArtifactDigest.IsNull() {
		bulk.Attached = types.BoolValue(true)
	}
	if !m.SignatureDigest.IsNull() {
		bulk.Signed = types.BoolValue(true)
	}
	return bulk
}

// setFirst sets what the signature that ends first says of itself; null for the zero value.
func (m *bulkSignatureModel) setFirst(found signing.Found) {
	m.SignedBy, m.SignedAt, m.ExpiresAt =
		optionalString(found.Signer), optionalTime(found.SignedAt), optionalTime(found.ExpiresAt)
}

// first is the reverse of setFirst.
func (m *bulkSignatureModel) first() signing.Found {
	var found signing.Found
	found.Signer = m.SignedBy.ValueString()
	found.SignedAt, _ = time.Parse(time.RFC3339, m.SignedAt.ValueString()) // The zero time if there is none.
	found.ExpiresAt, _ = time.Parse(time.RFC3339, m.ExpiresAt.ValueString())
	return found
}

// firstToEnd returns the one of two signatures that ends first, of those that do not expire the older one. A zero value
// is none.
func firstToEnd(x, y signing.Found) signing.Found {
	switch {
	case x.SignedAt.IsZero():
		return y
	case y.SignedAt.IsZero():
		return x
	case !x.ExpiresAt.Equal(y.ExpiresAt):
		if y.ExpiresAt.IsZero() || !x.ExpiresAt.IsZero() && x.ExpiresAt.Before(y.ExpiresAt) {
			return x
		}
		return y
	case y.SignedAt.Before(x.SignedAt):
		return y
	}
	return x
}

// applied sets what an apply has left to find out. kept is the first to end of the signatures that stay.
func (m *bulkSignatureModel) applied(pieces map[manifesto.Key]manifesto.Piece, kept signing.Found) {
	if !m.SignedAt.IsUnknown() {
		return // The plan has kept the signatures.
	}
	for _, piece := range pieces {
		kept = firstToEnd(kept, piece.Signature)
	}
	m.setFirst(kept)
}

// bulkSignaturePlanner plans how all pieces of a bulk resource are published and signed.
type bulkSignaturePlanner struct {
	data *providerData
	// plan is to be set; its Sign is that of the configuration. state is nil for a resource to create.
	plan, state *bulkSignatureModel
	// publishes says that pieces are artifacts even if they are not signed.
	publishes bool
	// keepsAll says that the registry has all pieces as planned.
	keepsAll bool
	now      time.Time
}

// run sets the planned attributes. Attached and signed are planned true, so that what is lost shows as a change.
func (p *bulkSignaturePlanner) run() {
	sign, known := p.data.signs(p.plan.Sign)
	p.plan.Attached, p.plan.Signed = types.BoolNull(), types.BoolNull()
	p.plan.setFirst(signing.Found{})
	switch {
	case p.publishes || known && sign:
		p.plan.Attached = types.BoolValue(true)
	case !known:
		p.plan.Attached = types.BoolUnknown()
	}
	switch {
	case !known:
		p.plan.Signed = types.BoolUnknown()
	case !sign:
		return
	default:
		p.plan.Signed = types.BoolValue(true)
		if p.keepsAll && p.state != nil && p.state.Attached.ValueBool() && p.state.Signed.ValueBool() &&
			!isDue(p.state.SignedAt, p.state.ExpiresAt, p.now) {
			p.plan.SignedBy, p.plan.SignedAt, p.plan.ExpiresAt = p.state.SignedBy, p.state.SignedAt, p.state.ExpiresAt
			return
		}
	}
	p.plan.SignedBy, p.plan.SignedAt, p.plan.ExpiresAt =
		types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
}
