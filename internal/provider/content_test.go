package provider

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestAccMetadataSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	file := filepath.Join(t.TempDir(), "profile.json")
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"one":1}`)
	config := w.metadata(fmt.Sprintf("type = \"seccomp\"\nsource = %q", file))
	acceptance(t,
		resource.TestStep{
			Config: config,
			ConfigPlanChecks: planned(
				plannedValue("digest", knownvalue.StringExact(oci.DigestOf([]byte(`{"one":1}`)).String())),
				plannedValue("media_type", knownvalue.StringExact("application/json")),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				state("content", knownvalue.Null()), state("content_base64", knownvalue.Null()),
			},
			Check: w.has("seccomp", `{"one":1}`),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig:        func() { write(`{"two":2}`) },
			Config:           config,
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
			Check:            w.has("seccomp", `{"two":2}`),
		},
		resource.TestStep{ // The apply repairs drift from the file.
			PreConfig:         func() { w.put("seccomp", "theirs") },
			Config:            config,
			ConfigPlanChecks:  planned(action(plancheck.ResourceActionUpdate)),
			Check:             w.has("seccomp", `{"two":2}`),
			ConfigStateChecks: []statecheck.StateCheck{state("content", knownvalue.Null())},
		},
		resource.TestStep{ // Without the file, other attributes can still change.
			PreConfig: func() {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			},
			Config: w.metadata(fmt.Sprintf("type = \"seccomp\"\nsource = %q\nannotations = { a = \"b\" }", file)),
			Check:  w.has("seccomp", `{"two":2}`),
		},
		resource.TestStep{Config: config, Destroy: true}, // The resource can be destroyed as well.
	)
}

func TestAccMetadataBinary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	binary := "\x00\xff\xfe binary"
	encoded := base64.StdEncoding.EncodeToString([]byte(binary))
	config := w.metadata(fmt.Sprintf("type = \"t\"\ncontent_base64 = %q", encoded))
	acceptance(t,
		resource.TestStep{
			Config:           config,
			ConfigPlanChecks: planned(plannedValue("media_type", knownvalue.StringExact("application/octet-stream"))),
			Check:            w.has("t", binary),
		},
		resource.TestStep{
			ResourceName:      address,
			ImportState:       true,
			ImportStateId:     w.ref(":1") + "#t",
			ImportStateVerify: true,
		},
		resource.TestStep{ // Drift from binary to text shows in the attribute that carries it.
			PreConfig:          func() { w.put("t", "text") },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			Config:           config,
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
			Check:            w.has("t", binary),
		},
	)
}

// Terraform normalises strings to NFC. Decomposed text in the registry shows as base64, so that no change is silent.
func TestAccMetadataNFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.metadata(fmt.Sprintf("type = \"t\"\ncontent = \"%s\"", decomposed))
	acceptance(t,
		resource.TestStep{Config: config, Check: w.has("t", composed)},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		resource.TestStep{PreConfig: func() { w.put("t", decomposed) }, RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckNoResourceAttr(address, "content"),
				resource.TestCheckResourceAttr(address, "content_base64", base64.StdEncoding.EncodeToString([]byte(decomposed))),
			)},
		resource.TestStep{
			Config:           config,
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
			Check:            w.has("t", composed),
		},
	)
}

func TestAccMetadataWriteOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := func(content string, version int) string {
		return w.metadata(fmt.Sprintf("type = \"t\"\ncontent_wo = %q\ncontent_wo_version = %d", content, version))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_11_0)},
		Steps: []resource.TestStep{
			{
				Config:           config("hidden", 1),
				ConfigPlanChecks: planned(plannedUnknown("digest"), plannedUnknown("size"), plannedUnknown("media_type")),
				Check:            w.has("t", "hidden"),
				ConfigStateChecks: []statecheck.StateCheck{
					state("content_wo", knownvalue.Null()), state("content", knownvalue.Null()),
					state("digest", knownvalue.StringExact(oci.DigestOf([]byte("hidden")).String())),
				},
			},
			{Config: config("hidden", 1), ConfigPlanChecks: emptyPlan},
			{Config: config("other", 1), ConfigPlanChecks: emptyPlan, Check: w.has("t", "hidden")},
			{ // A change of another attribute does not store content_wo again.
				Config: w.metadata(`type = "t"
					content_wo = "other"
					content_wo_version = 1
					annotations = { a = "b" }`),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate),
					plannedValue("digest", knownvalue.StringExact(oci.DigestOf([]byte("hidden")).String()))),
				Check: w.has("t", "hidden"),
			},
			{
				Config:           config("other", 2),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("digest")),
				Check:            w.has("t", "other"),
			},
			{ // The registry no longer has what was applied.
				PreConfig:        func() { w.put("t", "theirs") },
				Config:           config("other", 2),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("digest")),
				Check:            w.has("t", "other"),
			},
			{Config: config("other", 2), ConfigPlanChecks: emptyPlan},
			{ // From write-only to plain content and back.
				Config: w.metadata(`type = "t"
					content = "plain"`),
				Check: w.has("t", "plain"),
			},
			{Config: config("again", 3), Check: w.has("t", "again")},
		},
	})
}
