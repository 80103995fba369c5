package provider

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A missing image leaves an existing resource unchanged, with a warning.
func TestAccMetadataImageGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.metadata(`type = "t"
		content = "x"`)
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				if _, err := w.server.Do(
					context.Background(), http.MethodDelete, "/v2/app/manifests/"+w.image.String(), nil, "",
				); err != nil {
					registrytest.Refused(t, "deleting an image", err)
				}
			},
			Config:           config,
			ConfigPlanChecks: emptyPlan,
		},
	)
}

func TestAccMetadataDrift(t *testing.T) {
	config := func(w *world) string {
		return w.metadata(`type = "t"
			content = "mine"`)
	}
	tests := map[string]struct {
		drift func(w *world)
		want  plancheck.ResourceActionType
		diff  []plancheck.PlanCheck
	}{
		"content": {
			func(w *world) { w.put("t", "theirs") }, plancheck.ResourceActionUpdate, nil,
		},
		"removal": {
			func(w *world) { w.remove("t") }, plancheck.ResourceActionCreate, nil,
		},
		"the whole manifesto": {
			func(w *world) { w.write(`{"images":[]}`) }, plancheck.ResourceActionCreate, nil,
		},
		"lost pin": {
			func(w *world) { w.losePins() }, plancheck.ResourceActionUpdate, nil,
		},
		"lost content": {
			func(w *world) {
				w.losePins()
				w.deleteBlob(oci.DigestOf([]byte("mine")))
			}, plancheck.ResourceActionUpdate, nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			acceptance(t,
				resource.TestStep{Config: config(w)},
				resource.TestStep{
					PreConfig:          func() { test.drift(w) },
					RefreshState:       true,
					ExpectNonEmptyPlan: true,
				},
				resource.TestStep{
					Config:            config(w),
					ConfigPlanChecks:  planned(action(test.want), plannedValue("pinned", knownvalue.Bool(true))),
					Check:             w.has("t", "mine"),
					ConfigStateChecks: []statecheck.StateCheck{state("pinned", knownvalue.Bool(true))},
				},
				resource.TestStep{Config: config(w), ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// losePins replaces the pin manifest, as a rival commit could.
func (w *world) losePins() {
	w.t.Helper()
	m, err := w.remote.GetManifest(context.Background(), "1")
	if err == nil {
		err = w.remote.PutManifest(context.Background(), "_manifesto.pins", m, time.Time{})
	}
	if err != nil {
		w.t.Fatalf("losing the pins: %v", err)
	}
}

func (w *world) deleteBlob(digest oci.Digest) {
	w.t.Helper()
	if _, err := w.server.Do(
		context.Background(), http.MethodDelete, "/v2/app/blobs/"+digest.String(), nil, "",
	); err != nil {
		registrytest.Refused(w.t, "deleting a blob", err)
	}
}

// A foreign writer that knows only type and digest removes the other fields. The plan restores configured values only.
func TestAccMetadataStrippedByForeignWriter(t *testing.T) {
	t.Run("computed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, registrytest.Options{})
		config := w.metadata(`type = "t"
			content = "{}"`)
		acceptance(t,
			resource.TestStep{Config: config},
			resource.TestStep{PreConfig: func() { w.strip("t") }, Config: config, ConfigPlanChecks: emptyPlan},
		)
	})
	t.Run("configured", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, registrytest.Options{})
		config := w.metadata(`type = "t"
			content = "{}"
			media_type = "application/vnd.example+json"
			annotations = { by = "ops" }`)
		acceptance(t,
			resource.TestStep{Config: config},
			resource.TestStep{
				PreConfig:        func() { w.strip("t") },
				Config:           config,
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
				Check: func(*terraform.State) error {
					piece, err := w.store().Get(context.Background(), w.key("t"))
					if err != nil || piece.MediaType != "application/vnd.example+json" || piece.Annotations["by"] != "ops" {
						return fmt.Errorf("after the repair: %+v, %w", piece, err)
					}
					return nil
				},
			},
		)
	})
}
