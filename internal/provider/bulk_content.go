package provider

import (
	"encoding/base64"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/jsonschema"
)

const (
	contentsTooLarge     = "Contents too large"
	contentsTooLargeHelp = ", which is more than Terraform carries in one object. Use several resources, or store large " +
		"content elsewhere, for example as an artifact in the registry, and keep its address and digest here."
)

// checkContents checks the size of all contents of one object together, in bytes. If it returns false, diags has an
// error on the attribute.
func checkContents(size int64, attribute string, diags *diag.Diagnostics) bool {
	if size <= maxContents {
		return true
	}
	diags.AddAttributeError(path.Root(attribute), contentsTooLarge, fmt.Sprintf(
		"The contents have %d bytes together; the limit is %d MiB%s", size, maxContents>>20, contentsTooLargeHelp))
	return false
}

// decodeContent reads a content from text or base64. A summary that is not empty says what is wrong.
func decodeContent(text string, isBase64 bool) (content []byte, summary, detail string) {
	content = []byte(text)
	if isBase64 {
		var err error
		if content, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, "Invalid base64", fmt.Sprintf(
				"The value is not standard base64 with padding: %v.\n\nUse base64encode or filebase64.", err)
		}
	}
	summary, detail = checkContent(len(content))
	return content, summary, detail
}

// checkBulkJSON checks the contents of entries against a JSON Schema, if that is set and known. If it returns false,
// diags has errors.
func checkBulkJSON(text types.String, entries []bulkEntry, diags *diag.Diagnostics) bool {
	if text.IsNull() || text.IsUnknown() {
		return true
	}
	schema, err := jsonschema.Compile(text.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("json_schema"), invalidSchema, schemaHelp(err))
		return false
	}
	errs := elementErrors{diags: diags}
	for _, entry := range entries {
		if entry.content == nil {
			continue
		}
		if messages := schema.Check(entry.content); len(messages) > 0 {
			errs.add(entry.attribute, entry.element, mismatchedSchema, mismatchHelp(messages))
		}
	}
	return errs.close()
}
