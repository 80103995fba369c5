package provider

import (
	"errors"
	"fmt"
	"slices"

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

// stillAttached is the summary of warnings of artifacts that no longer hold.
const stillAttached = "Superseded artifact still attached"

// warnLeftover tells which artifacts are still attached although they no longer hold.
func warnLeftover(repository oci.Repository, leftover []manifesto.Leftover, diags *diag.Diagnostics) {
	if len(leftover) == 0 {
		return
	}
	help := "Run the command again, or delete the artifacts by hand."
	refused := func(left manifesto.Leftover) bool { return errors.Is(left.Reason, oci.ErrDeleteRefused) }
	if slices.ContainsFunc(leftover, refused) {
		help = "The registry does not let this user delete manifests. Delete the artifacts with another login or in the " +
			"registry's own interface, or allow deletion."
	}
	diags.AddWarning(stillAttached, fmt.Sprintf(
		"Artifacts of repository %s are no longer in the manifesto, and could not be deleted.%s\n\nTools that look at the "+
			"artifacts of an image, and not at the manifesto, take them for valid. %s",
		repository, bulleted(leftover, func(l manifesto.Leftover) string {
			return fmt.Sprintf("%s of image %s: %s", l.Artifact, l.Image, sentence(l.Reason))
		}), help))
}
