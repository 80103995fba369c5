package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A moved block changes the state alone: the plan has nothing to do, the registry is not written, and the plan after it
// is empty.
func TestCLIMovedBlocks(t *testing.T) {
	resource := func(w *world, name, repeat, typ string) string {
		return fmt.Sprintf("resource \"manifesto_metadata\" %q {\n%s\nimage = %q\ntype = %s\ncontent = \"x\"\n}\n",
			name, repeat, w.ref(":1"), typ)
	}
	tests := map[string]struct {
		before func(w *world) string
		// after is the configuration after the move, and module that of the module directory, if it has one.
		after, module func(w *world) string
		moves         []string
	}{
		"renamed": {
			before: func(w *world) string { return resource(w, "old", "", `"t"`) },
			after: func(w *world) string {
				return resource(w, "new", "", `"t"`) + moved("manifesto_metadata.old", "manifesto_metadata.new")
			},
			moves: []string{"manifesto_metadata.old has moved to manifesto_metadata.new"},
		},
		"into a module": {
			before: func(w *world) string { return resource(w, "old", "", `"t"`) },
			after: func(*world) string {
				return "module \"inner\" {\n source = \"./inner\"\n}\n" +
					moved("manifesto_metadata.old", "module.inner.manifesto_metadata.this")
			},
			module: func(w *world) string { return resource(w, "this", "", `"t"`) },
			moves:  []string{"manifesto_metadata.old has moved to module.inner.manifesto_metadata.this"},
		},
		"from count to for_each": {
			before: func(w *world) string { return resource(w, "many", "count = 2", `"t${count.index}"`) },
			after: func(w *world) string {
				return resource(w, "many", `for_each = toset(["t0", "t1"])`, "each.key") +
					moved("manifesto_metadata.many[0]", `manifesto_metadata.many["t0"]`) +
					moved("manifesto_metadata.many[1]", `manifesto_metadata.many["t1"]`)
			},
			moves: []string{
				`manifesto_metadata.many[0] has moved to manifesto_metadata.many["t0"]`,
				`manifesto_metadata.many[1] has moved to manifesto_metadata.many["t1"]`,
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			w := newWorld(t, registrytest.Options{})
			c.write("main.tf", requirement+test.before(w))
			c.terraform("apply", "-auto-approve")
			before := w.document()
			if test.module != nil {
				if err := os.Mkdir(filepath.Join(c.dir, "inner"), 0o700); err != nil {
					t.Fatal(err)
				}
				c.write("inner/main.tf", requirement+test.module(w))
			}
			c.write("main.tf", requirement+test.after(w))
			c.terraform("get")
			w.server.Reset()
			output := c.terraform("plan", "-out=saved")
			for _, says := range append(test.moves, "0 to add, 0 to change, 0 to destroy") {
				if !strings.Contains(output, says) {
					t.Errorf("the plan does not say %q:\n%s", says, output)
				}
			}
			c.terraform("apply", "saved")
			c.terraform("plan", "-detailed-exitcode")
			w.hasNotBeenWritten()
			if after := w.document(); after != before {
				t.Errorf("the manifesto was %s and is %s", before, after)
			}
		})
	}
}

// moved is a moved block.
func moved(from, to string) string {
	return fmt.Sprintf("moved {\n from = %s\n to = %s\n}\n", from, to)
}

// A removed block that keeps what it removes leaves the registry alone. The same metadata can be imported again.
func TestCLIRemovedBlock(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	config := requirement + w.metadata("type = \"t\"\ncontent = \"x\"")
	c.write("main.tf", config)
	c.terraform("apply", "-auto-approve")
	before := w.document()
	c.write("main.tf", requirement+removed(address))
	w.server.Reset()
	output := c.terraform("plan", "-out=saved")
	for _, says := range []string{
		`will no longer be managed by Terraform|will be removed from the OpenTofu state but will not be destroyed`,
		`0 to add, 0 to change, 0 to destroy`,
	} {
		if !words(says).MatchString(output) {
			t.Errorf("the plan does not say %q:\n%s", says, output)
		}
	}
	c.terraform("apply", "saved")
	if state := c.terraform("state", "list"); strings.Contains(state, address) {
		t.Errorf("the state still has %s: %s", address, state)
	}
	c.write("main.tf", config+fmt.Sprintf("import {\n to = %s\n id = %q\n}\n", address, w.ref(":1#t")))
	if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "1 imported") {
		t.Errorf("nothing is imported:\n%s", output)
	}
	c.terraform("plan", "-detailed-exitcode")
	w.hasNotBeenWritten()
	if after := w.document(); after != before {
		t.Errorf("the manifesto was %s and is %s", before, after)
	}
}

// removed is a removed block that leaves what it removes where it is.
func removed(address string) string {
	return fmt.Sprintf("removed {\n from = %s\n lifecycle {\n destroy = false\n }\n}\n", address)
}
