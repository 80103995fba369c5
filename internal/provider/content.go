package provider

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/layout"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// content returns the configured content. If it returns false, the content is unknown or diags has an error. A
// write-only content may differ between plan and apply, because it may come from an ephemeral value.
func (m *metadataModel) content(diags *diag.Diagnostics) (content []byte, known bool) {
	var attribute string
	switch {
	case m.Content.IsUnknown(), m.ContentBase64.IsUnknown(), m.Source.IsUnknown(), m.ContentWO.IsUnknown():
		return nil, false
	case !m.Content.IsNull():
		attribute, content = "content", []byte(m.Content.ValueString())
	case !m.ContentBase64.IsNull():
		attribute = "content_base64"
		decoded, err := base64.StdEncoding.DecodeString(m.ContentBase64.ValueString())
		if err != nil {
			diags.AddAttributeError(path.Root(attribute), "Invalid base64", sentence(err))
			return nil, false
		}
		content = decoded
	case !m.Source.IsNull():
		attribute = "source"
		read, ok := readSource(m.Source.ValueString(), diags)
		if !ok {
			return nil, false
		}
		content = read
	default:
		attribute, content = "content_wo", []byte(m.ContentWO.ValueString())
	}
	if summary, detail := checkContent(len(content)); summary != "" {
		diags.AddAttributeError(path.Root(attribute), summary, detail)
		return nil, false
	}
	return content, true
}

// checkContent returns what is wrong with the size of a content, in bytes, and what to do. An empty summary accepts it.
func checkContent(size int) (summary, detail string) {
	switch {
	case size == 0:
		return "Empty content", "Metadata cannot be empty: it would look like metadata that does not exist. Set some " +
			"content, or remove the resource."
	case size > format.MaxContent:
		return "Content too large", fmt.Sprintf("The content has %d bytes%s", size, tooLarge)
	}
	return "", ""
}

// tooLarge completes a sentence about content over the limit.
const tooLarge = "; the limit is 16 MiB. Store it elsewhere, for example as an artifact in the registry, and keep " +
	"its address and digest here as metadata."

var errNotRegular = errors.New("it is not a regular file")

// readSource reads the file that source names. If it returns false, diags has an error.
func readSource(name string, diags *diag.Diagnostics) ([]byte, bool) {
	content, err := readFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		diags.AddAttributeError(path.Root("source"), "File not found",
			fmt.Sprintf("There is no file %q. Relative paths start at the directory in which Terraform runs; "+
				"write \"${path.module}/…\" for a file beside the configuration. A file that another resource creates in "+
				"the same apply does not exist at plan: pass that resource's content to content or content_base64.", name))
		return nil, false
	case errors.Is(err, format.ErrTooLarge):
		diags.AddAttributeError(path.Root("source"), "Content too large",
			fmt.Sprintf("The file %q is too large%s", name, tooLarge))
		return nil, false
	case err != nil:
		diags.AddAttributeError(path.Root("source"), "File cannot be read", sentence(fmt.Errorf("%q: %w", name, err)))
		return nil, false
	}
	return content, true
}

// readFile reads a regular file of at most format.MaxContent bytes. A pipe without a writer must not make it wait for
// one, even after Terraform was interrupted.
func readFile(name string) (content []byte, err error) {
	file, err := layout.OpenRegular(name)
	switch {
	case errors.Is(err, layout.ErrNotRegular):
		return nil, errNotRegular
	case err != nil:
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err = io.ReadAll(io.LimitReader(file, format.MaxContent+1))
	if err == nil && len(content) > format.MaxContent {
		err = format.ErrTooLarge
	}
	return content, err
}

// plannedContent returns the configured content at apply. If it returns false, the content is unknown or not the
// planned one, and diags has an error.
func plannedContent(config, plan *metadataModel, diags *diag.Diagnostics) ([]byte, bool) {
	content, known := config.content(diags)
	if !known {
		if !diags.HasError() {
			diags.AddError("Content unknown", "The content is still unknown at apply. This is an error in Terraform or in "+
				"the provider; please report it.")
		}
		return nil, false
	}
	digest := oci.DigestOf(content)
	planned := plan.Digest
	if config.ContentWO.IsNull() && !planned.IsUnknown() && planned.ValueString() != digest.String() {
		diags.AddAttributeError(path.Root("source"), "File changed since the plan",
			fmt.Sprintf("The content of %q was %s at plan and is %s now. Nothing was written. Run terraform plan again.",
				config.Source.ValueString(), planned.ValueString(), digest))
		return nil, false
	}
	return content, config.checkJSON(content, diags)
}

// keepsContent reports whether an update leaves the content unchanged because its file is gone. The other attributes
// can change without the file.
func keepsContent(config, plan, state *metadataModel) bool {
	if config.Source.IsNull() || !plan.Digest.Equal(state.Digest) {
		return false
	}
	_, err := os.Stat(config.Source.ValueString())
	return errors.Is(err, fs.ErrNotExist)
}
