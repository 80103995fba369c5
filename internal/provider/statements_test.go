package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	const x, y = oci.Digest("sha256:x"), oci.Digest("sha256:y")
	contact := statement{filter: manifesto.Filter{Type: "contact"}}
	approval := statement{filter: manifesto.Filter{Type: "approval"}}
	var s statements
	claim := func(of statement, reference string, content oci.Digest, want bool) {
		t.Helper()
		if got := s.claim(of, reference, content); got != want {
			t.Errorf("claiming %v through %q is %t", of.filter, reference, got)
		}
	}
	claim(contact, "1", x, true)
	claim(approval, "1", y, true)
	claim(contact, "1", x, false) // It is under way.
	claim(contact, "2", y, false)
	claim(contact, "2", x, true)
	s.settle(contact, "1", true)
	claim(contact, "1", x, false)
	s.settle(contact, "2", false)
	claim(contact, "2", x, true) // It is tried again.
	s.refreshed(contact)
	claim(contact, "1", x, true)
	claim(contact, "2", x, false) // It was not stored before the refresh.
	s.settle(contact, "1", true)
	s.settle(contact, "2", true)
	s.refreshed(contact)
	claim(contact, "1", y, true)
	claim(approval, "1", y, false)
}

// rivals are two resources that decide about the same, one declaring what the other does not, and their import ids.
func rivals(w *world, two oci.Digest) map[string]struct{ config, id string } {
	other := func(config string) string { return strings.ReplaceAll(config, `"test"`, `"other"`) }
	return map[string]struct{ config, id string }{
		"manifesto_repository_metadata": {
			w.allOf("t", images("1", "one")) + other(w.allOf("t", images(two.String(), "two"))), w.ref("#t"),
		},
		"manifesto_image_metadata": {
			w.imageMetadata(`t = { content = "one" }`) + other(w.imageMetadata(`u = { content = "two" }`)), w.ref(":1"),
		},
	}
}

// pieces returns how many pieces of metadata the repository has.
func (w *world) pieces() (count int) {
	w.t.Helper()
	found, err := w.store().Images(context.Background(), w.remote.Repository())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, image := range found {
		count += len(image.Entries)
	}
	return count
}

// Of two resources that decide about the same, one fails and writes nothing, whether they are created or updated. What
// the other declares stays in the registry.
func TestCLIRivals(t *testing.T) {
	for _, typ := range []string{"manifesto_repository_metadata", "manifesto_image_metadata"} {
		for _, imported := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, imported: %t", typ, imported), func(t *testing.T) {
				t.Parallel()
				c := newCommandLine(t)
				w := newWorld(t, registrytest.Options{})
				two := w.push("2", "two")
				test := rivals(w, two)[typ]
				config := requirement + test.config
				if imported {
					w.put("t", "one")
					if typ == "manifesto_image_metadata" {
						w.put("u", "two")
					} else {
						w.putFor(two, "t", "two")
					}
					adopted := func(label string) string {
						return fmt.Sprintf("import {\n to = %s.%s\n id = %q\n}\n", typ, label, test.id)
					}
					config += adopted("test") + adopted("other")
				}
				c.write("main.tf", config)
				output, code := c.run(c.tool, "apply", "-auto-approve")
				const says = `Metadata declared twice.*with (` +
					`manifesto_repository_metadata.*repository =|manifesto_image_metadata.*image =).*Nothing was written.*` +
					`Merge the two.*removed block.*destroy = false`
				if output = withoutFrame(output); code == 0 || !words(says).MatchString(output) {
					t.Errorf("exit code %d\n%s", code, output)
				}
				if got := w.pieces(); got != 1 {
					t.Errorf("the registry has %d pieces, want that of one resource: %s", got, w.document())
				}
			})
		}
	}
}

// After the refusal, one of the rivals leaves the state with a removed block, and the other declares everything.
func TestCLIRivalsMerged(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	w.put("contact", "one")
	w.putFor(two, "contact", "two")
	first, second := w.all(images("1", "one")), strings.ReplaceAll(w.all(images("2", "two")), `"test"`, `"other"`)
	c.write("main.tf", requirement+first+second)
	for _, label := range []string{"test", "other"} {
		c.terraform("import", "manifesto_repository_metadata."+label, w.ref("#contact"))
	}
	if output, code := c.run(c.tool, "apply", "-auto-approve"); code == 0 {
		t.Errorf("two resources of one type are applied:\n%s", output)
	}
	c.write("main.tf", requirement+w.all(images("1", "one", "2", "two"))+removed("manifesto_repository_metadata.other"))
	c.terraform("apply", "-auto-approve")
	if err := w.contacts(map[oci.Digest]string{w.image: "one", two: "two"})(nil); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
}

// A resource is no rival of itself: neither is a replacement, nor a change together with a move.
func TestCLINoRival(t *testing.T) {
	for _, typ := range []string{"manifesto_repository_metadata", "manifesto_image_metadata"} {
		for _, lifecycle := range []string{"", "lifecycle {\n create_before_destroy = true\n}"} {
			t.Run(typ+" "+lifecycle, func(t *testing.T) {
				t.Parallel()
				c := newCommandLine(t)
				w := newWorld(t, registrytest.Options{})
				config := func(content string) string {
					attributes := fmt.Sprintf("content = %q\nmedia_type = \"text/x\"", content)
					resource := w.movableResource(typ, attributes)
					return requirement + strings.TrimSuffix(resource, "}\n") + lifecycle + "\n}\n"
				}
				apply := func(text, content string, options ...string) {
					t.Helper()
					c.write("main.tf", text)
					c.terraform(append([]string{"apply", "-auto-approve"}, options...)...)
					if err := w.has("t", content)(nil); err != nil {
						t.Error(err)
					}
				}
				apply(config("one"), "one")
				apply(config("one"), "one", "-replace="+typ+".test")
				apply(strings.ReplaceAll(config("two"), `"test"`, `"moved"`)+moved(typ+".test", typ+".moved"), "two")
				c.terraform("plan", "-detailed-exitcode")
			})
		}
	}
}

// Two tags of one image may have the same metadata, and change together.
func TestCLINoRivalsOfTwoTags(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	w.push("2", "one")
	for _, content := range []string{"before", "after"} {
		config := w.imageMetadata(fmt.Sprintf("t = { content = %q }", content))
		c.write("main.tf", requirement+config+strings.NewReplacer(`"test"`, `"other"`, `:1"`, `:2"`).Replace(config))
		c.terraform("apply", "-auto-approve")
		if err := w.has("t", content)(nil); err != nil {
			t.Error(err)
		}
		c.terraform("plan", "-detailed-exitcode")
	}
}

// A test with a provider block keeps one process of the provider for all of its runs, as seen with Terraform 1.16.
func TestCLINoRivalsOfTestRuns(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	w.push("2", "two")
	if err := os.Mkdir(filepath.Join(c.dir, "tests"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.write("main.tf", requirement+"variable \"images\" {\n type = map(string)\n}\n"+w.all("images = var.images"))
	var text strings.Builder
	text.WriteString("provider \"manifesto\" {}\n")
	for i, set := range []string{`{ 1 = "one" }`, `{ 1 = "one", 2 = "two" }`, `{ 1 = "changed", 2 = "two" }`} {
		fmt.Fprintf(&text, "run \"run%d\" {\n variables {\n images = %s\n }\n}\n", i, set)
	}
	c.write("tests/runs.tftest.hcl", text.String())
	if output := c.terraform("test"); !strings.Contains(output, "3 passed, 0 failed") {
		t.Errorf("not all runs pass:\n%s", output)
	}
}
