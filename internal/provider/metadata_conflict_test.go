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
	w.push("also", "one")
	acceptance(t, resource.TestStep{
		Config: fmt.Sprintf(`
			resource "manifesto_metadata" "test" {
				count   = 2
				image   = "%s:${["1", "also"][count.index]}"
				type    = "t"
				content = "x"
			}`, w.ref("")),
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
