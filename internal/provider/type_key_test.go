package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Two types that Terraform's strings cannot tell apart, and the key of the second.
const (
	composed      = "caf\u00e9"
	decomposed    = "cafe\u0301"
	decomposedKey = `"cafe\u0301"`
)

// A type that a Terraform string cannot carry unchanged has a key of its own, which leads back to it.
func TestKeysOfTypes(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string]string{
		"contact": "contact", composed: composed, decomposed: decomposedKey, `"quoted"`: `"quoted"`, "": "", "a\nb": "a\nb",
		decomposedKey: `"\"cafe\\u0301\""`, `"\"quoted\""`: `"\"quoted\""`,
	} {
		key := keyOfType(typ)
		if key != want || typeOfKey(key) != typ {
			t.Errorf("%q has the key %s, which leads to %q", typ, key, typeOfKey(key))
		}
	}
}

// A pattern means the normal form of a type, because Terraform normalises the pattern.
func TestMatchTypeOutsideNFC(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{composed: true, "caf?": true, "ca*é": true, "cafe*": false} {
		for _, typ := range []string{composed, decomposed} {
			if matchType(pattern, typ) != want {
				t.Errorf("%q matches %+q: %t, want %t", pattern, typ, !want, want)
			}
		}
	}
}

// A resource manages the entry of a type that is not in NFC, beside one whose type is its normal form.
func TestAccMetadataOfTypeOutsideNFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put(composed, "theirs")
	config := func(content string) string {
		return w.metadata(fmt.Sprintf("type = %q\ncontent = %q", decomposedKey, content))
	}
	acceptance(t,
		resource.TestStep{Config: config("one"), Check: w.has(decomposed, "one")},
		resource.TestStep{Config: config("one"), ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			Config:           config("two"),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
			Check:            w.has(decomposed, "two"),
		},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateId: w.ref(":1") + "#" + decomposedKey,
			ImportStateVerify: true, ImportStateVerifyIgnore: []string{"pinned"},
		},
		resource.TestStep{
			Config: config("two") + w.lookup(fmt.Sprintf("type = %q", decomposedKey)),
			ConfigStateChecks: []statecheck.StateCheck{
				found("id", knownvalue.StringExact(w.ref("@")+w.image.String()+"#"+decomposedKey)),
				found("content", knownvalue.StringExact("two")),
			},
		},
	)
	if err := w.hasTypes(w.image, composed); err != nil {
		t.Error(err)
	}
	w.remove(composed)
	w.put(decomposed, "theirs")
	acceptance(t, resource.TestStep{
		Config:      w.lookup(fmt.Sprintf("type = %q", composed)),
		ExpectError: words(`No such metadata.*It has "\\"cafe\\\\u0301\\""`),
	})
}

// The bulk resource manages entries of such a type, too.
func TestAccRepositoryMetadataOfTypeOutsideNFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put(composed, "theirs")
	w.put(decomposed, "same")
	config := fmt.Sprintf(`
		resource "manifesto_repository_metadata" "test" {
			repository = %q
			type       = %q
			images     = { %q = "same" }
		}`, w.ref(""), decomposedKey, w.image)
	acceptance(t,
		resource.TestStep{
			Config: config, ResourceName: "manifesto_repository_metadata.test", ImportState: true,
			ImportStateId: w.ref("") + "#" + decomposedKey, ImportStatePersist: true,
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
	if err := w.hasTypes(w.image, composed); err != nil {
		t.Error(err)
	}
}

// Data sources show both of two types that Terraform's strings cannot tell apart.
func TestAccDataSourcesShowTypesOutsideNFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put(composed, "one")
	w.put(decomposed, "two")
	config := func(filter, include string) string {
		return dataConfig("manifesto_image", w.ref(":1"), "include_content = true\n"+include) + fmt.Sprintf(`
			data "manifesto_repository" "test" {
				repository      = %q
				include_content = true
				%s
			}`, w.ref(""), filter)
	}
	listed := func(typesAndContents ...string) []statecheck.StateCheck {
		metadata := map[string]knownvalue.Check{}
		var types []string
		for i := 0; i < len(typesAndContents); i += 2 {
			types = append(types, typesAndContents[i])
			metadata[typesAndContents[i]] = knownvalue.ObjectPartial(map[string]knownvalue.Check{
				"content": knownvalue.StringExact(typesAndContents[i+1]),
			})
		}
		return []statecheck.StateCheck{
			inImage(w.image, "metadata", knownvalue.MapExact(metadata)),
			statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New("metadata"), knownvalue.MapExact(metadata)),
			statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New("types"), texts(types...)),
		}
	}
	acceptance(t,
		resource.TestStep{Config: config("", ""), ConfigStateChecks: listed(composed, "one", decomposedKey, "two")},
		resource.TestStep{
			Config: config(
				fmt.Sprintf("type = %[1]q\nhas_type = %[1]q", decomposedKey), fmt.Sprintf("include_types = [%q]", decomposedKey),
			),
			ConfigStateChecks: listed(decomposedKey, "two"),
		},
	)
}

// Moved blocks carry the type from one resource to the other.
func TestCLIMovedTypeOutsideNFC(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	c.needsIdentityOfMoved()
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.imageMetadata(fmt.Sprintf("%q = { content = \"x\" }", decomposedKey)))
	c.terraform("apply", "-auto-approve")
	c.movesTo(w, w.metadata(fmt.Sprintf("type = %q\ncontent = \"x\"", decomposedKey))+moved(imageAddress, address),
		"moved to "+address)
}

// A repository whose types Terraform's strings cannot carry can be adopted as a whole.
func TestCLIAdoptionOfTypesOutsideNFC(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, found foundBy) {
		t.Helper()
		w := newWorld(t, registrytest.Options{})
		w.put("contact", "me")
		w.put(decomposed, "one")
		two := w.push("2", "two")
		w.putFor(two, composed, "two")
		w.putFor(two, decomposed, "three")
		adopts(t, w, found)
		for image, types := range map[oci.Digest][]string{w.image: {"contact", decomposed}, two: {composed, decomposed}} {
			if err := w.hasTypes(image, types...); err != nil {
				t.Error(err)
			}
		}
	})
}
