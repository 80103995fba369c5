package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// json_schema is checked on each attribute that gives the content, at plan, and before anything is written.
func TestAccMetadataJSONSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	const strict = "json_schema = jsonencode({ required = [\"a\"] })\n"
	const lax = "json_schema = jsonencode({ type = \"object\" })\n"
	of := func(attributes string) string { return w.metadata("type = \"t\"\n" + attributes) }
	const good = `content = "{\"a\":1}"`
	puts := func() int { return w.server.Count("PUT", "/manifests/_manifesto") }
	bad := func(attributes, want string) resource.TestStep {
		return resource.TestStep{Config: of(attributes), ExpectError: words(want)}
	}
	before := 0
	acceptance(t,
		bad(strict+`content = "{}"`, `Content does not match json_schema.*content = .*\$: lacks "a"`),
		bad(strict+`content_base64 = base64encode("{}")`, `content_base64 = .*\$: lacks "a"`),
		bad(strict+"content_wo = \"{}\"\ncontent_wo_version = 1", `content_wo = .*\$: lacks "a"`),
		bad(strict+"source = \"testdata/none.json\"", `File not found`),
		bad(strict+`content = "text"`, `\$: the content is not JSON`),
		bad(`json_schema = "schema.json"`+"\n"+good, `Invalid JSON Schema.*json_schema = .*Pass the text`),
		resource.TestStep{Config: of(strict + good), Check: w.has("t", `{"a":1}`)},
		resource.TestStep{Config: of(strict + good), ConfigPlanChecks: emptyPlan},
		resource.TestStep{ // Another schema alone writes nothing to the registry.
			PreConfig:        func() { before = puts() },
			Config:           of(lax + good),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
		},
		resource.TestStep{
			PreConfig: func() {
				if after := puts(); after != before || before == 0 {
					t.Errorf("%d manifests were put, then %d", before, after)
				}
			},
			Config: of(lax + good), ConfigPlanChecks: emptyPlan,
		},
		bad(lax+`content = "[]"`, `must be an object, not an array`),
		resource.TestStep{Config: of(lax + `content = "{}"`), Check: w.has("t", `{}`)},
		bad(strict+`content = "{}"`, `lacks "a"`), // The stored content does not match the new schema.
		resource.TestStep{
			Config: of(lax + `content = "{}"`), ResourceName: address, ImportState: true, ImportStateId: w.ref(":1") + "#t",
			ImportStateVerify: true, ImportStateVerifyIgnore: []string{"json_schema"},
		},
		resource.TestStep{Config: of(`content = "{}"`), ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate))},
	)
}

// A schema or a content that is unknown at plan is checked at apply, before anything is written.
func TestAccMetadataJSONSchemaUnknown(t *testing.T) {
	t.Parallel()
	for name, attributes := range map[string]string{
		"schema":         "content = jsonencode(%s)\njson_schema = terraform_data.schema.output",
		"content":        "content = terraform_data.content.output\njson_schema = local.schema # %s",
		"content_base64": "content_base64 = base64encode(terraform_data.content.output)\njson_schema = local.schema # %s",
		"content_wo": "content_wo = terraform_data.content.output\ncontent_wo_version = 1\n" +
			"json_schema = local.schema # %s",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			config := func(content string) string {
				return fmt.Sprintf(`
					locals {
						schema = jsonencode({ required = ["a"] })
					}
					resource "terraform_data" "schema" {
						input = local.schema
						triggers_replace = jsonencode(%[1]s)
					}
					resource "terraform_data" "content" {
						input = jsonencode(%[1]s)
					}
					`, content) + w.metadata("type = \"t\"\n"+fmt.Sprintf(attributes, content))
			}
			acceptance(t,
				resource.TestStep{Config: config("{ b = 1 }"), ExpectError: words(`does not match json_schema.*lacks "a"`)},
				resource.TestStep{
					PreConfig: func() {
						if puts := w.server.Count("PUT", "/manifests/_manifesto"); puts != 0 {
							t.Errorf("%d manifests were put", puts)
						}
					},
					Config: config("{ a = 1 }"), Check: w.has("t", `{"a":1}`),
				},
				resource.TestStep{Config: config("{ a = 1 }"), ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// A state from before json_schema existed gives an empty plan.
func TestAccStateWithoutJSONSchema(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.metadata(some))
	c.terraform("apply", "-auto-approve")
	older := strings.Replace(c.read("terraform.tfstate"), `"json_schema": null,`, "", 1)
	if strings.Contains(older, "json_schema") {
		t.Fatal(older)
	}
	c.write("terraform.tfstate", older)
	c.terraform("plan", "-detailed-exitcode")
}
