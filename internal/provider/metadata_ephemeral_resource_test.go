package provider

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// ephemeralAcceptance runs steps with the provider, and with one whose resource echo shows what its settings are.
func ephemeralAcceptance(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"manifesto": factories["manifesto"],
			"echo":      echoprovider.NewProviderServer(),
		},
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_10_0)},
		Steps:                  steps,
	})
}

// ephemeralConfig is the configuration of ephemeral.manifesto_metadata.test.
func ephemeralConfig(image, attributes string) string {
	return fmt.Sprintf("ephemeral \"manifesto_metadata\" \"test\" {\n  image = %q\n%s\n}\n", image, attributes)
}

// echoed is ephemeralConfig about app:1, and an echo of what it finds.
func (w *world) echoed(attributes string) string {
	return ephemeralConfig(w.ref(":1"), attributes) + `
		provider "echo" {
			data = ephemeral.manifesto_metadata.test
		}
		resource "echo" "test" {}
	`
}

func foundEphemeral(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("echo.test", tfjsonpath.New("data").AtMapKey(attribute), value)
}

// The ephemeral resource finds what the data source finds.
func TestAccMetadataEphemeral(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("approval", "yes")
	ephemeralAcceptance(t,
		resource.TestStep{
			Config: w.echoed(`type = "approval"`),
			ConfigStateChecks: []statecheck.StateCheck{
				foundEphemeral("id", knownvalue.StringExact(w.key("approval").String())),
				foundEphemeral("registry", knownvalue.StringExact(w.server.Host())),
				foundEphemeral("repository", knownvalue.StringExact(w.ref(""))),
				foundEphemeral("image_digest", knownvalue.StringExact(w.image.String())),
				foundEphemeral("exists", knownvalue.Bool(true)),
				foundEphemeral("content", knownvalue.StringExact("yes")),
				foundEphemeral("content_base64", knownvalue.Null()),
				foundEphemeral("digest", knownvalue.StringExact(oci.DigestOf([]byte("yes")).String())),
				foundEphemeral("size", knownvalue.Int64Exact(3)),
				foundEphemeral("media_type", knownvalue.StringExact("text/plain")),
				foundEphemeral("annotations", knownvalue.MapSizeExact(0)),
				foundEphemeral("created", knownvalue.NotNull()),
			},
		},
		resource.TestStep{Config: w.echoed(`type = "approval"`), ConfigPlanChecks: emptyPlan},
	)
}

func TestAccMetadataEphemeralOptional(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("seal", "\xff\x00")
	ephemeralAcceptance(t,
		resource.TestStep{
			Config:      w.echoed(`type = "contact"`),
			ExpectError: words(`No such metadata.*has no metadata of type "contact". It has "seal"`),
		},
		resource.TestStep{
			Config: w.echoed("type = \"contact\"\noptional = true"),
			ConfigStateChecks: []statecheck.StateCheck{
				foundEphemeral("exists", knownvalue.Bool(false)), foundEphemeral("content", knownvalue.Null()),
				foundEphemeral("digest", knownvalue.Null()), foundEphemeral("annotations", knownvalue.Null()),
			},
		},
	)
	ephemeralAcceptance(t, resource.TestStep{
		Config: w.echoed(`type = "seal"`),
		ConfigStateChecks: []statecheck.StateCheck{
			foundEphemeral("content", knownvalue.Null()), foundEphemeral("content_base64", knownvalue.StringExact("/wA=")),
		},
	})
}

func TestAccMetadataEphemeralErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("t", "genuine")
	later := func(attribute, value string) string {
		return fmt.Sprintf(`
			resource "terraform_data" "later" {
				input = %q
			}
			provider "manifesto" {
				%s = terraform_data.later.output
			}
			`, value, attribute)
	}
	for name, test := range map[string]struct{ config, want string }{
		"image":    {ephemeralConfig("ghcr.io/Org/app", `type = "t"`), `Malformed image reference.*lower case`},
		"type":     {ephemeralConfig("ghcr.io/org/app", `type = ""`), `type string length must be at least 1`},
		"platform": {ephemeralConfig(w.ref(":1"), "type = \"t\"\nplatform = \"arm\""), `Malformed platform`},
		"no index": {ephemeralConfig(w.ref(":1"), "type = \"t\"\nplatform = \"linux/arm64\""), `Not a multi-platform image`},
		"no image": {ephemeralConfig(w.ref(":2"), `type = "t"`), `Image or repository not found`},
		"not known": {
			later("default_registry", w.server.Host()) + ephemeralConfig("app:1", `type = "t"`), `Provider settings unknown`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ephemeralAcceptance(t, resource.TestStep{Config: test.config, ExpectError: words(test.want)})
		})
	}
}

// Content that does not match its digest is an error.
func TestAccMetadataEphemeralVerifies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("t", "genuine")
	content := oci.DigestOf([]byte("genuine")).String()
	w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, content) {
			return false
		}
		_, err := io.WriteString(rw, "fakedxx")
		return err == nil
	})
	ephemeralAcceptance(t, resource.TestStep{
		Config: ephemeralConfig(w.ref(":1"), `type = "t"`), ExpectError: words(`Corrupt answer`),
	})
}

// An image that is unknown at plan is looked up at apply.
func TestAccMetadataEphemeralUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("t", "x")
	copied := fmt.Sprintf(`
		resource "terraform_data" "later" {
			input = { image = %q, type = "t" }
		}
		ephemeral "manifesto_metadata" "test" {
			image = terraform_data.later.output.image
			type  = terraform_data.later.output.type
		}
		`, w.ref(":1")) + w.metadata(`
			type               = "copy"
			content_wo         = ephemeral.manifesto_metadata.test.content
			content_wo_version = 1
		`)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_11_0)},
		Steps: []resource.TestStep{
			{Config: copied, Check: w.has("copy", "x")},
			{Config: copied, ConfigPlanChecks: emptyPlan},
		},
	})
}

// Content is copied from one image to another, and neither the plan nor the state has it.
func TestCLIEphemeralContentIsNotStored(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	if c.minor() < 11 {
		t.Skip("write-only arguments need version 1.11")
	}
	w := newWorld(t, registrytest.Options{})
	const content = "content that must not be stored"
	w.put("scan-report", content)
	target := w.push("2", "two")
	c.write("main.tf", requirement+ephemeralConfig(w.ref(":1"), `type = "scan-report"`)+w.metadataOf(":2", `
		type               = "scan-report"
		content_wo         = ephemeral.manifesto_metadata.test.content
		content_wo_version = 1
	`))
	c.terraform("plan", "-out=saved")
	c.terraform("apply", "saved")
	w.image = target
	if err := w.has("scan-report", content)(nil); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
	if text := c.read("terraform.tfstate"); strings.Contains(text, content) || !strings.Contains(text, target.String()) {
		t.Errorf("the state has the content, or lacks the image:\n%s", text)
	}
	plan, err := zip.OpenReader(filepath.Join(c.dir, "saved"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plan.Close() }() // Only read.
	for _, member := range plan.File {
		file, err := member.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(file)
		if err != nil || bytes.Contains(text, []byte(content)) {
			t.Errorf("the plan's %s has the content, %v", member.Name, err)
		}
	}
}
