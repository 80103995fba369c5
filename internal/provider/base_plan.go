package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// checkBase looks in the plan of a creation at the manifesto that the apply will build upon, if this run signs and
// verifies: an update's refresh has done so. The error wraps manifesto.ErrOtherRepository if the apply would refuse it.
func (d *providerData) checkBase(
	ctx context.Context, repository oci.Repository, image oci.Digest, diags *diag.Diagnostics,
) error {
	if d.signer == nil || d.verification == nil {
		return nil
	}
	snapshot, err := d.store.Trust(ctx, repository, image, d.verification.demand(manifesto.Floor{}))
	if err != nil {
		return err
	}
	switch reason := snapshot.Verified().Reason; {
	case isRefused(reason):
		return reason
	case reason != nil:
		diags.AddWarning("Manifesto is not to be trusted", fmt.Sprintf(
			"The apply builds upon the manifesto of %s, and signs it with all that others have put into it: %s\n\n%s",
			repository, sentence(reason), unverifiedHelp))
	}
	return nil
}

// unverifiedHelp says what signing a manifesto does that nobody to be trusted has signed.
const unverifiedHelp = "A writer without a key may have changed it. But whoever can push may also have put back a " +
	"piece that was withdrawn, with its old signature, and readers accept that from then on. Compare what the manifesto " +
	"has with what it should have, for example with the data source manifesto_repository."
