package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The examples of the resource and of its imports run with only the registry's host and the digest replaced.
func TestCLIRepositoryMetadataExamples(t *testing.T) {
	t.Parallel()
	const directory = "resources/manifesto_repository_metadata/"
	c, w := setUpExamples(t)
	c.example(w, directory+"resource.tf")
	c.example(w, directory+"approvals.json")
	c.terraform("apply", "-auto-approve")
	if err := w.hasTypes(w.image, "approval", "contact"); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")

	forget := func() { c.terraform("state", "rm", "manifesto_repository_metadata.approvals") }
	forget()
	c.example(w, directory+"import.sh")
	script := strings.Replace(c.read("import.sh"), "terraform import", filepath.Base(c.tool)+" import", 1)
	if output, code := c.run("sh", "-ec", script); code != 0 {
		t.Fatalf("import.sh: exit code %d\n%s", code, output)
	}
	// The schema is not stored in the registry, so that the plan adds it.
	c.terraform("apply", "-auto-approve")
	c.terraform("plan", "-detailed-exitcode")

	imports := []string{"import-by-string-id.tf"}
	if c.minor() >= 12 && strings.HasPrefix(filepath.Base(c.tool), "terraform") {
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
}
