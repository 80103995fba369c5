package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// tagged declares one contact for the image of each tag.
func (w *world) tagged(tags ...string) string {
	var config strings.Builder
	config.WriteString("# Nothing is declared without tags.\n")
	for _, tag := range tags {
		fmt.Fprintf(&config, `
			resource "manifesto_metadata" "%s" {
				image   = "%s"
				type    = "contact"
				content = "team@example.com"
			}`, tag, w.ref(":"+tag))
	}
	return config.String()
}

// A build is promoted, so that two tags name it and share its contact. Then one tag moves on, or goes: the other tag's
// contact stays.
func TestAccPromotedBuildKeepsItsMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	promoted := w.push("stage", "promoted")
	both := w.tagged("stage", "prod")
	var next oci.Digest
	hasContacts := func(images ...*oci.Digest) resource.TestCheckFunc {
		return func(*terraform.State) error {
			for _, image := range images {
				if err := w.hasTypes(*image, "contact"); err != nil {
					return err
				}
			}
			return nil
		}
	}
	acceptance(t,
		resource.TestStep{Config: w.tagged("stage")},
		resource.TestStep{
			PreConfig: func() { w.push("prod", "promoted") },
			Config:    both,
			Check:     hasContacts(&promoted),
		},
		resource.TestStep{Config: both, ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig: func() { next = w.push("stage", "next") },
			Config:    both,
			Check:     hasContacts(&promoted, &next),
		},
		resource.TestStep{Config: both, ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig: func() { w.push("stage", "promoted") },
			Config:    both,
			Check:     hasContacts(&promoted),
		},
		resource.TestStep{Config: w.tagged("prod"), Check: hasContacts(&promoted)},
		resource.TestStep{
			Config: w.tagged(),
			Check:  func(*terraform.State) error { return w.hasTypes(promoted) },
		},
	)
}

// Two tags name one image from the start: both resources share its entry, in the first run as in any later one.
func TestAccTwoTagsOfOneImageShareItsMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	image := w.push("stage", "same")
	w.push("prod", "same")
	config := w.tagged("stage", "prod")
	acceptance(t,
		resource.TestStep{
			Config: config,
			Check:  func(*terraform.State) error { return w.hasTypes(image, "contact") },
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}
