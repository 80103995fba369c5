package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A creation refuses to touch what others stored and lists it, unless overwrite is set.
func TestAccRepositoryMetadataExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two, three := w.push("2", "two"), w.push("3", "three")
	w.put("contact", "theirs")
	w.putFor(two, "contact", "two")
	w.putFor(three, "contact", "three")
	acceptance(t,
		resource.TestStep{
			Config: w.all(images("1", "mine", "2", "two")),
			ExpectError: words(fmt.Sprintf(`Metadata already exists.*Nothing was written.*image %s \(1\): content %s.*`+
				`declared with other content.*image %s: content %s.*not declared.*overwrite = true`,
				w.image, oci.DigestOf([]byte("theirs")), three, oci.DigestOf([]byte("three")))),
		},
		resource.TestStep{
			Config: w.all(images("1", "mine", "2", "two") + "overwrite = true"),
			Check:  w.contacts(map[oci.Digest]string{w.image: "mine", two: "two"}),
		},
		resource.TestStep{
			Config: w.all(images("1", "mine", "2", "two") + "overwrite = true"), ConfigPlanChecks: emptyPlan,
		},
	)
}

// The plan of a creation warns of what it meets.
func TestCLIRepositoryMetadataWarnings(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	w.put("contact", "theirs")
	w.putFor(two, "contact", "two")
	for attributes, wanted := range map[string][]string{
		images("1", "mine", "2", "two"): {
			`Warning: Metadata already exists.*Creating this resource will fail.*image ` + w.image.String(),
			`Warning: Metadata is already there.*destroying the resource will remove it.*image ` + two.String(),
		},
		images("1", "mine") + "overwrite = true": {
			`Warning: Metadata will be replaced.*image ` + w.image.String() + `.*image ` + two.String(),
		},
	} {
		c.write("main.tf", requirement+w.all(attributes))
		output := withoutFrame(c.terraform("plan"))
		for _, want := range wanted {
			if !words(want).MatchString(output) {
				t.Errorf("the plan does not say %s:\n%s", want, output)
			}
		}
	}
}

// Destroying leaves what others declare, and says so. With keep_on_destroy it leaves everything.
func TestAccRepositoryMetadataDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	other := strings.ReplaceAll(metadataConfig(w.ref("@"+two.String()), "type = \"contact\"\ncontent = \"two\""),
		`"test"`, `"other"`)
	acceptance(t,
		resource.TestStep{Config: other},
		resource.TestStep{Config: other + w.all(images("1", "one", "2", "two"))},
		resource.TestStep{
			Config: other,
			Check:  w.contacts(map[oci.Digest]string{two: "two"}),
		},
		resource.TestStep{Config: other + w.all(images("1", "one", "2", "two")+"keep_on_destroy = true")},
		resource.TestStep{
			Config: other,
			Check:  w.contacts(map[oci.Digest]string{w.image: "one", two: "two"}),
		},
	)
}

// A resource renamed without a moved block keeps its metadata, in whatever order Terraform creates and destroys.
func TestAccRepositoryMetadataRenamedWithoutMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.all(images("1", "one"))
	renamed := strings.ReplaceAll(config, `"test"`, `"renamed"`)
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{Config: renamed, Check: w.contacts(map[oci.Digest]string{w.image: "one"})},
		resource.TestStep{Config: renamed, ConfigPlanChecks: emptyPlan},
	)
}

// An update removes what others declare, too, because its plan has shown that.
func TestAccRepositoryMetadataRemovesOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	store := func() {
		other := *w
		other.image = two
		other.put("contact", "two")
	}
	acceptance(t,
		resource.TestStep{Config: w.all(images("1", "one", "2", "two"))},
		resource.TestStep{
			PreConfig:        store,
			Config:           w.all(images("1", "one")),
			ConfigPlanChecks: planned(bulkAction(plancheck.ResourceActionUpdate)),
			Check:            w.contacts(map[oci.Digest]string{w.image: "one"}),
		},
		resource.TestStep{Config: w.all(images("1", "one")), ConfigPlanChecks: emptyPlan},
	)
}
