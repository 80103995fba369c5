package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// movableResource is a resource with the label test, about the image app:1, that has one piece of metadata.
func (w *world) movableResource(typ, attributes string) string {
	image := fmt.Sprintf("image = %q\n", w.ref(":1"))
	switch typ {
	case "manifesto_metadata":
		attributes = image + "type = \"t\"\n" + attributes
	case "manifesto_image_metadata":
		attributes = image + "metadata = {\nt = {\n" + attributes + "\n}\n}"
	case "manifesto_repository_metadata":
		attributes = strings.Replace(attributes, "content =", "images = {\n1 =", 1)
		attributes = strings.Replace(attributes, "content_base64 =", "images_base64 = {\n1 =", 1)
		first, rest, _ := strings.Cut(attributes, "\n")
		second, rest, _ := strings.Cut(rest, "\n")
		attributes = fmt.Sprintf("repository = %q\ntype = \"t\"\n%s\n%s\n}\n%s", w.ref(""), first, second, rest)
	}
	return fmt.Sprintf("resource %q \"test\" {\n%s\n}\n", typ, attributes)
}

// A moved block between resources of different types changes the state alone.
func TestCLIMovedBetweenTypes(t *testing.T) {
	types := []string{"manifesto_metadata", "manifesto_image_metadata", "manifesto_repository_metadata"}
	contents := map[string]string{
		"text":   "content = \"Zoë\"\nannotations = { by = \"ops\" }",
		"binary": "content_base64 = \"AP8=\"\nmedia_type = \"application/x-test\"",
	}
	for _, from := range types {
		for _, to := range types {
			for name, content := range contents {
				if from == to {
					continue
				}
				t.Run(fmt.Sprintf("%s from %s to %s", name, from, to), func(t *testing.T) {
					t.Parallel()
					c := newCommandLine(t)
					if from != "manifesto_metadata" {
						c.needsIdentityOfMoved()
					}
					w := newWorld(t, registrytest.Options{})
					c.write("main.tf", requirement+w.movableResource(from, content))
					c.terraform("apply", "-auto-approve")
					c.movesTo(w, w.movableResource(to, content)+moved(from+".test", to+".test"), "moved to "+to+".test")
					c.terraform("destroy", "-auto-approve")
					if err := w.hasTypes(w.image); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// needsIdentityOfMoved skips a test that moves a resource whose identity lacks attributes of the new one's. OpenTofu
// keeps the identity of the old resource, and then says that an attribute is required.
func (c *commandLine) needsIdentityOfMoved() {
	c.t.Helper()
	if c.isOpenTofu() && c.minor() >= 12 {
		c.t.Skip("OpenTofu keeps the identity of the old resource")
	}
}

// movesTo checks that a configuration changes the state alone: its plan says so, its apply writes nothing to the
// registry, and the plan after that is empty.
func (c *commandLine) movesTo(w *world, config, says string) {
	c.t.Helper()
	before := w.document()
	w.server.Reset()
	c.write("main.tf", requirement+config)
	output := c.terraform("plan", "-out=saved")
	for _, says := range []string{says, "0 to add, 0 to change, 0 to destroy"} {
		if !strings.Contains(strings.Join(strings.Fields(output), " "), says) {
			c.t.Errorf("the plan does not say %q:\n%s", says, output)
		}
	}
	c.terraform("apply", "saved")
	c.terraform("plan", "-detailed-exitcode")
	w.hasNotBeenWritten()
	if after := w.document(); after != before {
		c.t.Errorf("the manifesto was %s and is %s", before, after)
	}
}

// Many manifesto_metadata become one manifesto_image_metadata: one of them is moved, the others are removed from the
// state, and the refresh finds them. Contents from files and write-only attributes come from the registry.
func TestCLIManyMovedToOne(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	if c.minor() < 11 {
		t.Skip("write-only arguments need version 1.11")
	}
	w := newWorld(t, registrytest.Options{})
	c.write("report.json", "{\"findings\": []}\n")
	c.write("main.tf", requirement+fmt.Sprintf(`
		resource "manifesto_metadata" "file" {
			image      = %[1]q
			type       = "report"
			source     = "report.json"
			media_type = "application/vnd.example.report+json"
		}
		resource "manifesto_metadata" "write_only" {
			image              = %[1]q
			type               = "token"
			content_wo         = "not so secret"
			content_wo_version = 1
		}
		resource "manifesto_metadata" "text" {
			image   = %[1]q
			type    = "contact"
			content = "team"
		}`, w.ref(":1")))
	c.terraform("apply", "-auto-approve")
	c.movesTo(w, w.imageMetadata(`
		report  = { content = file("report.json"), media_type = "application/vnd.example.report+json" }
		token   = { content = "not so secret" }
		contact = { content = "team" }`)+
		moved("manifesto_metadata.file", imageAddress)+
		removed("manifesto_metadata.write_only")+removed("manifesto_metadata.text"), "moved to "+imageAddress)
}

// A state with several pieces cannot be moved to a resource that has one. A removed block and imports do the same.
func TestCLIOneMovedToMany(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.imageMetadata("t = { content = \"x\" }\nu = { content = \"{\\\"a\\\":1}\" }"))
	c.terraform("apply", "-auto-approve")
	config := w.metadata("type = \"t\"\ncontent = \"x\"")
	c.write("main.tf", requirement+config+moved(imageAddress, address))
	w.server.Reset()
	output, code := c.run(c.tool, "plan")
	if code == 0 || !words(`State cannot be moved.*has 2 of them.*removed block.*import block`).MatchString(
		strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(output)) {
		t.Errorf("exit code %d\n%s", code, output)
	}
	imported := func(name, typ string) string {
		return fmt.Sprintf("import {\n to = manifesto_metadata.%s\n id = %q\n}\n", name, w.ref(":1#"+typ))
	}
	other := strings.ReplaceAll(w.metadata("type = \"u\"\ncontent = \"{\\\"a\\\":1}\""), `"test"`, `"other"`)
	c.movesTo(w, config+other+removed(imageAddress)+imported("test", "t")+imported("other", "u"), "2 to import")
	c.terraform("destroy", "-auto-approve")
	if err := w.hasTypes(w.image); err != nil {
		t.Error(err)
	}
}

// Signed metadata stays signed when its resource becomes one of another type.
func TestCLIMovedSigned(t *testing.T) {
	types := []string{"manifesto_metadata", "manifesto_image_metadata", "manifesto_repository_metadata"}
	for _, from := range types {
		for _, to := range types {
			if from == to {
				continue
			}
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				t.Parallel()
				c := newCommandLine(t)
				if from != "manifesto_metadata" {
					c.needsIdentityOfMoved()
				}
				w := newWorld(t, registrytest.Options{})
				authority := notationtest.NewAuthority(t, "Example")
				settings := providerConfig(signingWith(t, authority.Issue(t, "release"), "") + "\n" + trusting(authority, ""))
				const content = "content = \"x\"\nannotations = { by = \"ops\" }"
				c.write("main.tf", requirement+settings+w.movableResource(from, content))
				c.terraform("apply", "-auto-approve")
				c.movesTo(w, settings+w.movableResource(to, content)+moved(from+".test", to+".test"), "moved to "+to+".test")
				c.terraform("destroy", "-auto-approve")
			})
		}
	}
}
