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
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// content returns the configured content, unless it is not known yet. A write-only content is returned
// as it is now: an ephemeral value may differ between plan and apply.
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
	switch {
	case len(content) == 0:
		diags.AddAttributeError(path.Root(attribute), "Empty content",
			"Metadata without content cannot be told from metadata that is not there. Give it some content, or remove the resource.")
		return nil, false
	case len(content) > manifesto.MaxContent:
		diags.AddAttributeError(path.Root(attribute), "Content too large",
			fmt.Sprintf("The content has %d bytes; the limit is %d (16 MiB).", len(content), manifesto.MaxContent))
		return nil, false
	}
	return content, true
}

// readSource reads the file under source, as far as it may be large.
func readSource(name string, diags *diag.Diagnostics) ([]byte, bool) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		diags.AddAttributeError(path.Root("source"), "File not found",
			fmt.Sprintf("There is no file %q. Relative paths start at the directory in which Terraform runs; "+
				"write \"${path.module}/…\" for a file beside the configuration. A file that another resource makes in the "+
				"same apply is not there at plan: use that resource's content attribute with content or content_base64.", name))
		return nil, false
	case err == nil && info.Size() > manifesto.MaxContent:
		diags.AddAttributeError(path.Root("source"), "Content too large",
			fmt.Sprintf("The file %q has %d bytes; the limit is %d (16 MiB).", name, info.Size(), manifesto.MaxContent))
		return nil, false
	}
	var content []byte
	if err == nil {
		content, err = readFile(name)
	}
	if err != nil {
		diags.AddAttributeError(path.Root("source"), "File cannot be read", sentence(err))
		return nil, false
	}
	return content, true
}

// readFile reads one byte more than content may have, of whatever the name leads to.
func readFile(name string) (content []byte, err error) {
	file, err := os.Open(name) //nolint:gosec // The user names the file.
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return io.ReadAll(io.LimitReader(file, manifesto.MaxContent+1))
}

// plannedContent returns the configured content, which must be the one that was planned.
func plannedContent(config, plan *metadataModel, diags *diag.Diagnostics) ([]byte, bool) {
	content, known := config.content(diags)
	if !known {
		if !diags.HasError() {
			diags.AddError("Content unknown", "The content is still unknown at apply. This is an error in Terraform or in the provider; please report it.")
		}
		return nil, false
	}
	if planned := plan.Digest; config.ContentWO.IsNull() && !planned.IsUnknown() && planned.ValueString() != oci.DigestOf(content).String() {
		diags.AddAttributeError(path.Root("source"), "File changed since the plan",
			fmt.Sprintf("The content of %q was %s at plan and is %s now. Nothing was written. Run terraform plan again.",
				config.Source.ValueString(), planned.ValueString(), oci.DigestOf(content)))
		return nil, false
	}
	return content, true
}

// keepsContent reports whether an update leaves the content alone because its file is gone: what is not
// about the content can be changed all the same.
func keepsContent(config, plan, state *metadataModel) bool {
	if config.Source.IsNull() || !plan.Digest.Equal(state.Digest) {
		return false
	}
	_, err := os.Stat(config.Source.ValueString())
	return errors.Is(err, fs.ErrNotExist)
}
