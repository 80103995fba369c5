package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// An entry whose type is not in NFC is removed like any other, also beside one whose type is its normal form.
func TestAccRetentionOfTypesOutsideNFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two, three := w.push("2", "two"), w.push("3", "three")
	for _, typ := range []string{decomposed, "contact"} {
		w.putFor(w.image, typ, "stays")
		w.putFor(two, typ, "goes")
	}
	w.putFor(three, composed, "goes")
	w.putFor(three, decomposed, "goes as well")
	stays := []string{decomposed, "contact"}
	acceptance(t,
		resource.TestStep{Config: w.retention("")},
		resource.TestStep{
			PreConfig: func() {
				w.vanish(two)
				w.vanish(three)
			},
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr(retentionAddress, "stale.0", two.String()+"#"+decomposedKey),
				resource.TestCheckResourceAttr(retentionAddress, "stale.1", two.String()+"#contact"),
				resource.TestCheckResourceAttr(retentionAddress, "stale.2", three.String()+"#"+composed),
				resource.TestCheckResourceAttr(retentionAddress, "stale.3", three.String()+"#"+decomposedKey),
			),
		},
		resource.TestStep{
			Config:            w.retention(""),
			ConfigPlanChecks:  plansStale(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{stale()},
			Check:             w.leaves(map[oci.Digest][]string{w.image: stays, two: nil, three: nil}),
		},
		resource.TestStep{Config: w.retention(""), ConfigPlanChecks: emptyPlan},
	)
}
