package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/jsonschema"
)

const jsonSchemaDescription = "JSON Schema that the content must match, as JSON text, such as " +
	"`file(\"schema.json\")`. The plan checks the content as far as it is known, and the apply checks the rest before " +
	"it writes anything. The errors name places and rules, and never repeat values of the content. Drafts 4, 6, 7, " +
	"2019-09 and 2020-12 are known; `format` is checked in all of them. No schema is fetched: `$ref` may name parts " +
	"of the same schema only. The schema is not stored in the registry."

const invalidSchema = "Invalid JSON Schema"

// isJSONSchema accepts a JSON Schema that refers to no other.
func isJSONSchema() validator.String {
	return textValidator{"a JSON Schema", func(text string) (string, string) {
		if _, err := jsonschema.Compile(text); err != nil {
			return invalidSchema, schemaHelp(err)
		}
		return "", ""
	}}
}

// schemaHelp explains an error of reading a JSON Schema.
func schemaHelp(err error) string {
	return fmt.Sprintf("The text is %v.\n\nPass the text of the schema, such as file(\"schema.json\") or "+
		"jsonencode({ type = \"object\" }), and not its path.", err)
}

// checkJSON checks a content against json_schema if that is set and known. If it returns false, diags has an error.
func (m *metadataModel) checkJSON(content []byte, diags *diag.Diagnostics) bool {
	if m.JSONSchema.IsNull() || m.JSONSchema.IsUnknown() {
		return true
	}
	schema, err := jsonschema.Compile(m.JSONSchema.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("json_schema"), invalidSchema, schemaHelp(err))
		return false
	}
	messages := schema.Check(content)
	if len(messages) == 0 {
		return true
	}
	diags.AddAttributeError(path.Root(m.contentAttribute()), mismatchedSchema, mismatchHelp(messages))
	return false
}

// mismatchedSchema is the summary of errors about content that does not match its JSON Schema.
const mismatchedSchema = "Content does not match json_schema"

// mismatchHelp explains how a content does not match its JSON Schema.
func mismatchHelp(messages []string) string {
	return "Nothing was written. $ is the content:\n\n  " + strings.Join(messages, "\n  ")
}

// contentAttribute returns the name of the attribute that has the content.
func (m *metadataModel) contentAttribute() string {
	switch {
	case !m.Content.IsNull():
		return "content"
	case !m.ContentBase64.IsNull():
		return "content_base64"
	case !m.Source.IsNull():
		return "source"
	}
	return "content_wo"
}
