package provider

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// publishes sets how a put publishes and signs its piece, as the plan says. False means that diags has an error.
func (d *providerData) publishes(put *manifesto.Put, plan *signatureModel, diags *diag.Diagnostics) bool {
	if !d.checkSign(plan.Sign, diags) {
		return false
	}
	sign, _ := d.signs(plan.Sign)
	put.Sign = sign && plan.SignatureDigest.IsUnknown()
	put.SignAgain = put.Sign && put.Update
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

// stillAttached is the summary of warnings of artifacts that no longer hold.
const stillAttached = "Superseded artifact still attached"

// warnLeftover tells which artifacts are still attached although they no longer hold.
func warnLeftover(repository oci.Repository, leftover []manifesto.Leftover, diags *diag.Diagnostics) {
	for _, left := range leftover {
		help := "Run the command again, or delete the artifact by hand."
		if errors.Is(left.Reason, oci.ErrDeleteRefused) {
			help = "The registry does not let this user delete manifests. Delete the artifact with another login or in the " +
				"registry's own interface, or allow deletion."
		}
		diags.AddWarning(stillAttached, fmt.Sprintf(
			"The artifact %s of image %s is no longer in the manifesto, and could not be deleted: %s Tools that look at the "+
				"artifacts of the image, and not at the manifesto, take it for valid. %s",
			repository.Digested(left.Artifact), repository.Digested(left.Image), sentence(left.Reason), help))
	}
}
