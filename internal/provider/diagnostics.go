package provider

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// diagnosis is an error for people: what failed, on which image, the likely cause, and what to do next.
type diagnosis struct {
	// attribute caused the error; empty if none did.
	attribute       string
	summary, detail string
}

// Summaries of errors that validators and operations report alike.
const (
	malformedReference = "Malformed image reference"
	malformedPlatform  = "Malformed platform"
	movedSincePlan     = "Image moved since the plan"
	timedOut           = "Timeout"
	interrupted        = "Interrupted"
	notTrusted         = "Signature not to be trusted"
	nothingToSignWith  = "Nothing to sign with"
)

// addTo adds the diagnosis as an error, at the attribute that caused it.
func (d diagnosis) addTo(diags *diag.Diagnostics) {
	if d.attribute == "" {
		diags.AddError(d.summary, d.detail)
		return
	}
	diags.AddAttributeError(path.Root(d.attribute), d.summary, d.detail)
}

// diagnose explains an error of an operation, such as "resolving", on a subject, such as "image ghcr.io/org/app:1".
// Both are words for the detail. If a diagnosis of this run has already told why the same host cannot be reached, the
// result only says so.
func (d *providerData) diagnose(err error, operation string, repository oci.Repository, subject string) diagnosis {
	result := diagnosis{attribute: "image", summary: "Registry operation failed"}
	help := "Run the same command again. If it fails in the same way, look for the cause in the registry's log."
	for _, a := range advicesFor(repository) {
		if errors.Is(err, a.is) {
			result.attribute, result.summary, help = a.attribute, a.summary, a.help(repository.Host(), err)
			if short, ok := d.outages.repeated(a, err); ok {
				return short
			}
			break
		}
	}
	result.detail = fmt.Sprintf("%s %s failed: %s\n\n%s", upperFirst(operation), subject, sentence(err), help)
	return result
}

// diagnoseKey explains an error of an operation on one piece of metadata.
func (d *providerData) diagnoseKey(err error, operation string, key manifesto.Key) diagnosis {
	return d.diagnose(err, operation, key.Repository, describeKey(key))
}

// sentence returns the text of an error as a sentence.
func sentence(err error) string {
	text := upperFirst(strings.TrimSpace(err.Error()))
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// describeKey names a piece of metadata in a diagnostic.
func describeKey(key manifesto.Key) string {
	return fmt.Sprintf("metadata %q of image %s", keyOfType(key.Type), key.Repository.Digested(key.Image))
}
