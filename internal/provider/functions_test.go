package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// functions runs steps on a Terraform that knows functions of providers.
func functions(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_8_0)},
		ProtoV6ProviderFactories: factories, Steps: steps,
	})
}

// output is the configuration of the output test.
func output(expression string) string { return "output \"test\" {\n  value = " + expression + "\n}\n" }

func TestAccParseReference(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("a", 64)
	var steps []resource.TestStep
	for _, test := range []struct{ text, name, registry, repository, tag, digest string }{
		{"alpine", "docker.io/library/alpine:latest", "docker.io", "docker.io/library/alpine", "latest", ""},
		{"index.docker.io/org/app:1", "docker.io/org/app:1", "docker.io", "docker.io/org/app", "1", ""},
		{"GHCR.io:443/org/app@" + digest, "ghcr.io/org/app@" + digest, "ghcr.io", "ghcr.io/org/app", "", digest},
		{"localhost:5000/app@" + digest, "localhost:5000/app@" + digest, "localhost:5000", "localhost:5000/app", "", digest},
		{"app:1.2@" + digest, "docker.io/library/app@" + digest, "docker.io", "docker.io/library/app", "1.2", digest},
		{"app:latest@" + digest, "docker.io/library/app@" + digest, "docker.io", "docker.io/library/app", "latest", digest},
		{"oci-layout:./b/", "oci-layout:b", "oci-layout", "oci-layout:b", "", ""},
		{"oci-layout:/b:1", "oci-layout:/b:1", "oci-layout", "oci-layout:/b", "1", ""},
		{"oci-layout:b:1@" + digest, "oci-layout:b@" + digest, "oci-layout", "oci-layout:b", "1", digest},
	} {
		value := func(text string) knownvalue.Check {
			if text == "" {
				return knownvalue.Null()
			}
			return knownvalue.StringExact(text)
		}
		steps = append(steps, resource.TestStep{
			Config: output(fmt.Sprintf("provider::manifesto::parse_reference(%q)", test.text)),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("test",
				knownvalue.ObjectExact(map[string]knownvalue.Check{
					"name": value(test.name), "registry": value(test.registry), "repository": value(test.repository),
					"tag": value(test.tag), "digest": value(test.digest),
				}))},
		})
	}
	for text, want := range map[string]string{
		"Org/App":        `"Org/App" does not name an image.*upper case.*Write it as Docker does`,
		"https://x/y":    `does not name an image.*https://`,
		"app@sha256:1":   `does not name an image`,
		"app:_manifesto": `holds the metadata itself`,
	} {
		steps = append(steps, resource.TestStep{
			Config:      output(fmt.Sprintf("provider::manifesto::parse_reference(%q)", text)),
			ExpectError: words(`parse_reference.*` + want),
		})
	}
	functions(t, steps...)
}

func TestAccJSONSchemaErrors(t *testing.T) {
	t.Parallel()
	call := func(schema, content string) string {
		return fmt.Sprintf("provider::manifesto::json_schema_errors(%s, %s)", schema, content)
	}
	const schema = `jsonencode({ type = "object", required = ["owner"], properties = { owner = { type = "string" } } })`
	is := func(messages ...knownvalue.Check) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownOutputValue("test", knownvalue.ListExact(messages))}
	}
	functions(t,
		resource.TestStep{Config: output(call(schema, `jsonencode({ owner = "a" })`)), ConfigStateChecks: is()},
		resource.TestStep{
			Config:            output(call(schema, `jsonencode({ owner = 17 })`)),
			ConfigStateChecks: is(knownvalue.StringExact("$.owner: must be a string, not a number")),
		},
		resource.TestStep{
			Config:            output(call(schema, `"no JSON"`)),
			ConfigStateChecks: is(knownvalue.StringExact("$: the content is not JSON: there is an error at line 1, column 2")),
		},
		resource.TestStep{
			Config:      output(call(`"schema.json"`, `"{}"`)),
			ExpectError: words(`json_schema_errors.*not a JSON Schema.*Pass the text of the schema`),
		},
		resource.TestStep{
			Config:      output(call(`jsonencode({ "$ref" = "https://example.com/a.json" })`, `"{}"`)),
			ExpectError: words(`no schema is fetched.*"https://example.com/a.json"`),
		},
		resource.TestStep{ // As a condition of a variable.
			Config: fmt.Sprintf(`
				variable "contact" {
					default = "{\"owner\":17}"
					validation {
						condition     = length(%[1]s) == 0
						error_message = join("\n", %[1]s)
					}
				}
				`, call(schema, "var.contact")),
			ExpectError: words(`Invalid value for variable.*\$.owner: must be a string, not a number`),
		},
	)
}

// Every example of a function runs, and shows what it says.
func TestCLIExamplesOfFunctions(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	if c.minor() < 8 {
		t.Skip("functions of providers need Terraform 1.8, or OpenTofu 1.8")
	}
	c.write("main.tf", requirement)
	w := newWorld(t, registrytest.Options{})
	for name, want := range map[string]string{
		"parse_reference/function.tf":        "docker.io/library/alpine",
		"parse_reference/validation.tf":      `= "1.2"`,
		"json_schema_errors/function.tf":     "$: must be",
		"json_schema_errors/precondition.tf": "platform@example.com",
	} {
		c.example(w, "functions/"+name)
		if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, want) {
			t.Errorf("%s does not show %s:\n%s", name, want, output)
		}
		c.terraform("plan", "-detailed-exitcode")
		if err := os.Remove(filepath.Join(c.dir, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	c.env = append(c.env, `TF_VAR_contact={"team":"platform","email":17}`)
	c.example(w, "functions/json_schema_errors/precondition.tf")
	output, code := c.run(c.tool, "plan")
	if code == 0 || !strings.Contains(output, "$.email: must be a string, not a number") {
		t.Errorf("a contact that does not match: exit code %d\n%s", code, output)
	}
}
