package provider

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// annotated checks that the entries of images have the annotation "by" with a value.
func (w *world) annotated(by string, images ...oci.Digest) resource.TestCheckFunc {
	return func(*terraform.State) error {
		for _, image := range images {
			key := w.key("contact")
			key.Image = image
			piece, err := w.store().Get(w.t.Context(), key)
			if err != nil {
				return err
			}
			if !reflect.DeepEqual(piece.Annotations, map[string]string{"by": by}) {
				return fmt.Errorf("image %s has the annotations %v, want by = %q", image, piece.Annotations, by)
			}
		}
		return nil
	}
}

// If others have given one entry the annotations that the configuration now asks for, the plan shows that not all
// entries have them, and one apply gives them to all. A refresh that is stored changes nothing in that.
func TestAccRepositoryMetadataSomeAnnotationsAreWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two, three := w.push("2", "two"), w.push("3", "three")
	config := func(by string) string {
		return w.all(images("1", "one", "2", "two", "3", "three") + fmt.Sprintf("annotations = { by = %q }", by))
	}
	acceptance(t,
		resource.TestStep{Config: config("x")},
		resource.TestStep{
			PreConfig:    func() { w.restore(two, "two", "text/plain", map[string]string{"by": "y"}) },
			RefreshState: true, ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			Config: config("y"),
			ConfigPlanChecks: planned(
				bulkAction(plancheck.ResourceActionUpdate), refreshed{"annotations", textsExact("by", "x")},
				refreshed{"differing", textsExact("2", "annotations")},
			),
			ConfigStateChecks: checks{inBulk("differing", knownvalue.Null())},
			Check:             w.annotated("y", w.image, two, three),
		},
		resource.TestStep{Config: config("y"), ConfigPlanChecks: emptyPlan},
	)
}

// The annotations of an entry that the configuration adopts become those of all.
func TestAccRepositoryMetadataAdoptsOtherAnnotations(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	const annotations = `annotations = { by = "x" }`
	config := w.all(images("1", "one", two.String(), "two") + annotations)
	acceptance(t,
		resource.TestStep{Config: w.all(images("1", "one") + annotations)},
		resource.TestStep{
			PreConfig: func() { w.restore(two, "two", "text/plain", map[string]string{"by": "y"}) },
			Config:    config,
			ConfigPlanChecks: planned(
				bulkAction(plancheck.ResourceActionUpdate), refreshed{"differing", textsExact(two.String(), "annotations")},
			),
			Check: w.annotated("x", w.image, two),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}

// The plan of an import shows that entries have different annotations. The first apply gives all of them those that
// most have, which is what a generated configuration says, and the next plan is empty.
func TestCLIRepositoryMetadataImportsDifferentAnnotations(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	two, three := w.push("2", "two"), w.push("3", "three")
	for image, by := range map[oci.Digest]string{w.image: "x", two: "y", three: "x"} {
		w.restore(image, "content", "text/plain", map[string]string{"by": by})
	}
	c.write("main.tf", requirement+fmt.Sprintf(
		"import {\n  to = manifesto_repository_metadata.test\n  id = %q\n}\n", w.ref("#contact")))
	output := c.terraform("plan", "-generate-config-out=generated.tf")
	if !words(`differing.*` + two.String() + `.*annotations`).MatchString(output) {
		t.Errorf("the plan does not show which entry differs:\n%s", output)
	}
	output = c.terraform("apply", "-auto-approve")
	if !strings.Contains(output, "1 imported, 0 added, 1 changed") {
		t.Errorf("the import does not change anything:\n%s", output)
	}
	if err := w.annotated("x", w.image, two, three)(nil); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
}

// Fields of the manifesto that this version does not know survive an update of their own entry and one beside them.
func TestAccRepositoryMetadataKeepsUnknownFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	digest, err := w.remote.PutBlob(t.Context(), []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(fmt.Sprintf(
		`{"later":1,"images":[{"image_digest":%q,"new":{},"manifesto":[{"type":"contact","digest":%q,"signed":[1]}]}]}`,
		w.image, digest))
	config := w.all(images("1", "one", "2", "changed") + `annotations = { by = "x" }`)
	acceptance(t,
		resource.TestStep{Config: w.all(images("1", "one", "2", "two"))},
		resource.TestStep{
			Config: config,
			Check: resource.ComposeTestCheckFunc(w.annotated("x", w.image, two), func(*terraform.State) error {
				document := w.document()
				for _, field := range []string{`"later":1`, `"new":{}`, `"signed":[1]`} {
					if !strings.Contains(document, field) {
						return fmt.Errorf("the manifesto has lost %s: %s", field, document)
					}
				}
				return nil
			}),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}
