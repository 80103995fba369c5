package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// replaced is a resource that exists and that its lifecycle replaces.
func replaced(t *testing.T, lifecycle string) (*commandLine, *world) {
	t.Helper()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", replacedConfig(w, "before", lifecycle))
	c.terraform("apply", "-auto-approve")
	return c, w
}

func replacedConfig(w *world, content, lifecycle string) string {
	return requirement + fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			image   = %q
			type    = "t"
			content = %q
			%s
		}`, w.ref(":1"), content, lifecycle)
}

// A tag that moves between the plan of a replacement and its apply stops the apply before it destroys anything. The
// refused deletion does not get in the way of later ones.
func TestCLITagMovesBeforeReplacement(t *testing.T) {
	for name, seed := range map[string]string{"back": "one", "on": "three"} {
		for _, lifecycle := range []string{"", "keep_on_destroy = true"} {
			t.Run(name+" "+lifecycle, func(t *testing.T) {
				t.Parallel()
				c, w := replaced(t, lifecycle)
				w.push("1", "two")
				c.terraform("plan", "-out=saved")
				now := w.push("1", seed)
				output, code := c.run(c.tool, "apply", "saved")
				if code == 0 || !strings.Contains(output, movedSincePlan) || strings.Contains(output, "inconsistent final plan") {
					t.Errorf("exit code %d\n%s", code, output)
				}
				if err := w.has("t", "before")(nil); err != nil {
					t.Error(err)
				}
				if state := c.terraform("state", "list"); !strings.Contains(state, "manifesto_metadata.test") {
					t.Errorf("the state has lost the resource: %q", state)
				}
				c.terraform("apply", "-auto-approve")
				if err := w.hasTypes(now, "t"); err != nil {
					t.Error(err)
				}
				w.push("1", "four")
				c.terraform("destroy", "-auto-approve", "-refresh=false")
			})
		}
	}
}

// If the registry cannot say which image a tag names, or the tag is gone, the replacement stops before it destroys
// anything, and says why. Later applies go on as usual.
func TestCLIRegistryFailsBeforeReplacement(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		code   string
		says   string
	}{
		"registry fails": {http.StatusServiceUnavailable, "UNAVAILABLE", "Registry operation failed"},
		"tag is gone":    {http.StatusNotFound, "MANIFEST_UNKNOWN", "Image or repository not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, w := replaced(t, "")
			c.write("provider.tf", "provider \"manifesto\" {\n max_retries = 1\n}\n")
			now := w.push("1", "two")
			c.terraform("plan", "-out=saved")
			w.server.Intercept(func(response http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if !strings.HasSuffix(r.URL.Path, "/manifests/1") {
					return false
				}
				registrytest.Refuse(response, test.status, test.code, "not now")
				return true
			})
			w.server.Reset()
			output, code := c.run(c.tool, "apply", "saved")
			flat := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", "")), " ")
			for _, says := range []string{test.says, w.ref(":1"), nothingDestroyed} {
				if code == 0 || !strings.Contains(flat, says) {
					t.Errorf("exit code %d, want %q in\n%s", code, says, output)
				}
			}
			for _, r := range w.server.Requests() {
				if r.Method != http.MethodGet && r.Method != http.MethodHead {
					t.Errorf("the apply has sent %s %s", r.Method, r.Path)
				}
			}
			w.server.Intercept(nil)
			if err := w.has("t", "before")(nil); err != nil {
				t.Error(err)
			}
			if state := c.terraform("state", "list"); !strings.Contains(state, "manifesto_metadata.test") {
				t.Errorf("the state has lost the resource: %q", state)
			}
			c.terraform("apply", "-auto-approve")
			if err := w.hasTypes(now, "t"); err != nil {
				t.Error(err)
			}
			if err := w.lacks("t")(nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// With create_before_destroy, Terraform itself refuses the apply of a moved tag, and destroys nothing either. The next
// apply finishes the replacement, also if the tag is back at the build with the old metadata.
func TestCLITagMovesBeforeCreateBeforeDestroy(t *testing.T) {
	for name, seed := range map[string]string{"back": "one", "on": "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, w := replaced(t, "lifecycle {\n create_before_destroy = true\n}")
			w.push("1", "two")
			c.terraform("plan", "-out=saved")
			now := w.push("1", seed)
			output, code := c.run(c.tool, "apply", "saved")
			if code == 0 || !strings.Contains(output, "inconsistent final plan") {
				t.Errorf("exit code %d\n%s", code, output)
			}
			if err := w.has("t", "before")(nil); err != nil {
				t.Error(err)
			}
			for range 2 { // See TestCLICreateBeforeDestroySameImage for the second.
				c.terraform("apply", "-auto-approve")
			}
			if err := w.hasTypes(now, "t"); err != nil {
				t.Error(err)
			}
			c.terraform("plan", "-detailed-exitcode")
		})
	}
}

// create_before_destroy of metadata that stays at its image keeps the entry. Other content needs overwrite; without it,
// the creation fails before anything changes.
func TestCLICreateBeforeDestroySameImage(t *testing.T) {
	const lifecycle = "\nlifecycle {\n create_before_destroy = true\n}"
	tests := map[string]struct{ content, attributes, want, says string }{
		"same content":  {"before", "", "before", "Metadata kept"},
		"other content": {"after", "", "before", alreadyExists},
		"overwrite":     {"after", "overwrite = true", "after", "Metadata kept"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, w := replaced(t, test.attributes+lifecycle)
			c.write("main.tf", replacedConfig(w, test.content, test.attributes+lifecycle))
			output, code := c.run(c.tool, "apply", "-auto-approve", "-replace=manifesto_metadata.test")
			if (code != 0) != (test.says == alreadyExists) || !strings.Contains(output, test.says) {
				t.Errorf("exit code %d, want %q in\n%s", code, test.says, output)
			}
			if err := w.has("t", test.want)(nil); err != nil {
				t.Error(err)
			}
			c.terraform("apply", "-auto-approve")
			if err := w.has("t", test.content)(nil); err != nil {
				t.Error(err)
			}
			c.terraform("plan", "-detailed-exitcode")
			c.terraform("destroy", "-auto-approve")
			if got := w.document(); got != `{"images":[]}` {
				t.Errorf("after destroy the document is %s", got)
			}
		})
	}
}

// If an apply with create_before_destroy ends between its creation and its deletion, the old object stays deposed. The
// next apply deletes it. If both objects are the same entry, that removes the entry: the protection of what a run has
// created ends with the run. The plan after that shows the entry missing, and its apply stores it again. An apply that
// replaces the resource once more keeps the entry.
func TestCLIDeposedObjectOfSameImage(t *testing.T) {
	const lifecycle = "\nlifecycle {\n create_before_destroy = true\n}"
	// The deposed object is deleted after everything that depends on the new one, so that this leaves it there.
	const failing = `
		resource "terraform_data" "failing" {
			depends_on = [manifesto_metadata.test]
			provisioner "local-exec" { command = "exit 1" }
		}`
	const replace = "-replace=manifesto_metadata.test"
	tests := map[string]struct{ content, attributes, option string }{
		"same content":                 {"before", "", ""},
		"overwrite":                    {"after", "overwrite = true", ""},
		"same content, replaced again": {"before", "", replace},
		"overwrite, replaced again":    {"after", "overwrite = true", replace},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, w := replaced(t, test.attributes+lifecycle)
			config := replacedConfig(w, test.content, test.attributes+lifecycle)
			c.write("main.tf", config+failing)
			if output, code := c.run(c.tool, "apply", "-auto-approve", replace); code == 0 {
				t.Errorf("exit code %d\n%s", code, output)
			}
			if err := w.has("t", test.content)(nil); err != nil {
				t.Error(err)
			}
			c.write("main.tf", config)
			if test.option != "" {
				c.terraform("apply", "-auto-approve", test.option)
			} else {
				if plan := c.terraform("plan"); !strings.Contains(plan, "(deposed object ") {
					t.Errorf("no deposed object in the plan:\n%s", plan)
				}
				c.terraform("apply", "-auto-approve")
				if err := w.lacks("t")(nil); err != nil {
					t.Error(err)
				}
				c.terraform("apply", "-auto-approve")
			}
			if err := w.has("t", test.content)(nil); err != nil {
				t.Error(err)
			}
			c.terraform("plan", "-detailed-exitcode")
		})
	}
}
