package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestAccMetadataImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{
				Config: w.metadataOf("@"+w.image.String(), `type = "t"
					content = "x"`),
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"repository":   knownvalue.StringExact(w.ref("")),
					"image_digest": knownvalue.StringExact(w.image.String()),
					"type":         knownvalue.StringExact("t"),
				})},
			},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
			{
				ResourceName:    address,
				ImportState:     true,
				ImportStateKind: resource.ImportBlockWithID,
				ImportStateId:   w.ref("@" + w.image.String() + "#t"),
			},
		},
	})
}

func TestAccMetadataImportErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("there", "x")
	config := w.metadata(`type = "there"
		content = "x"`)
	fails := func(id, pattern string) resource.TestStep {
		return resource.TestStep{
			Config:        config,
			ResourceName:  address,
			ImportState:   true,
			ImportStateId: id,
			ExpectError:   words(pattern),
		}
	}
	acceptance(t,
		fails(w.ref(":1"), `Invalid import id`),
		fails(w.ref(":1#"), `Invalid import id`),
		fails("UPPER CASE#t", `Malformed image reference`),
		fails(w.ref(":1#gone"), `No such metadata.*It has "there"`),
		fails(w.ref(":none#t"), `not found`),
	)
}
