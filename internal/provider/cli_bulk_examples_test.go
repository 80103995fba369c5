package provider

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// script runs the commands of an example without questions.
func (c *commandLine) script(name string) string {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		c.t.Fatal(err)
	}
	commands := strings.ReplaceAll(string(content), "terraform ", filepath.Base(c.tool)+" ")
	commands = regexp.MustCompile(` apply\b`).ReplaceAllString(commands, " apply -auto-approve")
	output, code := c.run("sh", "-ec", commands)
	if code != 0 {
		c.t.Fatalf("%s: exit code %d\n%s", name, code, output)
	}
	return output
}

// The examples of the guide about adoption run, and leave contents as they are.
func TestCLIExamplesOfAdoption(t *testing.T) {
	t.Parallel()
	stored := func(w *world) {
		w.put("contact", "platform-team@example.com")
		w.put("seccomp", "{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\"\n}\n")
		w.putFor(w.push("1.3", "other"), "contact", "platform-team@example.com")
	}
	t.Run("query", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		if !c.canQuery() {
			t.Skip("terraform query needs Terraform 1.14")
		}
		stored(w)
		c.example(w, "guides/adopting/query.tfquery.hcl")
		if output := c.script("guides/adopting/query.sh"); !strings.Contains(output, "3 imported, 0 added, 0 changed") {
			t.Errorf("the output is\n%s", output)
		}
		c.terraform("plan", "-detailed-exitcode")
	})
	t.Run("list resource", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		if !c.canQuery() {
			t.Skip("terraform query needs Terraform 1.14")
		}
		stored(w)
		w.put("scan/cve", "none")
		c.example(w, "list-resources/manifesto_metadata/list-resource.tfquery.hcl")
		output := c.terraform("query")
		for want, times := range map[string]int{
			"list.manifesto_metadata.all": 4, "list.manifesto_metadata.scans": 1, "example/app:1.2 scan/cve": 1,
			"example/app@" + w.image.String()[:19] + " seccomp": 1, "More metadata than listed": 0,
		} {
			if n := strings.Count(output, want); n != times {
				t.Errorf("%s appears %d times, want %d:\n%s", want, n, times, output)
			}
		}
	})
	t.Run("import blocks", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		stored(w)
		c.example(w, "guides/adopting/imports.tf")
		if output := c.script("guides/adopting/imports.sh"); !strings.Contains(output, "3 imported, 0 added, 0 changed") {
			t.Errorf("the output is\n%s", output)
		}
		c.terraform("plan", "-detailed-exitcode")
	})
	t.Run("contacts", func(t *testing.T) {
		t.Parallel()
		c, w := setUpExamples(t)
		stored(w)
		c.example(w, "guides/adopting/contacts.tf")
		if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "2 imported, 0 added, 0 changed") {
			t.Errorf("the output is\n%s", output)
		}
		c.terraform("plan", "-detailed-exitcode")
	})
}

func TestCLIExamplesOfRetention(t *testing.T) {
	t.Parallel()
	c, w := setUpExamples(t)
	gone := oci.DigestOf([]byte("gone"))
	w.put("contact", "me")
	w.putFor(gone, "contact", "me")
	c.example(w, "resources/manifesto_retention/resource.tf")
	c.terraform("apply", "-auto-approve")
	if err := w.hasTypes(gone); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
	forget := func() { c.terraform("state", "rm", "manifesto_retention.app") }
	forget()
	c.example(w, "resources/manifesto_retention/import.sh")
	script := strings.Replace(c.read("import.sh"), "terraform import", filepath.Base(c.tool)+" import", 1)
	if output, code := c.run("sh", "-ec", script); code != 0 {
		t.Fatalf("import.sh: exit code %d\n%s", code, output)
	}
	c.terraform("plan", "-detailed-exitcode")
	imports := []string{"resources/manifesto_retention/import-by-string-id.tf"}
	if c.minor() >= 12 && strings.HasPrefix(filepath.Base(c.tool), "terraform") {
		imports = append(imports, "resources/manifesto_retention/import-by-identity.tf")
	}
	for _, name := range imports {
		forget()
		c.example(w, name)
		if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "1 imported") {
			t.Errorf("%s imports nothing:\n%s", name, output)
		}
		if err := os.Remove(filepath.Join(c.dir, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
	c.terraform("plan", "-detailed-exitcode")
}
