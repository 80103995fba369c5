package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// The refresh shows what something else has done to the entries of the type, and one apply puts it right.
func TestAccRepositoryMetadataDrift(t *testing.T) {
	t.Parallel()
	digest := func(content string) string { return oci.DigestOf([]byte(content)).String() }
	for name, test := range map[string]struct {
		drift func(w *world, two, three oci.Digest)
		shows func(w *world, two, three oci.Digest) []plancheck.PlanCheck
	}{
		"changed": {
			func(w *world, _, _ oci.Digest) { w.put("contact", "theirs") },
			func(*world, oci.Digest, oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"images", textsExact("1", "theirs", "2", "two")},
					refreshed{"digests", textsExact("1", digest("theirs"), "2", digest("two"))},
				}
			},
		},
		"changed to binary": {
			func(w *world, _, _ oci.Digest) { w.put("contact", "\xff") },
			func(*world, oci.Digest, oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"images", textsExact("2", "two")}, refreshed{"images_base64", textsExact("1", "/w==")},
				}
			},
		},
		"added": {
			func(w *world, _, three oci.Digest) { w.putFor(three, "contact", "theirs") },
			func(_ *world, _, three oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"images", textsExact("1", "one", "2", "two", three.String(), "theirs")},
				}
			},
		},
		"removed": {
			func(w *world, two, _ oci.Digest) { w.removeFor(two, "contact") },
			func(w *world, _, _ oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"images", textsExact("1", "one")},
					refreshed{"image_digests", textsExact("1", w.image.String())},
				}
			},
		},
		"all removed": {
			func(w *world, _, _ oci.Digest) { w.write(`{"images":[]}`) },
			func(*world, oci.Digest, oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{refreshed{"images", textsExact()}}
			},
		},
		"lost content": {
			func(w *world, _, _ oci.Digest) {
				w.losePins()
				w.deleteBlob(oci.DigestOf([]byte("one")))
			},
			func(w *world, two, _ oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"images", textsExact("2", "two")},
					refreshed{"image_digests", textsExact("1", w.image.String(), "2", two.String())},
					refreshed{"pinned", knownvalue.Bool(false)},
				}
			},
		},
		"lost pins": {
			func(w *world, _, _ oci.Digest) { w.losePins() },
			func(*world, oci.Digest, oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"images", textsExact("1", "one", "2", "two")}, refreshed{"pinned", knownvalue.Bool(false)},
				}
			},
		},
		"media type": {
			func(w *world, two, _ oci.Digest) { w.restore(two, "two", "text/y", map[string]string{"by": "ops"}) },
			func(*world, oci.Digest, oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"media_type", knownvalue.StringExact("text/x")}, refreshed{"differing", textsExact("2", "media_type")},
				}
			},
		},
		"annotations": {
			func(w *world, two, _ oci.Digest) { w.restore(two, "two", "text/x", map[string]string{"by": "them"}) },
			func(*world, oci.Digest, oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"annotations", textsExact("by", "ops")}, refreshed{"differing", textsExact("2", "annotations")},
				}
			},
		},
		"annotations of all": {
			func(w *world, two, _ oci.Digest) {
				w.restore(w.image, "one", "text/x", map[string]string{"by": "them"})
				w.restore(two, "two", "text/y", map[string]string{"by": "them"})
			},
			func(*world, oci.Digest, oci.Digest) []plancheck.PlanCheck {
				return []plancheck.PlanCheck{
					refreshed{"annotations", textsExact("by", "them")}, refreshed{"differing", textsExact("2", "media_type")},
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			two := w.push("2", "two")
			config := w.all(images("1", "one", "2", "two") + "media_type = \"text/x\"\nannotations = { by = \"ops\" }")
			var three oci.Digest
			if name == "added" {
				three = w.push("3", "three")
			}
			acceptance(t,
				resource.TestStep{Config: config},
				resource.TestStep{
					PreConfig: func() { test.drift(w, two, three) },
					Config:    config,
					ConfigPlanChecks: planned(
						append(test.shows(w, two, three), bulkAction(plancheck.ResourceActionUpdate))...,
					),
					ConfigStateChecks: checks{
						inBulk("images", textsExact("1", "one", "2", "two")), inBulk("pinned", knownvalue.Bool(true)),
						inBulk("differing", knownvalue.Null()),
					},
					Check: w.contacts(map[oci.Digest]string{w.image: "one", two: "two"}),
				},
				resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// refreshed is a check of an attribute as the refresh before a plan has found it.
type refreshed struct {
	attribute string
	value     knownvalue.Check
}

// CheckPlan implements plancheck.PlanCheck.
func (r refreshed) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	for _, change := range req.Plan.ResourceChanges {
		if change.Address != bulkAddress {
			continue
		}
		value, err := tfjsonpath.Traverse(change.Change.Before, tfjsonpath.New(r.attribute))
		if err == nil {
			err = r.value.CheckValue(value)
		}
		if err != nil {
			resp.Error = fmt.Errorf("%s before the change: %w", r.attribute, err)
		}
		return
	}
	resp.Error = errors.New("the plan does not change the resource")
}

// restore changes an entry's media type and annotations and keeps its content.
func (w *world) restore(image oci.Digest, content, mediaType string, annotations map[string]string) {
	w.t.Helper()
	_, err := w.store().Put(context.Background(), manifesto.Put{
		Key:     manifesto.Key{Repository: w.remote.Repository(), Image: image, Type: "contact"},
		Content: []byte(content), MediaType: mediaType, Annotations: annotations, Overwrite: true,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// An entry that only the drift has shown can be adopted: a digest with the same content changes nothing.
func TestAccRepositoryMetadataAdopts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	acceptance(t,
		resource.TestStep{Config: w.all(images("1", "one"))},
		resource.TestStep{
			PreConfig:          func() { w.putFor(two, "contact", "theirs") },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			Config:           w.all(images("1", "one", two.String(), "theirs")),
			ConfigPlanChecks: emptyPlan,
		},
		// The tag takes the place of the digest.
		resource.TestStep{
			Config: w.all(images("1", "one", "2", "mine")),
			Check:  w.contacts(map[oci.Digest]string{w.image: "one", two: "mine"}),
		},
	)
}

// What has changed since the plan is listed in one error, and nothing is written.
func TestCLIRepositoryMetadataChangedSincePlan(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	c.write("main.tf", requirement+w.all(images("1", "one", "2", "two")))
	c.terraform("apply", "-auto-approve")
	c.write("main.tf", requirement+w.all(images("1", "changed", "2", "changed, too")))
	c.terraform("plan", "-out=saved")
	w.put("contact", "theirs")
	w.removeFor(two, "contact")
	output, code := c.run(c.tool, "apply", "saved")
	want := words(fmt.Sprintf(`Error: Metadata changed outside Terraform since the plan.*images\s+=.*Nothing was`+
		`.*image (%s|%s).*its content is %s.*image.*Run terraform plan again`, w.image, two,
		oci.DigestOf([]byte("theirs")).String()[:30]))
	if flat := withoutFrame(output); code == 0 || !want.MatchString(flat) {
		t.Errorf("exit code %d, want %s in\n%s", code, want, output)
	}
	if err := w.contacts(map[oci.Digest]string{w.image: "theirs"})(nil); err != nil {
		t.Error(err)
	}
	c.terraform("apply", "-auto-approve")
	if err := w.contacts(map[oci.Digest]string{w.image: "changed", two: "changed, too"})(nil); err != nil {
		t.Error(err)
	}
}

// withoutFrame returns output without the lines that Terraform draws around diagnostics.
func withoutFrame(output string) string {
	return strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(output)
}
