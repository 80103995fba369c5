package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

const imageAddress = "manifesto_image_metadata.test"

// imageMetadata is the configuration of one resource manifesto_image_metadata.test of app:1. elements are those of
// metadata, and attributes are others.
func (w *world) imageMetadata(elements string, attributes ...string) string {
	return imageMetadataConfig(w.ref(":1"), elements, attributes...)
}

func imageMetadataConfig(image, elements string, attributes ...string) string {
	return fmt.Sprintf("resource \"manifesto_image_metadata\" \"test\" {\nimage = %q\nmetadata = {\n%s\n}\n%s\n}\n",
		image, elements, strings.Join(attributes, "\n"))
}

func imageAction(a plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(imageAddress, a)
}

func imagePlanned(value knownvalue.Check, path string, steps ...string) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(imageAddress, at(path, steps...), value)
}

func imageState(value knownvalue.Check, path string, steps ...string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(imageAddress, at(path, steps...), value)
}

// at is the path of an attribute, or of an element inside.
func at(attribute string, steps ...string) tfjsonpath.Path {
	path := tfjsonpath.New(attribute)
	for _, step := range steps {
		path = path.AtMapKey(step)
	}
	return path
}

func contentDigest(content string) knownvalue.Check {
	return knownvalue.StringExact(oci.DigestOf([]byte(content)).String())
}

// The life of a resource on every embedded registry: create, empty plan, update of some elements, destroy.
func TestAccImageMetadataLifecycle(t *testing.T) {
	const first = `
		contact = { content = "team@example.com" }
		binary  = { content_base64 = "AP8=", media_type = "application/x-test", annotations = { by = "ops" } }
		policy  = { content = "{}", annotations = {} }`
	const second = `
		contact = { content = "team@example.com" }
		binary  = { content_base64 = "AP8=", media_type = "application/x-test", annotations = { by = "sec" } }
		sbom    = { content = "new" }`
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			other := w.push("2", "two")
			elsewhere := *w
			elsewhere.image = other
			elsewhere.put("contact", "of another image")
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				CheckDestroy: func(*terraform.State) error {
					if err := w.hasTypes(w.image); err != nil {
						return err
					}
					return elsewhere.has("contact", "of another image")(nil)
				},
				Steps: []resource.TestStep{
					{
						Config: w.imageMetadata(first),
						ConfigPlanChecks: planned(
							imageAction(plancheck.ResourceActionCreate),
							imagePlanned(knownvalue.StringExact(w.ref("@"+w.image.String())), "id"),
							imagePlanned(knownvalue.StringExact(w.ref("")), "repository"),
							imagePlanned(knownvalue.StringExact(w.server.Host()), "registry"),
							imagePlanned(knownvalue.StringExact(w.image.String()), "image_digest"),
							imagePlanned(contentDigest("team@example.com"), "digests", "contact"),
							imagePlanned(contentDigest("\x00\xff"), "digests", "binary"),
							imagePlanned(knownvalue.Bool(true), "pinned"),
						),
						Check: func(*terraform.State) error {
							return w.hasEntry("binary", "\x00\xff", "application/x-test", map[string]string{"by": "ops"})
						},
						ConfigStateChecks: []statecheck.StateCheck{
							imageState(knownvalue.Null(), "metadata", "contact", "media_type"),
							imageState(knownvalue.MapSizeExact(0), "metadata", "policy", "annotations"),
							imageState(contentDigest("{}"), "digests", "policy"),
						},
					},
					{Config: w.imageMetadata(first), ConfigPlanChecks: emptyPlan},
					{
						PreConfig: w.server.Reset,
						Config:    w.imageMetadata(second),
						ConfigPlanChecks: planned(
							imageAction(plancheck.ResourceActionUpdate),
							imagePlanned(knownvalue.MapSizeExact(3), "digests"),
							imagePlanned(contentDigest("new"), "digests", "sbom"),
						),
						Check: func(*terraform.State) error {
							if n := w.server.Count(http.MethodPut, "/manifests/_manifesto"); n > 3 { // The manifesto, and pins.
								return fmt.Errorf("%d manifests were put", n)
							}
							if err := w.hasEntry("contact", "team@example.com", "text/plain", nil); err != nil {
								return err
							}
							return w.hasTypes(w.image, "contact", "binary", "sbom")
						},
					},
					{Config: w.imageMetadata(second), ConfigPlanChecks: emptyPlan},
					{
						Config:           w.imageMetadata(""),
						ConfigPlanChecks: planned(imageAction(plancheck.ResourceActionUpdate)),
						Check:            func(*terraform.State) error { return w.hasTypes(w.image) },
					},
					{Config: w.imageMetadata(""), ConfigPlanChecks: emptyPlan},
					{Config: w.imageMetadata(first), Check: w.has("contact", "team@example.com")},
				},
			})
		})
	}
}

// hasEntry checks metadata in the registry.
func (w *world) hasEntry(typ, content, mediaType string, annotations map[string]string) error {
	if err := w.has(typ, content)(nil); err != nil {
		return err
	}
	piece, err := w.store().Get(w.t.Context(), w.key(typ))
	if err != nil {
		return err
	}
	if piece.MediaType != mediaType || fmt.Sprint(piece.Annotations) != fmt.Sprint(annotations) || !piece.Pinned {
		return fmt.Errorf("the registry has %s as %+v, want %s with %v", typ, piece, mediaType, annotations)
	}
	return nil
}
