package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// publishes sets how a put publishes and signs its piece, as the plan says. False means that diags has an error.
func (d *providerData) publishes(put *manifesto.Put, plan *signatureModel, diags *diag.Diagnostics) bool {
	if !d.checkSign(plan.Sign, diags) {
		return false
	}
	sign, _ := d.signs(plan.Sign)
	put.Sign = sign && plan.SignatureDigest.IsUnknown()
	put.SignAgain = put.Update && (put.Sign || !sign && put.ReplacedSignature != "") // Signing may be switched off.
	put.ArtifactType = plan.ArtifactType.ValueString()
	if plan.ArtifactType.IsUnknown() && sign {
		put.ArtifactType = format.DefaultArtifactType(put.Type)
	}
	if summary, detail := checkArtifactType(put.ArtifactType); put.ArtifactType != "" && summary != "" {
		diags.AddAttributeError(path.Root("artifact_type"), summary, detail)
		return false
	}
	return true
}
