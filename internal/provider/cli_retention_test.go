package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A refresh reads the manifesto and asks once for each image, twice for one that is gone. So does the plan of a new
// resource.
func TestCLIRetentionRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	for i := range 4 {
		image := w.push("more", fmt.Sprint("more", i))
		w.putFor(image, "contact", "me")
		if i == 0 {
			w.vanish(image)
		}
	}
	c := newCommandLine(t)
	c.write("main.tf", requirement+w.retention(""))
	count := func(what string, manifests, blobs int) {
		t.Helper()
		if n := w.server.Count("", "/manifests/"); n != manifests {
			t.Errorf("%s: %d requests for manifests, want %d: %v", what, n, manifests, w.server.Requests())
		}
		if n := w.server.Count("", "/blobs/"); n != blobs {
			t.Errorf("%s: %d requests for blobs, want %d: %v", what, n, blobs, w.server.Requests())
		}
		w.server.Reset()
	}
	w.server.Reset()
	c.terraform("plan")
	count("the plan of a new resource", 1+5+1, 1)
	c.terraform("apply", "-auto-approve")
	w.server.Reset()
	c.terraform("plan", "-detailed-exitcode")
	count("an unchanged plan", 1+4, 1)
}

// The output shows what goes: as a warning for a new resource, and as a change for an existing one. An image that is
// pushed again after the plan keeps its metadata.
func TestCLIRetentionShowsWhatItRemoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "stays")
	two, three := w.push("2", "two"), w.push("3", "three")
	for i := range 12 {
		w.putFor(two, fmt.Sprintf("t%02d", i), "x")
	}
	w.vanish(two)
	c := newCommandLine(t)
	c.write("main.tf", requirement+w.retention(""))
	want := func(output string, texts ...string) {
		t.Helper()
		flat := strings.Join(strings.Fields(output), " ")
		for _, text := range texts {
			if !strings.Contains(flat, text) {
				t.Errorf("the output lacks %s:\n%s", text, output)
			}
		}
	}
	c.terraform("plan", "-out=saved")
	want(c.terraform("plan"), "Metadata to remove", "gone: 12 pieces.", two.String()+"#t09", "… and 2 more")
	c.terraform("apply", "saved")
	if err := w.leaves(map[oci.Digest][]string{two: nil, w.image: {"contact"}})(nil); err != nil {
		t.Error(err)
	}
	w.putFor(two, "again", "x")
	w.putFor(three, "contact", "me")
	w.vanish(three)
	output := c.terraform("plan", "-out=saved")
	want(output, "~ stale = [ - \""+two.String()+"#again\", - \""+three.String()+"#contact\", ]", "0 to add, 1 to change")
	w.push("3", "three")
	want(c.terraform("apply", "saved"), "Image is there again", "stays: 1 piece. "+three.String()+"#contact")
	if err := w.leaves(map[oci.Digest][]string{two: nil, three: {"contact"}})(nil); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
}

// Metadata that somebody stores after the plan is a conflict, and nothing is removed.
func TestCLIRetentionConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "stays")
	two := w.push("2", "two")
	c := newCommandLine(t)
	c.write("main.tf", requirement+w.retention(""))
	c.terraform("apply", "-auto-approve")
	w.putFor(two, "contact", "old")
	w.putFor(two, "approval", "old")
	w.vanish(two)
	c.terraform("plan", "-out=saved")
	w.putFor(two, "contact", "new")
	w.putFor(two, "scan", "new")
	output, code := c.run(c.tool, "apply", "saved")
	flat := strings.Join(strings.Fields(output), " ")
	if code == 0 || !strings.Contains(flat, "Metadata changed outside Terraform since the plan") ||
		!strings.Contains(flat, "so nothing was removed. "+two.String()+"#contact Run terraform plan again") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	if err := w.hasTypes(two, "contact", "approval", "scan"); err != nil {
		t.Error(err)
	}
	c.terraform("apply", "-auto-approve")
	if err := w.hasTypes(two); err != nil {
		t.Error(err)
	}
}

// The refusal does not make it impossible to destroy the resource.
func TestCLIRetentionDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	c := newCommandLine(t)
	c.write("main.tf", requirement+w.retention(""))
	c.terraform("apply", "-auto-approve")
	w.vanish(w.image)
	if output, code := c.run(c.tool, "plan"); code == 0 || !strings.Contains(output, "No image is left") {
		t.Errorf("plan: exit code %d\n%s", code, output)
	}
	c.terraform("destroy", "-auto-approve", "-refresh=false")
	if err := w.has("contact", "me")(nil); err != nil {
		t.Error(err)
	}
}
