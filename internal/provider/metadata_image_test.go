package provider

import (
	"context"
	"fmt"
	"net/http"
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

// on_tag_move keeps the metadata at its build, or refuses the plan. Metadata of a tag that follows it does not need it.
func TestAccMetadataOnTagMove(t *testing.T) {
	t.Run("keep", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, registrytest.Options{})
		config := func(content string) string {
			return w.metadata(fmt.Sprintf("type = \"t\"\ncontent = %q\non_tag_move = \"keep\"", content))
		}
		var moved oci.Digest
		acceptance(t,
			resource.TestStep{Config: config("x")},
			resource.TestStep{
				PreConfig:        func() { moved = w.push("1", "two") },
				Config:           config("x"),
				ConfigPlanChecks: emptyPlan,
			},
			resource.TestStep{
				Config:            config("y"),
				ConfigPlanChecks:  planned(action(plancheck.ResourceActionUpdate)),
				ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(w.image.String()))},
				Check: func(s *terraform.State) error {
					if err := w.hasTypes(moved); err != nil {
						return err
					}
					return w.has("t", "y")(s)
				},
			},
		)
	})
	t.Run("fail", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, registrytest.Options{})
		config := func(choice string) string {
			return w.metadata("type = \"t\"\ncontent = \"x\"\non_tag_move = \"" + choice + "\"")
		}
		var moved oci.Digest
		acceptance(t,
			resource.TestStep{Config: config("fail")},
			resource.TestStep{Config: config("fail"), ConfigPlanChecks: emptyPlan},
			resource.TestStep{
				PreConfig:   func() { moved = w.push("1", "two") },
				Config:      config("fail"),
				ExpectError: words(`Tag moved.*attached to: ` + w.image.String() + `.*tag names: sha256:`),
			},
			resource.TestStep{
				Config: config("replace"),
				Check: func(*terraform.State) error {
					if err := w.hasTypes(w.image); err != nil {
						return err
					}
					return w.hasTypes(moved, "t")
				},
			},
		)
	})
	t.Run("unknown word", func(t *testing.T) {
		t.Parallel()
		acceptance(t, resource.TestStep{
			Config:      metadataConfig("localhost:1/app:1", some+"\non_tag_move = \"follow\""),
			ExpectError: words(`on_tag_move value must be one of`),
		})
	})
}

// A digest that does not exist warns at plan. An image that is deleted by its digest leaves its metadata alone: the
// plan is empty, and the metadata can be changed and destroyed.
func TestAccMetadataDigestGone(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	write := func(digest, content string) {
		c.write("main.tf", requirement+w.metadataOf("@"+digest, fmt.Sprintf("type = \"t\"\ncontent = %q", content)))
	}
	write(oci.DigestOf([]byte("none")).String(), "x")
	if output := c.terraform("plan"); !words(`Warning: Image not found yet`).MatchString(output) {
		t.Errorf("no warning in\n%s", output)
	}
	write(w.image.String(), "x")
	c.terraform("apply", "-auto-approve")
	if _, err := w.server.Do(
		context.Background(), http.MethodDelete, "/v2/app/manifests/"+w.image.String(), nil, "",
	); err != nil {
		registrytest.Refused(t, "deleting an image", err)
	}
	c.terraform("plan", "-detailed-exitcode")
	write(w.image.String(), "y")
	c.terraform("apply", "-auto-approve")
	if err := w.has("t", "y")(nil); err != nil {
		t.Error(err)
	}
	c.terraform("destroy", "-auto-approve")
	if err := w.hasTypes(w.image); err != nil {
		t.Error(err)
	}
}

// A state from before on_tag_move existed gives an empty plan.
func TestAccStateWithoutOnTagMove(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.metadata(some))
	c.terraform("apply", "-auto-approve")
	older := strings.Replace(c.read("terraform.tfstate"), `"on_tag_move": null,`, "", 1)
	if strings.Contains(older, "on_tag_move") {
		t.Fatal(older)
	}
	c.write("terraform.tfstate", older)
	c.terraform("plan", "-detailed-exitcode")
}
