package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// The tests of this file run the provider as users do: Terraform's command line starts the built program.

// 200 resources with -parallelism=50 are all stored, and the second plan is empty. Destroy removes them and leaves what
// others stored.
func TestCLIManyInParallel(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		t.Run(fmt.Sprintf("with another writer's entry: %t", foreign), func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			w := newWorld(t, registrytest.Options{})
			if foreign {
				w.put("foreign", "theirs")
			}
			c.write("main.tf", requirement+fmt.Sprintf(`
				resource "manifesto_metadata" "many" {
					count   = 200
					image   = %q
					type    = "t${count.index}"
					content = "content ${count.index}"
				}`, w.ref(":1")))
			c.terraform("apply", "-auto-approve", "-parallelism=50")
			entries, err := w.store().List(context.Background(), w.remote.Repository(), w.image)
			want := 200
			if foreign {
				want++
			}
			if err != nil || len(entries) != want {
				t.Errorf("%d entries, want %d, %v", len(entries), want, err)
			}
			c.terraform("plan", "-detailed-exitcode")
			c.terraform("destroy", "-auto-approve", "-parallelism=50")
			if foreign {
				if err := w.hasTypes(w.image, "foreign"); err != nil {
					t.Error(err)
				}
				return
			}
			if got := w.document(); got != `{"images":[]}` {
				t.Errorf("after destroy the document is %s", got)
			}
		})
	}
}

// setUpExamples prepares a directory and a registry for the examples, with the image example/app:1.2.
func setUpExamples(t *testing.T) (*commandLine, *world) {
	t.Helper()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{Username: user, Password: secret})
	w.remote = w.open("example/app")
	w.image = w.push("1.2", "example")
	c.env = append(c.env, "TF_VAR_registry_password="+secret, "TF_VAR_approved_digest="+w.image.String())
	c.example(w, "provider/provider.tf")
	return c, w
}

// The examples of look-ups beyond one image run, too.
func TestCLIExamplesOfLookups(t *testing.T) {
	t.Parallel()
	t.Run("repository", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		approved := w.image
		w.put("approval", `{"approved":true}`)
		w.image = w.push("1.3", "not approved")
		w.put("contact", "platform-team@example.com")
		c.example(w, "data-sources/manifesto_repository/data-source.tf")
		c.example(w, "data-sources/manifesto_repository/audit.tf")
		output := c.terraform("apply", "-auto-approve")
		for _, want := range []string{approved.String(), w.image.String(), "approval", "platform-team@example.com", "1.3"} {
			if !strings.Contains(output, want) {
				t.Errorf("the output does not have %s:\n%s", want, output)
			}
		}
		c.terraform("plan", "-detailed-exitcode")
	})
	t.Run("ephemeral resource", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		if c.minor() < 11 {
			t.Skip("write-only arguments need version 1.11")
		}
		w.put("scan-report", "the report")
		c.example(w, "ephemeral-resources/manifesto_metadata/ephemeral-resource.tf")
		c.example(w, "ephemeral-resources/manifesto_metadata/copy.tf")
		w.remote = w.open("example/production")
		w.image = w.push("1.2", "example")
		c.terraform("apply", "-auto-approve")
		if err := w.has("scan-report", "the report")(nil); err != nil {
			t.Error(err)
		}
		c.terraform("plan", "-detailed-exitcode")
	})
}

// Every example of the documentation runs with only the registry's host replaced.
func TestCLIExamples(t *testing.T) {
	t.Parallel()
	t.Run("resource and imports", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		c.example(w, "resources/manifesto_metadata/resource.tf")
		c.example(w, "resources/manifesto_metadata/seccomp.json")
		c.terraform("apply", "-auto-approve")
		if err := w.hasTypes(w.image, "contact", "approval", "seccomp"); err != nil {
			t.Error(err)
		}
		c.terraform("plan", "-detailed-exitcode")

		forget := func() { c.terraform("state", "rm", "manifesto_metadata.contact") }
		forget()
		c.example(w, "resources/manifesto_metadata/import.sh")
		script := strings.Replace(c.read("import.sh"), "terraform import", filepath.Base(c.tool)+" import", 1)
		if output, code := c.run("sh", "-ec", script); code != 0 {
			t.Fatalf("import.sh: exit code %d\n%s", code, output)
		}
		c.terraform("plan", "-detailed-exitcode")

		imports := []string{"resources/manifesto_metadata/import-by-string-id.tf"}
		if c.minor() >= 12 && strings.HasPrefix(filepath.Base(c.tool), "terraform") {
			imports = append(imports, "resources/manifesto_metadata/import-by-identity.tf")
		} else {
			t.Log("import-by-identity.tf is skipped: it needs Terraform 1.12")
		}
		for _, name := range imports {
			forget()
			c.example(w, name)
			if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "1 imported") {
				t.Errorf("%s imports nothing:\n%s", name, output)
			}
			c.terraform("plan", "-detailed-exitcode")
			if err := os.Remove(filepath.Join(c.dir, filepath.Base(name))); err != nil {
				t.Fatal(err)
			}
		}
		c.terraform("destroy", "-auto-approve")
	})
	t.Run("data sources", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		w.put("contact", "platform-team@example.com")
		w.put("approval", `{"approved":true}`)
		for name, wants := range map[string][]string{
			"manifesto_metadata/data-source.tf": {"platform-team@example.com"},
			"manifesto_metadata/gate.tf":        {w.remote.Repository().Digested(w.image).String()},
			"manifesto_image/data-source.tf":    {"contact", "approval"},
			"manifesto_image/contents.tf":       {"platform-team@example.com", "approval"},
		} {
			c.example(w, "data-sources/"+name)
			output := c.terraform("apply", "-auto-approve")
			for _, want := range wants {
				if !strings.Contains(output, want) {
					t.Errorf("%s does not show %s:\n%s", name, want, output)
				}
			}
			if err := os.Remove(filepath.Join(c.dir, filepath.Base(name))); err != nil {
				t.Fatal(err)
			}
		}
		c.example(w, "data-sources/manifesto_metadata/gate.tf")
		w.put("approval", `{"approved":false}`)
		if output, code := c.run(c.tool, "plan"); code == 0 || !strings.Contains(output, "This build has not been approved") {
			t.Errorf("a build that is not approved: exit code %d\n%s", code, output)
		}
	})
}

// Refresh and destroy read only the entry that the state names. They resolve no tag and open no file.
func TestCLIRefreshAndDestroyLookAtTheStateOnly(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("content.txt", "from a file")
	c.write("main.tf", requirement+fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			image  = %q
			type   = "t"
			source = "content.txt"
		}`, w.ref(":1")))
	c.terraform("apply", "-auto-approve")
	if err := os.Remove(filepath.Join(c.dir, "content.txt")); err != nil {
		t.Fatal(err)
	}
	w.push("1", "moved")
	w.server.Reset()
	c.terraform("apply", "-refresh-only", "-auto-approve")
	c.terraform("destroy", "-refresh=false", "-auto-approve")
	if n := w.server.Count("", "/manifests/1"); n != 0 {
		t.Errorf("the tag was resolved %d times", n)
	}
	if got := w.document(); got != `{"images":[]}` {
		t.Errorf("after destroy the document is %s", got)
	}
}

// A tag that moves between plan and apply stops the apply, so that metadata planned for one build is not stored for
// another.
func TestCLITagMovesBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			image   = %q
			type    = "approval"
			content = "yes"
		}`, w.ref(":1")))
	c.terraform("plan", "-out=saved")
	w.push("1", "moved")
	if output, code := c.run(c.tool, "apply", "saved"); code == 0 {
		t.Errorf("the apply succeeds:\n%s", output)
	}
	if puts := w.server.Count("PUT", "/manifests/_manifesto"); puts != 0 {
		t.Errorf("%d manifests were put", puts)
	}
	c.terraform("apply", "-auto-approve")
	if moved := w.image; w.hasTypes(moved) != nil {
		t.Errorf("the old build has metadata: %v", w.hasTypes(moved))
	}
}

// terraform validate finds contradictions without a plan, and skips unknown values.
func TestCLIValidate(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	const head = requirement + `
		variable "later" {
			type = string
		}
		data "manifesto_image" "any" { # Terraform validates a provider that something uses.
			image = "ghcr.io/example/app:1.2"
		}
	`
	for config, want := range map[string]string{
		`username = "robot"`: "Incomplete credentials",
		`username = var.later
		 password = var.later`: "",
		`registries = { "docker.io" = {}, "index.docker.io" = {} }`: "Registry configured twice",
		`registries = { "ghcr.io" = { username = "a" } }`:           "password",

		`registries = { "ghcr.io" = { token = var.later, username = "a", password = var.later } }`: "",
		`default_registry = "https://ghcr.io"`:                                                     "Invalid registry",
		`default_registry = var.later`:                                                             "",
	} {
		c.write("main.tf", head+providerConfig(config))
		output, code := c.run(c.tool, "validate")
		if (code != 0) != (want != "") || !strings.Contains(output, want) {
			t.Errorf("%s: exit code %d, want %q in\n%s", config, code, want, output)
		}
	}
}
