package provider

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// signs reports whether a resource signs, given its attribute sign. known is false if that is not known yet.
func (d *providerData) signs(sign types.Bool) (signs, known bool) {
	switch {
	case sign.IsUnknown():
		return false, false
	case !sign.IsNull():
		return sign.ValueBool(), true
	case d == nil || d.settings.signingUnknown:
		return false, false
	}
	return d.signer != nil, true
}

// checkSign reports that a resource cannot sign although it asks for it. False means that diags has an error.
func (d *providerData) checkSign(sign types.Bool, diags *diag.Diagnostics) bool {
	if d == nil || d.signer != nil || d.settings.signingUnknown || !sign.ValueBool() {
		return true
	}
	diags.AddAttributeError(path.Root("sign"), nothingToSignWith,
		"The resource is to be signed (sign = true), and the provider has no key. Configure signing in the provider, or "+
			"remove sign.")
	return false
}

// signaturePlanner plans how one piece of metadata is published and signed.
type signaturePlanner struct {
	data *providerData
	// config, plan and state are the attributes; state is nil for a piece to create.
	config, plan, state *signatureModel
	// typ is the key of the piece's type.
	typ types.String
	// keepsEntry says that the manifesto's entry stays as it is.
	keepsEntry bool
	now        time.Time
}

// run sets the planned attributes.
func (p *signaturePlanner) run(diags *diag.Diagnostics) {
	if !p.data.checkSign(p.config.Sign, diags) {
		return
	}
	sign, known := p.data.signs(p.config.Sign)
	p.planArtifactType(sign, known)
	keepsArtifact := p.planArtifact()
	switch {
	case known && !sign:
		p.plan.setSignature(signing.Found{})
	case keepsArtifact && !p.state.SignatureDigest.IsNull() && !p.state.isDue(p.now) && known:
		p.plan.keepSignature(p.state)
	default:
		p.plan.unknownSignature()
	}
}

// planArtifactType plans the type of the artifact: that of the configuration, a default if the piece is signed, or
// none.
func (p *signaturePlanner) planArtifactType(sign, known bool) {
	switch {
	case !p.config.ArtifactType.IsNull():
		p.plan.ArtifactType = p.config.ArtifactType
	case !known || sign && p.typ.IsUnknown():
		p.plan.ArtifactType = types.StringUnknown()
	case sign:
		p.plan.ArtifactType = types.StringValue(format.DefaultArtifactType(typeIn(p.typ)))
	default:
		p.plan.ArtifactType = types.StringNull()
	}
}

// planArtifact plans the artifact, and reports whether the one of the state stays.
func (p *signaturePlanner) planArtifact() (keeps bool) {
	keeps = p.state != nil && p.keepsEntry && p.plan.ArtifactType.Equal(p.state.ArtifactType)
	switch {
	case p.plan.ArtifactType.IsNull():
		p.plan.ArtifactDigest = types.StringNull()
	case keeps && !p.state.ArtifactDigest.IsNull():
		p.plan.ArtifactDigest = p.state.ArtifactDigest
		return true
	default:
		p.plan.ArtifactDigest = types.StringUnknown()
	}
	return false
}

// checkArtifactType returns what is wrong with an artifact type, and what to do. An empty summary accepts it.
func checkArtifactType(text string) (summary, detail string) {
	if format.IsMediaType(text) {
		return "", ""
	}
	return "Malformed artifact type", fmt.Sprintf("%q is not a media type. Write one such as "+
		"application/vnd.example.approval.v1+json, without parameters.", text)
}
