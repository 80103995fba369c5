package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// An entry whose type is not in NFC is removed like any other, also beside one whose type is its normal form.
func TestAccRetentionOfTypesOutsideNFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two, three := w.push("2", "two"), w.push("3", "three")
	for _, typ := range []string{decomposed, "contact"} {
		w.putFor(w.image, typ, "stays")
		w.putFor(two, typ, "goes")
	}
	w.putFor(three, composed, "goes")
	w.putFor(three, decomposed, "goes as well")
	stays := []string{decomposed, "contact"}
	acceptance(t,
		resource.TestStep{Config: w.retention("")},
		resource.TestStep{
			PreConfig: func() {
				w.vanish(two)
				w.vanish(three)
			},
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr(retentionAddress, "stale.0", two.String()+"#"+decomposedKey),
				resource.TestCheckResourceAttr(retentionAddress, "stale.1", two.String()+"#contact"),
				resource.TestCheckResourceAttr(retentionAddress, "stale.2", three.String()+"#"+composed),
				resource.TestCheckResourceAttr(retentionAddress, "stale.3", three.String()+"#"+decomposedKey),
			),
		},
		resource.TestStep{
			Config:            w.retention(""),
			ConfigPlanChecks:  plansStale(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{nothingStale()},
			Check:             w.leaves(map[oci.Digest][]string{w.image: stays, two: nil, three: nil}),
		},
		resource.TestStep{Config: w.retention(""), ConfigPlanChecks: emptyPlan},
	)
}

// hang lets requests go unanswered.
func hang(t *testing.T, concerns func(*http.Request) bool) registrytest.Interceptor {
	t.Helper()
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !concerns(r) {
			return false
		}
		<-t.Context().Done() // The request may go on after its caller has given up.
		return true
	}
}

// Each operation ends when its timeout says so, and the error names the limit.
func TestAccRetentionTimeouts(t *testing.T) {
	t.Parallel()
	writes := func(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }
	t.Run("create", func(t *testing.T) {
		t.Parallel()
		w, two := newRetentionWorld(t)
		w.vanish(two)
		w.server.Intercept(hang(t, writes))
		acceptance(t, resource.TestStep{
			Config:      w.retention(`timeouts = { create = "500ms" }`),
			ExpectError: words(`(Interrupted|Timeout).*The limit was 500ms; timeouts.create sets it`),
		})
	})
	t.Run("update", func(t *testing.T) {
		t.Parallel()
		w, two := newRetentionWorld(t)
		acceptance(t,
			resource.TestStep{Config: w.retention("")},
			resource.TestStep{
				PreConfig: func() {
					w.vanish(two)
					w.server.Intercept(hang(t, writes))
				},
				Config:      w.retention(`timeouts = { update = "500ms" }`),
				ExpectError: words(`(Interrupted|Timeout).*The limit was 500ms; timeouts.update sets it`),
			},
		)
	})
	looks := func(w *world) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, w.image.String()) }
	}
	t.Run("plan", func(t *testing.T) {
		t.Parallel()
		w, _ := newRetentionWorld(t)
		w.server.Intercept(hang(t, looks(w)))
		acceptance(t, resource.TestStep{
			Config:      w.retention(`timeouts = { read = "500ms" }`),
			ExpectError: words(`Timeout.*The limit was 500ms; timeouts.read sets it`),
		})
	})
	t.Run("refresh", func(t *testing.T) {
		t.Parallel()
		w, _ := newRetentionWorld(t)
		w.server.Intercept(hang(t, looks(w)))
		c := newCallerOf(t, NewServer("test")(), "manifesto_retention")
		limits := objectType(t, c.typ.AttributeTypes["timeouts"])
		resp, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: c.name,
			CurrentState: c.resource(values{
				"repository": str(w.ref("")), "id": str(w.ref("")),
				"timeouts": tftypes.NewValue(limits, values{
					"create": tftypes.NewValue(tftypes.String, nil), "update": tftypes.NewValue(tftypes.String, nil),
					"read": str("500ms"),
				}),
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.Diagnostics) != 1 || !words(`The limit was 500ms; timeouts.read sets it`).MatchString(
			resp.Diagnostics[0].Detail) {
			t.Errorf("the read says %+v", resp.Diagnostics)
		}
	})
}

// newRetentionWorld returns a registry with metadata of two images, and the second of them.
func newRetentionWorld(t *testing.T) (*world, oci.Digest) {
	t.Helper()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	w.put("contact", "stays")
	w.putFor(two, "contact", "goes")
	return w, two
}

// The commit leaves fields of the other entries, of their images and of the document alone that other tools have set.
func TestAccRetentionKeepsForeignFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two, content := w.push("2", "two"), w.blob("me")
	w.write(fmt.Sprintf(`{"x-tool":{"version":[1,2.50]},"images":[
		{"image_digest":%q,"x-owner":"ops","manifesto":[{"type":"contact","digest":%q,"x-ticket":{"id":"A-1"}}]},
		{"image_digest":%q,"x-gone":true,"manifesto":[{"type":"contact","digest":%[2]q,"x-gone":true}]}]}`,
		w.image, content, two))
	w.vanish(two)
	acceptance(t, resource.TestStep{Config: w.retention(""), Check: func(*terraform.State) error {
		document := w.document()
		for _, want := range []string{`"x-tool":{"version":[1,2.50]}`, `"x-owner":"ops"`, `"x-ticket":{"id":"A-1"}`} {
			if !strings.Contains(document, want) {
				return fmt.Errorf("the manifesto lacks %s: %s", want, document)
			}
		}
		if strings.Contains(document, "x-gone") {
			return fmt.Errorf("the stale entry is still there: %s", document)
		}
		return nil
	}})
}
