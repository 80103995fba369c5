package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
)

func TestAccLayoutLifecycle(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("1.2")
	b.add("index.docker.io/org/other:3")
	const first = "type = \"contact\"\ncontent = \"team@example.com\""
	const second = "type = \"contact\"\ncontent = \"new@example.com\"\nannotations = { by = \"ops\" }"
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             b.contact(image, ""),
		Steps: []resource.TestStep{
			{
				Config: b.metadata(":1.2", first),
				ConfigPlanChecks: planned(
					action(plancheck.ResourceActionCreate),
					plannedValue("id", knownvalue.StringExact(b.key(image, "contact").String())),
					plannedValue("registry", knownvalue.StringExact("oci-layout")),
					plannedValue("repository", knownvalue.StringExact(b.ref(""))),
					plannedValue("image_digest", knownvalue.StringExact(image.String())),
				),
				Check: b.contact(image, "team@example.com"),
				ConfigStateChecks: []statecheck.StateCheck{
					state("pinned", knownvalue.Bool(true)), state("created", knownvalue.NotNull()),
				},
			},
			{Config: b.metadata(":1.2", first), ConfigPlanChecks: emptyPlan},
			{
				Config:           b.metadata(":1.2", second),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
				Check:            b.contact(image, "new@example.com"),
			},
			{
				PreConfig:        func() { b.change(image, "contact", "drifted") },
				Config:           b.metadata(":1.2", second),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
				Check:            b.contact(image, "new@example.com"),
			},
			{
				PreConfig:        func() { b.change(image, "contact", "") },
				Config:           b.metadata(":1.2", second),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionCreate)),
				Check:            b.contact(image, "new@example.com"),
			},
			{ResourceName: address, ImportState: true, ImportStateId: b.ref(":1.2#contact"), ImportStateVerify: true},
			{
				ResourceName: address, ImportState: true, ImportStateId: b.key(image, "contact").String(),
				ImportStateVerify: true, ImportStateVerifyIgnore: []string{"image"},
			},
			// The same image by its digest needs no change in the layout.
			{
				Config: b.metadata("@"+image.String(), second),
				ConfigPlanChecks: planned(
					action(plancheck.ResourceActionUpdate), plannedValue("image_digest", knownvalue.StringExact(image.String())),
				),
			},
		},
	})
	b.readable("_manifesto", "_manifesto.pins")
}

func TestAccLayoutImportByIdentity(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("")
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{
				Config: b.metadata("@"+image.String(), some),
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"repository":   knownvalue.StringExact(b.ref("")),
					"image_digest": knownvalue.StringExact(image.String()),
					"type":         knownvalue.StringExact("t"),
				})},
			},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
			{
				ResourceName:    address,
				ImportState:     true,
				ImportStateKind: resource.ImportBlockWithID,
				ImportStateId:   b.ref("@" + image.String() + "#t"),
			},
		},
	})
}

// A reference without a tag means the only image, even if the layout has _manifesto as well.
func TestAccLayoutDataSources(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("")
	b.change(image, "contact", "me")
	config := fmt.Sprintf(`
		data "manifesto_metadata" "test" {
			image = %[1]q
			type  = "contact"
		}
		data "manifesto_image" "test" {
			image           = %[1]q
			include_content = true
		}`, b.ref(""))
	acceptance(t, resource.TestStep{
		Config: config,
		ConfigStateChecks: []statecheck.StateCheck{
			found("content", knownvalue.StringExact("me")),
			found("registry", knownvalue.StringExact("oci-layout")),
			found("repository", knownvalue.StringExact(b.ref(""))),
			found("image_digest", knownvalue.StringExact(image.String())),
			statecheck.ExpectKnownValue(
				"data.manifesto_image.test", tfjsonpath.New("metadata").AtMapKey("contact").AtMapKey("content"),
				knownvalue.StringExact("me"),
			),
		},
	})
}

func TestAccLayoutPlatform(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	index, children := b.addMulti("multi", "linux/amd64", "linux/arm64/v8")
	acceptance(t,
		resource.TestStep{
			Config:            b.metadata(":multi", some),
			ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(index.String()))},
		},
		resource.TestStep{
			Config: b.metadata(":multi", some+"\nplatform = \"linux/arm64\""),
			ConfigStateChecks: []statecheck.StateCheck{
				state("image_digest", knownvalue.StringExact(children["linux/arm64/v8"].String())),
			},
		},
		resource.TestStep{
			Config:      b.metadata(":multi", some+"\nplatform = \"linux/s390x\""),
			ExpectError: words(`Platform not found.*linux/amd64, linux/arm64/v8`),
		},
	)
}

// Many resources of one image in one layout are created at the same time.
func TestAccLayoutManyResources(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("1")
	config := fmt.Sprintf(`resource "manifesto_metadata" "test" {
		count   = 30
		image   = %q
		type    = "type-${count.index}"
		content = "content"
	}`, b.ref(":1"))
	acceptance(t,
		resource.TestStep{Config: config, Check: func(*terraform.State) error {
			entries, err := b.store().List(context.Background(), b.key(image, "").Repository, image)
			if err != nil || len(entries) != 30 {
				return fmt.Errorf("%d entries, %w", len(entries), err)
			}
			return nil
		}},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}

func TestAccLayoutErrors(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	one, two := b.add("1"), b.add("2")
	of := func(image string) string {
		return metadataConfig(image, some)
	}
	parent := filepath.ToSlash(t.TempDir())
	missing := parent + "/missing"
	damaged := newBundle(t)
	digits := strings.TrimPrefix(damaged.add("1").String(), "sha256:")
	if err := os.Remove(filepath.Join(damaged.directory, "blobs", "sha256", digits)); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ config, want string }{
		"no directory": {
			of("oci-layout:" + missing), `No image layout.*there is no directory.*missing.*an archive has to be unpacked`,
		},
		"no directory, digest": {of("oci-layout:" + missing + "@" + one.String()), `No image layout.*there is no directory`},
		"not a layout":         {of("oci-layout:" + parent + ":1"), `No image layout.*no file oci-layout`},
		"no such tag": {
			b.metadata(":3", some), `Image not found.*:3: not found: the layout has 1 \(` + one.String() + `\).*has been copied`,
		},
		"no such digest": {b.metadata("@sha256:"+strings.Repeat("0", 64), some), `not found`},
		"two images, no tag": {
			b.metadata("", some), `More than one image.*2 \(` + two.String() + `\).*oci-layout:DIRECTORY:TAG`,
		},
		"our own tag":   {b.metadata(":_manifesto", some), `Not an image to describe`},
		"malformed tag": {b.metadata(":a b", some), `Malformed image reference.*oci-layout:DIRECTORY:TAG`},
		"damaged": {
			damaged.metadata(":1", some), `Image layout is damaged.*there is no such blob.*Copy or make it again`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{Config: test.config, ExpectError: words(test.want)})
		})
	}
	t.Run("looked up", func(t *testing.T) {
		t.Parallel()
		acceptance(t,
			resource.TestStep{
				Config:      dataConfig("manifesto_image", "oci-layout:"+missing, ""),
				ExpectError: words(`No image layout`),
			},
			resource.TestStep{
				Config: b.metadata(":1", some), ResourceName: address, ImportState: true, ImportStateId: b.ref(":1#gone"),
				ExpectError: regexp.MustCompile(`No such metadata`),
			},
		)
	})
	t.Cleanup(func() {
		if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the missing directory: %v", err)
		}
	})
}
