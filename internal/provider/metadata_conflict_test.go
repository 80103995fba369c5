package provider

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Two resources, or two tags, that mean one piece of metadata are an error.
func TestAccMetadataDeclaredTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t, resource.TestStep{
		Config: fmt.Sprintf(`
			resource "manifesto_metadata" "test" {
				count   = 2
				image   = %q
				type    = "t"
				content = "x"
			}`, w.ref(":1")),
		ExpectError: regexp.MustCompile(`Metadata declared twice`),
	})
}

// A resource renamed without a moved block keeps its metadata, in whatever order Terraform creates and destroys.
func TestAccMetadataRenamedWithoutMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := func(label string) string {
		return strings.ReplaceAll(w.metadata(`type = "t"
			content = "x"`), `"test"`, fmt.Sprintf("%q", label))
	}
	acceptance(t,
		resource.TestStep{Config: config("test")},
		resource.TestStep{Config: config("renamed"), Check: w.has("t", "x")},
		resource.TestStep{Config: config("renamed"), ConfigPlanChecks: emptyPlan},
	)
}

func TestAccMetadataExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("t", "theirs")
	acceptance(t,
		resource.TestStep{
			Config: w.metadata(`type = "t"
				content = "mine"`),
			ExpectError: words(`Metadata already exists.*` + oci.DigestOf([]byte("theirs")).String()[:20] + `.*overwrite`),
		},
		resource.TestStep{
			Config: w.metadata(`type = "t"
				content = "mine"
				overwrite = true`),
			Check: w.has("t", "mine"),
		},
	)
}

// An apply does not overwrite what another party has changed since the plan.
func TestAccMetadataChangedSincePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.metadata(`type = "t"
			content = "one"`)},
		resource.TestStep{
			PreConfig: func() {
				var interfered atomic.Bool
				w.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
					if r.Method == http.MethodPost && interfered.CompareAndSwap(false, true) {
						w.put("t", "theirs") // The apply uploads its content before it reads the tag.
					}
					return false
				})
			},
			Config: w.metadata(`type = "t"
				content = "two"`),
			ExpectError: regexp.MustCompile(`Metadata changed outside Terraform since the plan`),
		},
		resource.TestStep{
			PreConfig: func() { w.server.Intercept(nil) },
			Config: w.metadata(`type = "t"
				content = "two"`),
			Check: w.has("t", "two"),
		},
	)
}

// The plan of a replacement that would destroy the old metadata and then fail is an error. Nothing is lost, and the
// resource can be destroyed.
func TestAccReplacementConflict(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.metadata("type = \"contact\"\ncontent = \"mine\""))
	c.terraform("apply", "-auto-approve")
	old := w.image
	w.image = w.push("1", "two")
	w.put("contact", "theirs")
	for _, command := range []string{"plan", "apply", "destroy"} {
		args := []string{command}
		if command != "plan" {
			args = append(args, "-auto-approve")
		}
		output, code := c.run(c.tool, args...)
		if code == 0 || !words(`Error: Metadata already exists.*overwrite = true.*-refresh=false`).MatchString(output) {
			t.Errorf("%s: exit code %d\n%s", command, code, output)
		}
	}
	for _, image := range []oci.Digest{old, w.image} {
		if err := w.hasTypes(image, "contact"); err != nil {
			t.Error(err)
		}
	}
	c.terraform("destroy", "-auto-approve", "-refresh=false")
	if err := w.hasTypes(old); err != nil {
		t.Error(err)
	}
	if err := w.has("contact", "theirs")(nil); err != nil {
		t.Error(err)
	}
}

// The plan of a creation warns of metadata that is already there, and reads the manifesto once for all resources.
func TestAccCreateOverExisting(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	w.put("t0", "equal")
	w.put("t1", "theirs")
	w.server.Reset()
	c.write("main.tf", requirement+fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			count   = 50
			image   = %q
			type    = "t${count.index}"
			content = "equal"
		}`, w.ref(":1")))
	output := c.terraform("plan")
	for _, want := range []string{
		`Warning: Metadata is already there.*destroying the resource will remove it`,
		`Warning: Metadata already exists.*Creating this resource will fail`,
	} {
		if !words(want).MatchString(strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(output)) {
			t.Errorf("no %q in\n%s", want, output)
		}
	}
	// A ping, the image, and the manifesto with its layer.
	if requests := w.server.Requests(); len(requests) > 4 {
		t.Errorf("%d requests: %v", len(requests), requests)
	}
}
