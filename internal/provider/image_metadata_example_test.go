package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The examples of the resource and of its imports run with only the registry's host and the digest replaced.
func TestCLIImageMetadataExamples(t *testing.T) {
	const directory = "resources/manifesto_image_metadata/"
	t.Run("resource and imports", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		c.example(w, directory+"resource.tf")
		c.example(w, directory+"logo.png")
		c.terraform("apply", "-auto-approve")
		if err := w.hasTypes(w.image, "contact", "approval", "logo"); err != nil {
			t.Error(err)
		}
		c.terraform("plan", "-detailed-exitcode")

		forget := func() { c.terraform("state", "rm", "manifesto_image_metadata.release") }
		forget()
		c.example(w, directory+"import.sh")
		script := strings.Replace(c.read("import.sh"), "terraform import", filepath.Base(c.tool)+" import", 1)
		if output, code := c.run("sh", "-ec", script); code != 0 {
			t.Fatalf("import.sh: exit code %d\n%s", code, output)
		}
		// The schemas are not stored in the registry, so that the plan adds them.
		c.terraform("apply", "-auto-approve")
		c.terraform("plan", "-detailed-exitcode")

		imports := []string{"import-by-string-id.tf"}
		if c.minor() >= 12 {
			imports = append(imports, "import-by-identity.tf")
		} else {
			t.Log("import-by-identity.tf is skipped: it needs Terraform 1.12")
		}
		for _, name := range imports {
			forget()
			c.example(w, directory+name)
			if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "1 imported") {
				t.Errorf("%s imports nothing:\n%s", name, output)
			}
			c.terraform("plan", "-detailed-exitcode")
			if err := os.Remove(filepath.Join(c.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		c.terraform("destroy", "-auto-approve")
		if err := w.hasTypes(w.image); err != nil {
			t.Error(err)
		}
	})
	t.Run("promotion", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		w.remote = w.open("example/staging")
		w.image = w.push("1.2", "example")
		w.put("contact", "platform-team@example.com")
		w.put("logo", "\x89PNG\x00")
		w.remote = w.open("example/production")
		w.push("1.2", "example")
		c.example(w, directory+"promotion.tf")
		c.terraform("apply", "-auto-approve")
		c.terraform("plan", "-detailed-exitcode")
		for typ, content := range map[string]string{"contact": "platform-team@example.com", "logo": "\x89PNG\x00"} {
			if err := w.has(typ, content)(nil); err != nil {
				t.Error(err)
			}
		}
	})
}

// The examples of moves change the state alone.
func TestCLIExamplesOfMoves(t *testing.T) {
	for name, before := range map[string]string{
		"manifesto_image_metadata": `
			resource "manifesto_metadata" "contact" {
				image   = "IMAGE"
				type    = "contact"
				content = "platform-team@example.com"
			}
			resource "manifesto_metadata" "approval" {
				image   = "IMAGE"
				type    = "approval"
				content = jsonencode({ approved = true })
			}`,
		"manifesto_metadata": `
			resource "manifesto_image_metadata" "owner" {
				image    = "IMAGE"
				metadata = { owner = { content = "platform-team@example.com" } }
			}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, w := setUpExamples(t)
			if name == "manifesto_metadata" {
				c.needsIdentityOfMoved()
			}
			image := w.remote.Repository().Tagged("1.2").String()
			c.write("move.tf", strings.ReplaceAll(before, "IMAGE", image))
			c.terraform("apply", "-auto-approve")
			w.server.Reset()
			c.example(w, "resources/"+name+"/move.tf")
			output := c.terraform("apply", "-auto-approve")
			if !strings.Contains(output, "has moved to") || !strings.Contains(output, "0 added, 0 changed, 0 destroyed") {
				t.Errorf("the apply does more than move:\n%s", output)
			}
			c.terraform("plan", "-detailed-exitcode")
			w.hasNotBeenWritten()
		})
	}
}
