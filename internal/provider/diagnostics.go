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

// diagnosis is an error for people: what failed, on which image, why it probably did, what to do.
type diagnosis struct {
	// attribute is the one that caused it.
	attribute       string
	summary, detail string
}

// diagnose explains an error of an operation (such as "reading metadata") on an image.
func diagnose(err error, operation string, repository oci.Repository, subject string) diagnosis {
	result := diagnosis{attribute: "image", summary: "Registry operation failed"}
	help := "Run the same command again; if it fails in the same way, the registry's log should say why."
	for _, a := range advicesFor(repository) {
		if errors.Is(err, a.is) {
			result.attribute, result.summary, help = a.attribute, a.summary, a.help(repository.Host(), err)
			break
		}
	}
	result.detail = fmt.Sprintf("%s %s failed: %s\n\n%s", upperFirst(operation), subject, sentence(err), help)
	return result
}

// sentence writes an error as one.
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

// diagnoseLookup is diagnose for an operation that needs an entry to be there: where there is none, it
// lists the types that the image has.
func diagnoseLookup(err error, operation string, key manifesto.Key) diagnosis {
	var missing *manifesto.NoEntryError
	if !errors.As(err, &missing) {
		return diagnose(err, operation, key.Repository, describeKey(key))
	}
	have := "It has no metadata at all."
	if len(missing.Types) > 0 {
		quoted := make([]string, len(missing.Types))
		for i, typ := range missing.Types {
			quoted[i] = fmt.Sprintf("%q", typ)
		}
		have = "It has " + strings.Join(quoted, ", ") + "."
	}
	return diagnosis{
		attribute: "type",
		summary:   "No such metadata",
		detail:    fmt.Sprintf("Image %s has no metadata of type %q. %s", key.Repository.Digested(key.Image), key.Type, have),
	}
}

func addUnknownSettings(image string, diags *diag.Diagnostics) {
	diags.AddAttributeError(path.Root("image"), "Provider settings unknown",
		fmt.Sprintf("A setting of the provider that %q depends on is not known yet: it comes from a resource that has not been applied. "+
			"Apply that resource first, for example with -target, or set the provider from values that are known at plan.", image))
}

func addOperationError(err error, operation string, key manifesto.Key, diags *diag.Diagnostics) {
	d := diagnose(err, operation, key.Repository, describeKey(key))
	diags.AddAttributeError(path.Root(d.attribute), d.summary, d.detail)
}

// describeKey names a piece of metadata in a diagnostic.
func describeKey(key manifesto.Key) string {
	return fmt.Sprintf("metadata %q of image %s", key.Type, key.Repository.Digested(key.Image))
}

func describeImage(ref oci.Reference, platform oci.Platform) string {
	if platform == (oci.Platform{}) {
		return "image " + ref.String()
	}
	return fmt.Sprintf("image %s for %s", ref, platform)
}
