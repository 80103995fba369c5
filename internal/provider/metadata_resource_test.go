package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// The life of a resource on every embedded registry: create, empty plan, update in place, import, destroy.
func TestAccMetadataLifecycle(t *testing.T) {
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			w.put("foreign", "theirs")
			first := oci.DigestOf([]byte("team@example.com")).String()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				CheckDestroy:             resource.ComposeTestCheckFunc(w.lacks("contact"), w.has("foreign", "theirs")),
				Steps: []resource.TestStep{
					{
						Config: w.metadata(`type = "contact"
							content = "team@example.com"`),
						ConfigPlanChecks: planned(
							action(plancheck.ResourceActionCreate),
							plannedValue("id", knownvalue.StringExact(w.key("contact").String())),
							plannedValue("repository", knownvalue.StringExact(w.ref(""))),
							plannedValue("registry", knownvalue.StringExact(w.server.Host())),
							plannedValue("image_digest", knownvalue.StringExact(w.image.String())),
							plannedValue("digest", knownvalue.StringExact(first)),
							plannedValue("size", knownvalue.Int64Exact(16)),
							plannedValue("media_type", knownvalue.StringExact("text/plain")),
							plannedValue("pinned", knownvalue.Bool(true)),
							plannedValue("overwrite", knownvalue.Bool(false)),
							plannedValue("keep_on_destroy", knownvalue.Bool(false)),
							plannedUnknown("created"),
						),
						Check: w.has("contact", "team@example.com"),
						ConfigStateChecks: []statecheck.StateCheck{
							state("digest", knownvalue.StringExact(first)),
							state("pinned", knownvalue.Bool(true)),
							state("created", knownvalue.StringRegexp(regexp.MustCompile(`^20.*Z$`))),
							state("annotations", knownvalue.Null()),
							state("content_base64", knownvalue.Null()),
						},
					},
					{
						Config: w.metadata(`type = "contact"
							content = "team@example.com"`),
						ConfigPlanChecks: emptyPlan,
					},
					{
						Config: w.metadata(`type = "contact"
							content = "{\"mail\":\"new@example.com\"}"
							annotations = { by = "ops" }`),
						ConfigPlanChecks: planned(
							action(plancheck.ResourceActionUpdate),
							plannedValue("media_type", knownvalue.StringExact("application/json")),
							plannedValue("id", knownvalue.StringExact(w.key("contact").String())),
							plannedUnknown("created"),
						),
						Check: w.has("contact", `{"mail":"new@example.com"}`),
					},
					{
						ResourceName:      address,
						ImportState:       true,
						ImportStateId:     w.ref(":1") + "#contact",
						ImportStateVerify: true,
					},
					{
						ResourceName:            address,
						ImportState:             true,
						ImportStateId:           w.key("contact").String(),
						ImportStateVerify:       true,
						ImportStateVerifyIgnore: []string{"image"},
					},
				},
			})
		})
	}
}

// A change of annotations changes no computed attribute.
func TestAccMetadataAnnotationsMoveNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.metadata(`type = "t"
			content = "x"`)},
		resource.TestStep{
			Config: w.metadata(`type = "t"
				content = "x"
				annotations = { a = "b" }
				timeouts = { create = "3m" }`),
			ConfigPlanChecks: planned(
				action(plancheck.ResourceActionUpdate),
				plannedValue("created", knownvalue.StringRegexp(regexp.MustCompile(`^20.*Z$`))),
				plannedValue("digest", knownvalue.StringExact(oci.DigestOf([]byte("x")).String())),
				plannedValue("size", knownvalue.Int64Exact(1)),
				plannedValue("media_type", knownvalue.StringExact("text/plain")),
				plannedValue("pinned", knownvalue.Bool(true)),
			),
		},
		resource.TestStep{
			Config: w.metadata(`type = "t"
				content = "x"
				annotations = {}`),
			ConfigPlanChecks:  planned(action(plancheck.ResourceActionUpdate)),
			ConfigStateChecks: []statecheck.StateCheck{state("annotations", knownvalue.MapSizeExact(0))},
		},
	)
}

func TestAccMetadataTypeReplaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.metadata(`type = "one"
			content = "x"`)},
		resource.TestStep{
			Config: w.metadata(`type = "two"
				content = "x"`),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionDestroyBeforeCreate)),
			Check:            resource.ComposeTestCheckFunc(w.lacks("one"), w.has("two", "x")),
		},
	)
}

func TestAccMetadataKeepOnDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             w.has("t", "kept"),
		Steps: []resource.TestStep{{Config: w.metadata(`type = "t"
			content = "kept"
			keep_on_destroy = true`)}},
	})
}

// One read of the manifesto serves all resources of a run.
func TestAccRequestsOfAPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			count   = 50
			image   = %q
			type    = "t${count.index}"
			content = "content ${count.index}"
		}`, w.ref(":1"))
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig:    w.server.Reset,
			RefreshState: true,
			Check: func(*terraform.State) error {
				// A refresh and the plan that checks it are two runs. Each sends a ping and reads the manifesto, its
				// layer, the pins and the tag.
				if n := len(w.server.Requests()); n > 2*5 {
					return fmt.Errorf("%d requests: %v", n, w.server.Requests())
				}
				if n := w.server.Count(http.MethodGet, "/blobs/"+oci.DigestOf([]byte("content 0")).String()); n != 0 {
					return fmt.Errorf("content that has not changed was downloaded %d times", n)
				}
				return nil
			},
		},
	)
}
