package provider

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// The plan after an import with a matching configuration by digest is empty.
func TestAccRepositoryMetadataImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	w.put("contact", "one")
	w.putFor(two, "contact", "\xff")
	config := w.all(images(w.image.String(), "one") + fmt.Sprintf("images_base64 = { %q = \"/w==\" }", two))
	acceptance(t,
		resource.TestStep{
			Config: config, ResourceName: bulkAddress, ImportState: true, ImportStatePersist: true,
			ImportStateId: w.ref("") + "#contact",
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan, ConfigStateChecks: checks{
			inBulk("images", textsExact(w.image.String(), "one")),
			inBulk("images_base64", textsExact(two.String(), "/w==")),
			inBulk("image_digests", textsExact(w.image.String(), w.image.String(), two.String(), two.String())),
			inBulk("pinned", knownvalue.Bool(true)),
		}},
	)
}

func TestAccRepositoryMetadataImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.all(images(w.image.String(), "one") + `annotations = { by = "ops" }`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigStateChecks: checks{statecheck.ExpectIdentity(bulkAddress, map[string]knownvalue.Check{
					"repository": knownvalue.StringExact(w.ref("")),
					"type":       knownvalue.StringExact("contact"),
				})},
			},
			{ResourceName: bulkAddress, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
			{
				ResourceName:    bulkAddress,
				ImportState:     true,
				ImportStateKind: resource.ImportBlockWithID,
				ImportStateId:   w.ref("") + "#contact",
			},
		},
	})
}

func TestAccRepositoryMetadataImportErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("there", "x")
	config := w.all(images("1", "one"))
	fails := func(id, pattern string) resource.TestStep {
		return resource.TestStep{
			Config: config, ResourceName: bulkAddress, ImportState: true, ImportStateId: id, ExpectError: words(pattern),
		}
	}
	acceptance(t,
		fails(w.ref(""), `Invalid import id.*REPOSITORY#TYPE`),
		fails(w.ref(":1#there"), `Malformed repository`),
		fails(w.ref("#gone"), `No such metadata.*types:.*"there"`),
		fails(w.server.Host()+"/none#t", `No such metadata.*no metadata at all`),
	)
}

// The numbers of requests do not depend on the number of images, but for the pin manifests, and for what is new.
func TestAccRepositoryMetadataRequests(t *testing.T) {
	t.Parallel()
	const count = 300
	w := newWorld(t, registrytest.Options{})
	keysAndContents := make([]string, 0, 2*count)
	for i := range count {
		image := w.push("build", fmt.Sprint("build ", i))
		keysAndContents = append(keysAndContents, image.String(), fmt.Sprint("contact ", i))
	}
	config := w.all(images(keysAndContents...))
	changed := append([]string{}, keysAndContents...)
	changed[1] = "changed"
	asked := func(most int) resource.TestCheckFunc {
		return func(*terraform.State) error {
			requests := w.server.Requests()
			w.server.Reset()
			if len(requests) > most {
				return fmt.Errorf("%d requests, want at most %d", len(requests), most)
			}
			commits := 0
			for _, r := range requests {
				if r.Method == http.MethodPut && strings.HasSuffix(r.Path, "/manifests/"+format.Tag) {
					commits++
				}
			}
			if commits > 1 {
				return fmt.Errorf("%d commits", commits)
			}
			return nil
		}
	}
	acceptance(t,
		resource.TestStep{PreConfig: w.server.Reset, Config: config, Check: asked(2*count + 60)},
		resource.TestStep{PreConfig: w.server.Reset, Config: config, ConfigPlanChecks: emptyPlan, Check: asked(30)},
		resource.TestStep{
			PreConfig: w.server.Reset, Config: w.all(images(changed...)),
			Check: resource.ComposeTestCheckFunc(w.oneCommit(), asked(60)),
		},
	)
}

// A configuration that Terraform generates for an import gives back the bytes of all contents.
func TestCLIRepositoryMetadataAdoptionKeepsBytes(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	for typ, content := range adopted {
		w.putFor(w.push("build", typ), "contact", content)
	}
	before := w.digests()
	c.write("main.tf", requirement+fmt.Sprintf(
		"import {\n  to = manifesto_repository_metadata.test\n  id = %q\n}\n", w.ref("#contact")))
	c.terraform("plan", "-generate-config-out=generated.tf")
	if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "1 imported, 0 added") {
		t.Errorf("nothing is imported:\n%s", output)
	}
	c.terraform("plan", "-detailed-exitcode")
	if after := w.digests(); !maps.Equal(before, after) {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
}
