package provider

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// endedSignatures are signatures that count although they have ended: the level of verification permits that, and the
// user should know.
type endedSignatures struct {
	lines []string
}

// addManifesto adds the signature of a repository's manifesto, if it has ended.
func (e *endedSignatures) addManifesto(repository oci.Repository, found signing.Found) {
	e.add(fmt.Sprintf("manifesto of %s", repository), found)
}

// addPiece adds the signature of a piece, if it has ended.
func (e *endedSignatures) addPiece(key manifesto.Key, found signing.Found) {
	e.add(describeKey(key), found)
}

func (e *endedSignatures) add(what string, found signing.Found) {
	if found.Expired() {
		e.lines = append(e.lines, fmt.Sprintf("%s: %s; it ended at %s", what, found,
			found.EndedAt.UTC().Format(time.RFC3339)))
	}
}

// warn warns of the signatures, if there are any.
func (e *endedSignatures) warn(diags *diag.Diagnostics) {
	if len(e.lines) == 0 {
		return
	}
	diags.AddWarning("Expired signature accepted", fmt.Sprintf(
		"Signatures have ended, or their certificates have. They count only because the level of verification is %s.%s\n\n"+
			"Apply the configuration that signs them, which signs them again.",
		levelPermissive, bulleted(e.lines, func(line string) string { return line })))
}
