package provider

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A tag that moves to another build replaces the metadata, and the old build loses it.
func TestAccMetadataTagMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.metadata(`type = "approval"
		content = "yes"`)
	old := w.image
	var moved oci.Digest
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() { moved = w.push("1", "two") },
			Config:    config,
			ConfigPlanChecks: planned(
				action(plancheck.ResourceActionDestroyBeforeCreate),
				plannedValue("image_digest", knownvalue.StringFunc(func(have string) error {
					if have != moved.String() {
						return fmt.Errorf("planned %s, want %s", have, moved)
					}
					return nil
				})),
			),
			Check: func(*terraform.State) error {
				if err := w.hasTypes(old); err != nil {
					return err
				}
				return w.hasTypes(moved, "approval")
			},
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}

// Another reference to the same image is an update in place, which the entry records.
func TestAccMetadataRespelledImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	const rest = `type = "t"
		content = "x"`
	acceptance(t,
		resource.TestStep{Config: w.metadata(rest)},
		resource.TestStep{
			Config:           w.metadataOf("@"+w.image.String(), rest),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
			Check: func(*terraform.State) error {
				document := w.document()
				if !strings.Contains(document, `"declared_by":["@"]`) {
					return fmt.Errorf("the manifesto does not record the reference: %s", document)
				}
				return nil
			},
		},
		resource.TestStep{
			Config: w.metadataOf("@"+w.image.String(), rest), ConfigPlanChecks: emptyPlan,
		},
	)
}

func TestAccMetadataPlatform(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	index, children, err := registrytest.PushIndex(
		context.Background(), w.remote, "multi", "m", "linux/amd64", "linux/arm64/v8", "unknown/unknown",
	)
	if err != nil {
		t.Fatal(err)
	}
	config := func(platform string) string {
		return w.metadataOf(":multi", "type = \"t\"\ncontent = \"x\"\n"+platform)
	}
	arm := children["linux/arm64/v8"]
	acceptance(t,
		resource.TestStep{
			Config:            config(""),
			ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(index.String()))},
		},
		resource.TestStep{
			Config:            config(`platform = "linux/arm64"`),
			ConfigPlanChecks:  planned(action(plancheck.ResourceActionDestroyBeforeCreate)),
			ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(arm.String()))},
			Check: func(*terraform.State) error {
				if err := w.hasTypes(index); err != nil {
					return err
				}
				return w.hasTypes(arm, "t")
			},
		},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateId: w.ref("@" + arm.String() + "#t"),
			ImportStateVerify: true, ImportStateVerifyIgnore: []string{"image", "platform"},
		},
		resource.TestStep{
			Config:      config(`platform = "linux/s390x"`),
			ExpectError: regexp.MustCompile(`Platform not found(.|\n)*linux/amd64, linux/arm64/v8`),
		},
		resource.TestStep{Config: w.metadata(`type = "t"
			content = "x"
			platform = "linux/amd64"`), ExpectError: regexp.MustCompile(`Not a multi-platform image`)},
	)
}
