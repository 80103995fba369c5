package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// What others do to the metadata of the image shows at the element that it concerns, and the apply puts it right.
func TestAccImageMetadataDrift(t *testing.T) {
	const elements = `
		contact = { content = "mine" }
		policy  = { content = "{}", media_type = "application/vnd.policy+json", annotations = { by = "ops" } }`
	before := func(value knownvalue.Check, steps ...string) plancheck.PlanCheck {
		return expectBefore{imageAddress, append([]string{"metadata"}, steps...), value}
	}
	update := imageAction(plancheck.ResourceActionUpdate)
	tests := map[string]struct {
		change func(w *world)
		plan   []plancheck.PlanCheck
		// untracked says that the contact keeps no media type: the configuration does not ask for one.
		untracked bool
	}{
		"changed": {
			change: func(w *world) { w.put("contact", "theirs") },
			plan: []plancheck.PlanCheck{
				update, before(knownvalue.StringExact("theirs"), "contact", "content"),
				before(knownvalue.StringExact("{}"), "policy", "content"),
			},
		},
		"changed to binary content": {
			change: func(w *world) { w.put("contact", "\x00\xff") },
			plan: []plancheck.PlanCheck{
				update, before(knownvalue.StringExact("AP8="), "contact", "content_base64"),
				before(knownvalue.Null(), "contact", "content"),
			},
		},
		"removed": {
			change: func(w *world) { w.remove("policy") },
			plan:   []plancheck.PlanCheck{update, before(knownvalue.MapSizeExact(1))},
		},
		"all removed": {
			change: func(w *world) {
				w.remove("policy")
				w.remove("contact")
			},
			plan: []plancheck.PlanCheck{imageAction(plancheck.ResourceActionCreate)},
		},
		"added": {
			change: func(w *world) { w.put("sbom", "theirs") },
			plan: []plancheck.PlanCheck{
				update, before(knownvalue.StringExact("theirs"), "sbom", "content"),
				imagePlanned(knownvalue.MapSizeExact(2), "metadata"), imagePlanned(knownvalue.MapSizeExact(2), "digests"),
			},
		},
		"added by a type that Terraform would change": {
			change: func(w *world) { w.put("cafe\u0301", "theirs") },
			plan:   []plancheck.PlanCheck{update, before(knownvalue.StringExact("theirs"), `"cafe\u0301"`, "content")},
		},
		"added beside an equal one": {
			change: func(w *world) { w.put("copy", "mine") },
			plan:   []plancheck.PlanCheck{update, before(knownvalue.StringExact("mine"), "copy", "content")},
		},
		"stripped of media type and annotations": {
			untracked: true,
			change:    func(w *world) { w.strip("contact", "policy") },
			plan: []plancheck.PlanCheck{
				update, before(knownvalue.Null(), "policy", "media_type"), before(knownvalue.Null(), "policy", "annotations"),
				before(knownvalue.Null(), "contact", "media_type"),
			},
		},
		"lost content": {
			change: func(w *world) {
				w.losePins()
				w.deleteBlob(oci.DigestOf([]byte("mine")))
			},
			plan: []plancheck.PlanCheck{
				update, before(knownvalue.Null(), "contact", "content"), before(knownvalue.StringExact("{}"), "policy", "content"),
				imagePlanned(knownvalue.Bool(true), "pinned"),
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			acceptance(t,
				resource.TestStep{Config: w.imageMetadata(elements)},
				resource.TestStep{
					PreConfig:        func() { test.change(w) },
					Config:           w.imageMetadata(elements),
					ConfigPlanChecks: planned(test.plan...),
					Check: func(*terraform.State) error {
						if err := w.hasTypes(w.image, "contact", "policy"); err != nil {
							return err
						}
						mediaType := "text/plain"
						if test.untracked {
							mediaType = ""
						}
						if err := w.hasEntry("contact", "mine", mediaType, nil); err != nil {
							return err
						}
						return w.hasEntry("policy", "{}", "application/vnd.policy+json", map[string]string{"by": "ops"})
					},
				},
				resource.TestStep{Config: w.imageMetadata(elements), ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// expectBefore checks what a resource was before the change, as the plan has it: the refreshed state.
type expectBefore struct {
	address string
	path    []string
	value   knownvalue.Check
}

// CheckPlan implements plancheck.PlanCheck.
func (e expectBefore) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	for _, change := range req.Plan.ResourceChanges {
		if change.Address != e.address {
			continue
		}
		value := change.Change.Before
		for _, step := range e.path {
			object, ok := value.(map[string]any)
			if !ok {
				resp.Error = fmt.Errorf("no %s in the state: %v", strings.Join(e.path, "."), change.Change.Before)
				return
			}
			value = object[step]
		}
		if err := e.value.CheckValue(value); err != nil {
			resp.Error = fmt.Errorf("%s in the state: %w", strings.Join(e.path, "."), err)
		}
		return
	}
	resp.Error = fmt.Errorf("no %s in the plan", e.address)
}
