package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/jsonschema"
)

var _ function.Function = (*jsonSchemaErrorsFunction)(nil)

func newJSONSchemaErrorsFunction() function.Function { return &jsonSchemaErrorsFunction{} }

// jsonSchemaErrorsFunction says what is wrong with JSON content.
type jsonSchemaErrorsFunction struct{}

// Metadata implements function.Function.
func (*jsonSchemaErrorsFunction) Metadata(
	_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse,
) {
	resp.Name = "json_schema_errors"
}

// Definition implements function.Function.
func (*jsonSchemaErrorsFunction) Definition(
	_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse,
) {
	resp.Definition = function.Definition{
		Summary: "Check JSON against a JSON Schema",
		MarkdownDescription: "Returns what is wrong with JSON content, as a list of messages; an empty list if the content " +
			"matches the schema. Use it in `validation`, `precondition`, `postcondition` and `check`. A message names a " +
			"place and a rule, such as `$.owners[0].email: must be a string, not a number`, and never repeats a value of " +
			"the content. The same content always has the same messages, in the order of their places; of more than 100, " +
			"the first are listed. Content that is not JSON, or too large to check, is one message. A schema that is not " +
			"valid is an error.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name: "schema",
				MarkdownDescription: "JSON Schema as JSON text, such as `file(\"schema.json\")` or `jsonencode({…})`. Drafts 4, " +
					"6, 7, 2019-09 and 2020-12 are known; without `$schema` it is 2020-12. `format` is checked in all of them. " +
					"No schema is fetched: `$ref` may name parts of the same schema only.",
			},
			function.StringParameter{
				Name: "content",
				MarkdownDescription: "JSON text to check, such as the `content` of the data source `manifesto_metadata`: at most " +
					"32 MiB and 500,000 values.",
			},
		},
		Return: function.ListReturn{ElementType: types.StringType},
	}
}

// Run implements function.Function.
func (*jsonSchemaErrorsFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text, content string
	if resp.Error = req.Arguments.Get(ctx, &text, &content); resp.Error != nil {
		return
	}
	schema, err := jsonschema.Compile(text)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, schemaHelp(err))
		return
	}
	messages := schema.Check([]byte(content))
	if messages == nil {
		messages = []string{} // An empty list and not null.
	}
	resp.Error = resp.Result.Set(ctx, messages)
}
