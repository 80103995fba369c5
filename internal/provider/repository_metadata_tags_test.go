package provider

import (
	"context"
	"net/http"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// on_tag_move says what becomes of the metadata when a tag moves to another build.
func TestAccRepositoryMetadataTagMoves(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T, attributes string) (w *world, config string, step resource.TestStep) {
		t.Helper()
		w = newWorld(t, registrytest.Options{})
		config = w.all(images("1", "one") + attributes)
		return w, config, resource.TestStep{Config: config}
	}
	t.Run("replace", func(t *testing.T) {
		t.Parallel()
		w, config, create := setUp(t, "")
		var next oci.Digest
		acceptance(t, create, resource.TestStep{
			PreConfig: func() { next = w.push("1", "next") },
			Config:    config,
			ConfigPlanChecks: planned(
				bulkAction(plancheck.ResourceActionUpdate), refreshed{"image_digests", textsExact("1", w.image.String())},
			),
			Check: func(s *terraform.State) error { return w.contacts(map[oci.Digest]string{next: "one"})(s) },
		})
	})
	t.Run("keep", func(t *testing.T) {
		t.Parallel()
		w, config, create := setUp(t, `on_tag_move = "keep"`)
		acceptance(t, create, resource.TestStep{
			PreConfig: func() {
				w.push("1", "next")
				w.server.Reset()
			},
			Config:           config,
			ConfigPlanChecks: emptyPlan,
			Check:            w.contacts(map[oci.Digest]string{w.image: "one"}),
		})
		if n := w.server.Count("HEAD", "/manifests/1"); n > 0 {
			t.Errorf("the tag was looked up %d times", n)
		}
	})
	t.Run("fail", func(t *testing.T) {
		t.Parallel()
		w, config, create := setUp(t, `on_tag_move = "fail"`)
		acceptance(t, create,
			resource.TestStep{
				PreConfig:   func() { w.push("1", "next") },
				Config:      config,
				ExpectError: words(`Tag moved.*1: attached to sha256:[0-9a-f]+, and the tag names sha256:`),
			},
			resource.TestStep{
				PreConfig: func() { w.push("1", "one") },
				Config:    config, ConfigPlanChecks: emptyPlan,
			},
		)
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		w, config, create := setUp(t, "")
		acceptance(t, create, resource.TestStep{
			PreConfig: func() { w.deleteTag("1") },
			Config:    config, ConfigPlanChecks: emptyPlan,
			Check: w.contacts(map[oci.Digest]string{w.image: "one"}),
		})
	})
}

// An image that does not exist stops the apply before anything is written.
func TestAccRepositoryMetadataImageMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	unknown := oci.DigestOf([]byte("no image"))
	acceptance(t,
		resource.TestStep{
			Config:      w.all(images("1", "one", unknown.String(), "x")),
			ExpectError: words(`Image not found.*Nothing was written.*image ` + unknown.String()),
		},
		resource.TestStep{
			Config:      w.all(images("1", "one", "none", "x")),
			ExpectError: words(`Image not found.*Nothing was written.*tag none`),
		},
		resource.TestStep{
			Config: w.all(images("1", "one")),
			Check:  w.contacts(map[oci.Digest]string{w.image: "one"}),
		},
	)
}

// A tag that moves between plan and apply stops the apply. A tag that is pushed between them is found.
func TestCLIRepositoryMetadataTagMovesBeforeApply(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.all(images("1", "one", "new", "new")))
	output := c.terraform("plan", "-out=saved")
	if want := words(`Warning: Image not found yet.*new`); !want.MatchString(withoutFrame(output)) {
		t.Errorf("the plan does not say %s:\n%s", want, output)
	}
	w.push("1", "next")
	pushed := w.push("new", "pushed")
	output, code := c.run(c.tool, "apply", "saved")
	// Terraform plans once more and compares before it lets the provider write.
	want := words(movedSincePlan + `|inconsistent final plan.*image_digests`)
	if code == 0 || !want.MatchString(withoutFrame(output)) {
		t.Errorf("exit code %d, want %s in\n%s", code, want, output)
	}
	if err := w.contacts(nil)(nil); err != nil {
		t.Error(err)
	}
	w.push("1", "one")
	c.terraform("apply", "-auto-approve")
	if err := w.contacts(map[oci.Digest]string{w.image: "one", pushed: "new"})(nil); err != nil {
		t.Error(err)
	}
}

// A tag that moves between the plan of a replacement and its apply stops the apply before it destroys anything.
func TestCLIRepositoryMetadataTagMovesBeforeReplacement(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.all(images("1", "one")))
	c.terraform("apply", "-auto-approve")
	c.write("main.tf", requirement+w.allOf("owner", images("1", "one")))
	c.terraform("plan", "-out=saved")
	now := w.push("1", "next")
	output, code := c.run(c.tool, "apply", "saved")
	if want := words(movedSincePlan + `.*nothing was destroyed`); code == 0 || !want.MatchString(withoutFrame(output)) {
		t.Errorf("exit code %d, want %s in\n%s", code, want, output)
	}
	if err := w.contacts(map[oci.Digest]string{w.image: "one"})(nil); err != nil {
		t.Error(err)
	}
	c.terraform("apply", "-auto-approve")
	if err := w.hasTypes(now, "owner"); err != nil {
		t.Error(err)
	}
	c.terraform("destroy", "-auto-approve")
	if err := w.hasTypes(now); err != nil {
		t.Error(err)
	}
}

// deleteTag removes a tag, as a clean-up would, and leaves the image.
func (w *world) deleteTag(tag string) {
	w.t.Helper()
	path := "/v2/app/manifests/" + tag
	if _, err := w.server.Do(context.Background(), http.MethodDelete, path, nil, ""); err != nil {
		registrytest.Refused(w.t, "deleting a tag", err)
	}
}
