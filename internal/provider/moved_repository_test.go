package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// contactOf is a manifesto_metadata with the contact of an image, which a suffix such as ":1" names.
func (w *world) contactOf(label, suffix, content string) string {
	return fmt.Sprintf("resource \"manifesto_metadata\" %q {\nimage = %q\ntype = \"contact\"\ncontent = %q\n}\n",
		label, w.ref(suffix), content)
}

// Many manifesto_metadata become one manifesto_repository_metadata: one of them is moved, the others are removed from
// the state, and the refresh finds them under their digests.
func TestCLIManyMovedToRepository(t *testing.T) {
	for _, suffix := range []string{":1", "@"} {
		t.Run("moved "+suffix, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			w := newWorld(t, registrytest.Options{})
			two, three := w.push("2", "two"), w.push("3", "three")
			key := "1"
			if suffix == "@" {
				suffix, key = "@"+w.image.String(), w.image.String()
			}
			c.write("main.tf", requirement+w.contactOf("one", suffix, "one")+w.contactOf("two", "@"+two.String(), "two")+
				w.contactOf("three", ":3", "three"))
			c.terraform("apply", "-auto-approve")
			c.movesTo(w, w.all(images(key, "one", two.String(), "two", three.String(), "three"))+
				moved("manifesto_metadata.one", bulkAddress)+
				removed("manifesto_metadata.two")+removed("manifesto_metadata.three"), "moved to "+bulkAddress)
			c.write("main.tf", requirement+w.all(images(key, "changed", two.String(), "two", three.String(), "three")))
			c.terraform("apply", "-auto-approve")
			if err := w.contacts(map[oci.Digest]string{w.image: "changed", two: "two", three: "three"})(nil); err != nil {
				t.Error(err)
			}
			c.terraform("plan", "-detailed-exitcode")
		})
	}
}

// If the other images are named by tags, their keys change once. Nothing is removed or replaced.
func TestCLIManyMovedToTagsOfRepository(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	c.write("main.tf", requirement+w.contactOf("one", ":1", "one")+w.contactOf("two", ":2", "two"))
	c.terraform("apply", "-auto-approve")
	before := w.document()
	c.write("main.tf", requirement+w.all(images("1", "one", "2", "two"))+
		moved("manifesto_metadata.one", bulkAddress)+removed("manifesto_metadata.two"))
	if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "0 added, 1 changed, 0 destroyed") {
		t.Errorf("the apply does more than to change keys:\n%s", output)
	}
	c.terraform("plan", "-detailed-exitcode")
	if err := w.contacts(map[oci.Digest]string{w.image: "one", two: "two"})(nil); err != nil {
		t.Error(err)
	}
	if after := w.document(); after != before {
		t.Errorf("the manifesto was %s and is %s", before, after)
	}
	c.terraform("destroy", "-auto-approve")
	if err := w.contacts(nil)(nil); err != nil {
		t.Error(err)
	}
}

// A manifesto_repository_metadata with several images becomes many manifesto_metadata with a removed block and imports.
// A moved block is refused, and says so.
func TestCLIRepositoryMovedToMany(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	c.write("main.tf", requirement+w.all(images("1", "one", two.String(), "two")))
	c.terraform("apply", "-auto-approve")
	byTag, byDigest := w.contactOf("one", ":1", "one"), w.contactOf("two", "@"+two.String(), "two")
	c.write("main.tf", requirement+byTag+moved(bulkAddress, "manifesto_metadata.one"))
	output, code := c.run(c.tool, "plan")
	if code == 0 || !words(`State cannot be moved.*has 2 tags and digests.*removed block.*import block`).MatchString(
		withoutFrame(output)) {
		t.Errorf("exit code %d\n%s", code, output)
	}
	imported := func(label, suffix string) string {
		return fmt.Sprintf("import {\n to = manifesto_metadata.%s\n id = %q\n}\n", label, w.ref(suffix+"#contact"))
	}
	imports := imported("one", ":1") + imported("two", "@"+two.String())
	c.movesTo(w, byTag+byDigest+removed(bulkAddress)+imports, "2 to import")
	c.terraform("destroy", "-auto-approve")
	if err := w.contacts(nil)(nil); err != nil {
		t.Error(err)
	}
}
