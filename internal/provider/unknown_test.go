package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Values that are unknown at plan make what depends on them unknown. The next plan is empty.
func TestAccMetadataUnknownValues(t *testing.T) {
	t.Parallel()
	for _, attribute := range []string{
		"image", "type", "content", "content_base64", "media_type", "platform", "annotations",
	} {
		t.Run(attribute, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			if _, _, err := registrytest.PushIndex(context.Background(), w.remote, "multi", "m", "linux/amd64"); err != nil {
				t.Fatal(err)
			}
			values := map[string]string{"image": fmt.Sprintf("%q", w.ref(":1")), "type": `"t"`, "content": `"x"`}
			literal := map[string]string{
				"image": w.ref(":1"), "type": "t", "content": "x", "content_base64": "eA==", "media_type": "text/x",
				"platform": "linux/amd64", "annotations": "b",
			}[attribute]
			switch attribute {
			case "content_base64":
				delete(values, "content")
			case "platform":
				values["image"] = fmt.Sprintf("%q", w.ref(":multi"))
			}
			unknown := map[string][]string{
				"image":          {"image_digest", "repository", "registry", "id"},
				"platform":       {"image_digest", "id"},
				"type":           {"id"},
				"content":        {"digest", "size", "media_type", "created"},
				"content_base64": {"digest", "size", "media_type", "created"},
				"media_type":     {"media_type"},
			}[attribute]
			values[attribute] = "terraform_data.later.output"
			if attribute == "annotations" {
				values[attribute] = "{ a = terraform_data.later.output }"
			}
			var lines []string
			for name, value := range values {
				lines = append(lines, name+" = "+value)
			}
			config := fmt.Sprintf(`
				resource "terraform_data" "later" {
					input = %q
				}
				resource "manifesto_metadata" "test" {
					%s
				}`, literal, strings.Join(lines, "\n"))
			checks := []plancheck.PlanCheck{action(plancheck.ResourceActionCreate)}
			for _, name := range unknown {
				checks = append(checks, plannedUnknown(name))
			}
			acceptance(t,
				resource.TestStep{Config: config, ConfigPlanChecks: planned(checks...)},
				resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// Settings that come from a resource of the same apply are unknown at plan. What depends on them is planned as unknown,
// without a request to the registry, and works at apply.
func TestAccUnknownSettings(t *testing.T) {
	t.Parallel()
	w := secured(t)
	config := func(image string) string {
		return fmt.Sprintf(`
			resource "terraform_data" "password" {
				input = %q
			}
			provider "manifesto" {
				registries = { %q = { username = %q, password = terraform_data.password.output } }
			}
			resource "manifesto_metadata" "test" {
				image   = %q
				type    = "t"
				content = "x"
			}`, secret, w.server.Host(), user, image)
	}
	acceptance(t,
		resource.TestStep{
			Config: config(w.ref(":1")),
			ConfigPlanChecks: planned(
				plannedUnknown("image_digest"), plannedUnknown("id"), plannedValue("repository", knownvalue.StringExact(w.ref(""))),
			),
			Check: w.has("t", "x"),
		},
		resource.TestStep{Config: config(w.ref(":1")), ConfigPlanChecks: emptyPlan},
	)
}

func TestAccUnknownDefaultRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := fmt.Sprintf(`
		resource "terraform_data" "host" {
			input = %q
		}
		provider "manifesto" {
			default_registry = terraform_data.host.output
		}
		resource "manifesto_metadata" "test" {
			image   = "app:1"
			type    = "t"
			content = "x"
		}`, w.server.Host())
	acceptance(t,
		resource.TestStep{
			Config:           config,
			ConfigPlanChecks: planned(plannedUnknown("repository"), plannedUnknown("image_digest")),
			Check:            w.has("t", "x"),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}
