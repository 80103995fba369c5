package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// When an image of the list was deleted, the plan of the module prune shows its metadata, and the apply removes it.
// Marks stay, and so does the metadata of images that are there.
func TestCLIActiveImagesPrune(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("active/production", "{}")
	w.put("contact", "me")
	unused, marked := w.push("2", "two"), w.push("3", "three")
	w.putFor(unused, "contact", "me")
	w.putFor(marked, "active/staging", "{}")
	c := newCommandLine(t)
	if err := os.CopyFS(c.dir, os.DirFS(filepath.Join(useCases, "active-images", "prune"))); err != nil {
		t.Fatal(err)
	}
	c.env = append(c.env, "TF_VAR_repository="+w.ref(""))
	c.terraform("apply", "-auto-approve")
	output := c.terraform("output", "-json", "prunable")
	if !strings.Contains(output, unused.String()) || strings.Contains(output, marked.String()) {
		t.Errorf("%s is to be pruned, not %s:\n%s", unused, marked, output)
	}

	w.vanish(unused)
	w.vanish(marked)
	output = c.terraform("plan", "-out=saved")
	stale := `"` + unused.String() + `#contact"`
	if !strings.Contains(output, stale) || strings.Contains(output, "#active/") {
		t.Errorf("the plan removes more or less than %s:\n%s", stale, output)
	}
	c.terraform("apply", "saved")
	err := w.leaves(map[oci.Digest][]string{
		w.image: {"active/production", "contact"}, unused: nil, marked: {"active/staging"},
	})(nil)
	if err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
}
