package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func state(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func plannedValue(attribute string, value knownvalue.Check) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func plannedUnknown(attribute string) plancheck.PlanCheck {
	return plancheck.ExpectUnknownValue(address, tfjsonpath.New(attribute))
}

var emptyPlan = planned(plancheck.ExpectEmptyPlan())

// Create, empty second plan, update in place, empty plan, destroy; on every embedded registry.
func TestAccMetadataLifecycle(t *testing.T) {
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			w.put("foreign", "theirs")
			first := oci.DigestOf([]byte("team@example.com")).String()
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				CheckDestroy:             resource.ComposeTestCheckFunc(w.lacks("contact"), w.has("foreign", "theirs")),
				Steps: []resource.TestStep{
					{
						Config: w.metadata(`type = "contact"
							content = "team@example.com"`),
						ConfigPlanChecks: planned(
							action(plancheck.ResourceActionCreate),
							plannedValue("id", knownvalue.StringExact(w.key("contact").String())),
							plannedValue("repository", knownvalue.StringExact(w.ref(""))),
							plannedValue("registry", knownvalue.StringExact(w.server.Host())),
							plannedValue("image_digest", knownvalue.StringExact(w.image.String())),
							plannedValue("digest", knownvalue.StringExact(first)),
							plannedValue("size", knownvalue.Int64Exact(16)),
							plannedValue("media_type", knownvalue.StringExact("text/plain")),
							plannedValue("pinned", knownvalue.Bool(true)),
							plannedValue("overwrite", knownvalue.Bool(false)),
							plannedValue("keep_on_destroy", knownvalue.Bool(false)),
							plannedUnknown("created"),
						),
						Check: w.has("contact", "team@example.com"),
						ConfigStateChecks: []statecheck.StateCheck{
							state("digest", knownvalue.StringExact(first)),
							state("pinned", knownvalue.Bool(true)),
							state("created", knownvalue.StringRegexp(regexp.MustCompile(`^20.*Z$`))),
							state("annotations", knownvalue.Null()),
							state("content_base64", knownvalue.Null()),
						},
					},
					{
						Config: w.metadata(`type = "contact"
							content = "team@example.com"`),
						ConfigPlanChecks: emptyPlan,
					},
					{
						Config: w.metadata(`type = "contact"
							content = "{\"mail\":\"new@example.com\"}"
							annotations = { by = "ops" }`),
						ConfigPlanChecks: planned(
							action(plancheck.ResourceActionUpdate),
							plannedValue("media_type", knownvalue.StringExact("application/json")),
							plannedValue("id", knownvalue.StringExact(w.key("contact").String())),
							plannedUnknown("created"),
						),
						Check: w.has("contact", `{"mail":"new@example.com"}`),
					},
					{
						ResourceName:      address,
						ImportState:       true,
						ImportStateId:     w.ref(":1") + "#contact",
						ImportStateVerify: true,
					},
					{
						ResourceName:            address,
						ImportState:             true,
						ImportStateId:           w.key("contact").String(),
						ImportStateVerify:       true,
						ImportStateVerifyIgnore: []string{"image"},
					},
				},
			})
		})
	}
}

// created moves only with digest, and nothing else that is computed moves without a reason.
func TestAccMetadataAnnotationsMoveNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.metadata(`type = "t"
			content = "x"`)},
		resource.TestStep{
			Config: w.metadata(`type = "t"
				content = "x"
				annotations = { a = "b" }
				timeouts = { create = "3m" }`),
			ConfigPlanChecks: planned(
				action(plancheck.ResourceActionUpdate),
				plannedValue("created", knownvalue.StringRegexp(regexp.MustCompile(`^20.*Z$`))),
				plannedValue("digest", knownvalue.StringExact(oci.DigestOf([]byte("x")).String())),
				plannedValue("size", knownvalue.Int64Exact(1)),
				plannedValue("media_type", knownvalue.StringExact("text/plain")),
				plannedValue("pinned", knownvalue.Bool(true)),
			),
		},
		resource.TestStep{
			Config: w.metadata(`type = "t"
				content = "x"
				annotations = {}`),
			ConfigPlanChecks:  planned(action(plancheck.ResourceActionUpdate)),
			ConfigStateChecks: []statecheck.StateCheck{state("annotations", knownvalue.MapSizeExact(0))},
		},
	)
}

func TestAccMetadataTypeReplaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.metadata(`type = "one"
			content = "x"`)},
		resource.TestStep{
			Config: w.metadata(`type = "two"
				content = "x"`),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionDestroyBeforeCreate)),
			Check:            resource.ComposeTestCheckFunc(w.lacks("one"), w.has("two", "x")),
		},
	)
}

// A tag that moves to another build replaces the metadata; the old build's goes.
func TestAccMetadataTagMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.metadata(`type = "approval"
		content = "yes"`)
	old := w.image
	var moved oci.Digest
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() { moved = w.push("1", "two") },
			Config:    config,
			ConfigPlanChecks: planned(
				action(plancheck.ResourceActionDestroyBeforeCreate),
				plannedValue("image_digest", knownvalue.StringFunc(func(have string) error {
					if have != moved.String() {
						return fmt.Errorf("planned %s, want %s", have, moved)
					}
					return nil
				})),
			),
			Check: func(*terraform.State) error {
				if err := w.hasTypes(old); err != nil {
					return err
				}
				return w.hasTypes(moved, "approval")
			},
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}

func TestAccMetadataKeepOnDestroy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             w.has("t", "kept"),
		Steps: []resource.TestStep{{Config: w.metadata(`type = "t"
			content = "kept"
			keep_on_destroy = true`)}},
	})
}

// Another spelling of the same image updates in place, and puts nothing.
func TestAccMetadataRespelledImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	const rest = `type = "t"
		content = "x"`
	acceptance(t,
		resource.TestStep{Config: w.metadata(rest)},
		resource.TestStep{
			PreConfig:        w.server.Reset,
			Config:           w.metadataOf("@"+w.image.String(), rest),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
			Check: func(*terraform.State) error {
				if puts := w.server.Count(http.MethodPut, ""); puts != 0 {
					return fmt.Errorf("%d PUTs for another spelling", puts)
				}
				return nil
			},
		},
	)
}

// An image that is gone leaves an existing resource alone, with a warning.
func TestAccMetadataImageGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.metadata(`type = "t"
		content = "x"`)
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				if _, err := w.server.Do(context.Background(), http.MethodDelete, "/v2/app/manifests/"+w.image.String(), nil, ""); err != nil {
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

// losePins replaces the pin manifest, as a rival's lost commit would.
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
	if _, err := w.server.Do(context.Background(), http.MethodDelete, "/v2/app/blobs/"+digest.String(), nil, ""); err != nil {
		registrytest.Refused(w.t, "deleting a blob", err)
	}
}

// A foreign writer that knows only type and digest strips the rest. What is configured is repaired;
// what was computed is not asked for and stays silent.
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

func TestAccMetadataSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	file := filepath.Join(t.TempDir(), "profile.json")
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"one":1}`)
	config := w.metadata(fmt.Sprintf("type = \"seccomp\"\nsource = %q", file))
	acceptance(t,
		resource.TestStep{
			Config: config,
			ConfigPlanChecks: planned(
				plannedValue("digest", knownvalue.StringExact(oci.DigestOf([]byte(`{"one":1}`)).String())),
				plannedValue("media_type", knownvalue.StringExact("application/json")),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				state("content", knownvalue.Null()), state("content_base64", knownvalue.Null()),
			},
			Check: w.has("seccomp", `{"one":1}`),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig:        func() { write(`{"two":2}`) },
			Config:           config,
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
			Check:            w.has("seccomp", `{"two":2}`),
		},
		resource.TestStep{ // Drift is repaired from the file.
			PreConfig:         func() { w.put("seccomp", "theirs") },
			Config:            config,
			ConfigPlanChecks:  planned(action(plancheck.ResourceActionUpdate)),
			Check:             w.has("seccomp", `{"two":2}`),
			ConfigStateChecks: []statecheck.StateCheck{state("content", knownvalue.Null())},
		},
		resource.TestStep{ // A file that is gone keeps nobody from changing what is not about the content.
			PreConfig: func() {
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
			},
			Config: w.metadata(fmt.Sprintf("type = \"seccomp\"\nsource = %q\nannotations = { a = \"b\" }", file)),
			Check:  w.has("seccomp", `{"two":2}`),
		},
		resource.TestStep{Config: config, Destroy: true}, // Nor from destroying it.
	)
}

func TestAccMetadataBinary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	binary := "\x00\xff\xfe binary"
	encoded := base64.StdEncoding.EncodeToString([]byte(binary))
	config := w.metadata(fmt.Sprintf("type = \"t\"\ncontent_base64 = %q", encoded))
	acceptance(t,
		resource.TestStep{
			Config:           config,
			ConfigPlanChecks: planned(plannedValue("media_type", knownvalue.StringExact("application/octet-stream"))),
			Check:            w.has("t", binary),
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateId: w.ref(":1") + "#t", ImportStateVerify: true},
		resource.TestStep{ // Drift from binary to text shows in the attribute that carries it.
			PreConfig:          func() { w.put("t", "text") },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
		},
		resource.TestStep{Config: config, ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)), Check: w.has("t", binary)},
	)
}

// Terraform normalises strings to NFC: decomposed text comes back as base64, so that nothing changes
// silently.
func TestAccMetadataNFC(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	const composed, decomposed = "caf\u00e9", "cafe\u0301"
	config := w.metadata(fmt.Sprintf("type = \"t\"\ncontent = \"%s\"", decomposed))
	acceptance(t,
		resource.TestStep{Config: config, Check: w.has("t", composed)},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		resource.TestStep{PreConfig: func() { w.put("t", decomposed) }, RefreshState: true, ExpectNonEmptyPlan: true,
			Check: resource.ComposeTestCheckFunc(
				resource.TestCheckNoResourceAttr(address, "content"),
				resource.TestCheckResourceAttr(address, "content_base64", base64.StdEncoding.EncodeToString([]byte(decomposed))),
			)},
		resource.TestStep{Config: config, ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)), Check: w.has("t", composed)},
	)
}

func TestAccMetadataWriteOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := func(content string, version int) string {
		return w.metadata(fmt.Sprintf("type = \"t\"\ncontent_wo = %q\ncontent_wo_version = %d", content, version))
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_11_0)},
		Steps: []resource.TestStep{
			{
				Config:           config("hidden", 1),
				ConfigPlanChecks: planned(plannedUnknown("digest"), plannedUnknown("size"), plannedUnknown("media_type")),
				Check:            w.has("t", "hidden"),
				ConfigStateChecks: []statecheck.StateCheck{
					state("content_wo", knownvalue.Null()), state("content", knownvalue.Null()),
					state("digest", knownvalue.StringExact(oci.DigestOf([]byte("hidden")).String())),
				},
			},
			{Config: config("hidden", 1), ConfigPlanChecks: emptyPlan},
			{Config: config("other", 1), ConfigPlanChecks: emptyPlan, Check: w.has("t", "hidden")},
			{ // Another attribute's change does not store the value of a version that was stored already.
				Config: w.metadata(`type = "t"
					content_wo = "other"
					content_wo_version = 1
					annotations = { a = "b" }`),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate),
					plannedValue("digest", knownvalue.StringExact(oci.DigestOf([]byte("hidden")).String()))),
				Check: w.has("t", "hidden"),
			},
			{
				Config:           config("other", 2),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("digest")),
				Check:            w.has("t", "other"),
			},
			{ // The registry no longer has what was applied.
				PreConfig:        func() { w.put("t", "theirs") },
				Config:           config("other", 2),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("digest")),
				Check:            w.has("t", "other"),
			},
			{Config: config("other", 2), ConfigPlanChecks: emptyPlan},
			{ // From write-only to plain content and back.
				Config: w.metadata(`type = "t"
					content = "plain"`),
				Check: w.has("t", "plain"),
			},
			{Config: config("again", 3), Check: w.has("t", "again")},
		},
	})
}

func TestAccMetadataPlatform(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	index, children, err := registrytest.PushIndex(context.Background(), w.remote, "multi", "m", "linux/amd64", "linux/arm64/v8", "unknown/unknown")
	if err != nil {
		t.Fatal(err)
	}
	config := func(platform string) string {
		return w.metadataOf(":multi", "type = \"t\"\ncontent = \"x\"\n"+platform)
	}
	arm := children["linux/arm64/v8"]
	acceptance(t,
		resource.TestStep{
			Config:            config(""),
			ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(index.String()))},
		},
		resource.TestStep{
			Config:            config(`platform = "linux/arm64"`),
			ConfigPlanChecks:  planned(action(plancheck.ResourceActionDestroyBeforeCreate)),
			ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(arm.String()))},
			Check: func(*terraform.State) error {
				if err := w.hasTypes(index); err != nil {
					return err
				}
				return w.hasTypes(arm, "t")
			},
		},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateId: w.ref("@" + arm.String() + "#t"),
			ImportStateVerify: true, ImportStateVerifyIgnore: []string{"image", "platform"},
		},
		resource.TestStep{Config: config(`platform = "linux/s390x"`), ExpectError: regexp.MustCompile(`Platform not found(.|\n)*linux/amd64, linux/arm64/v8`)},
		resource.TestStep{Config: w.metadata(`type = "t"
			content = "x"
			platform = "linux/amd64"`), ExpectError: regexp.MustCompile(`Not a multi-platform image`)},
	)
}

func TestAccMetadataImportByIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{
				Config: w.metadataOf("@"+w.image.String(), `type = "t"
					content = "x"`),
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"repository":   knownvalue.StringExact(w.ref("")),
					"image_digest": knownvalue.StringExact(w.image.String()),
					"type":         knownvalue.StringExact("t"),
				})},
			},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithID, ImportStateId: w.ref("@" + w.image.String() + "#t")},
		},
	})
}

func TestAccMetadataImportErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("there", "x")
	config := w.metadata(`type = "there"
		content = "x"`)
	fails := func(id, pattern string) resource.TestStep {
		return resource.TestStep{
			Config: config, ResourceName: address, ImportState: true, ImportStateId: id, ExpectError: regexp.MustCompile(pattern),
		}
	}
	acceptance(t,
		fails(w.ref(":1"), `Invalid import id`),
		fails(w.ref(":1#"), `Invalid import id`),
		fails("UPPER CASE#t", `Malformed image reference`),
		fails(w.ref(":1#gone"), `No such metadata(.|\n)*It has\s+"there"`),
		fails(w.ref(":none#t"), `not found`),
	)
}

// Two resources, or two tags, that are one piece of metadata: an error, not a fight.
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

// A renamed resource without a moved block: whichever of create and destroy comes first, the metadata
// is there afterwards.
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
			ExpectError: regexp.MustCompile(`Metadata already exists(.|\n)*` + oci.DigestOf([]byte("theirs")).String()[:20] + `(.|\n)*overwrite`),
		},
		resource.TestStep{
			Config: w.metadata(`type = "t"
				content = "mine"
				overwrite = true`),
			Check: w.has("t", "mine"),
		},
	)
}

// What another party changes between plan and apply is not overwritten.
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
						w.put("t", "theirs") // The apply uploads its content before it looks.
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

// Values that are unknown at plan pass through, and are known after.
func TestAccMetadataUnknownValues(t *testing.T) {
	t.Parallel()
	for _, attribute := range []string{"image", "type", "content", "content_base64", "media_type", "platform", "annotations"} {
		t.Run(attribute, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			if _, _, err := registrytest.PushIndex(context.Background(), w.remote, "multi", "m", "linux/amd64"); err != nil {
				t.Fatal(err)
			}
			values := map[string]string{"image": fmt.Sprintf("%q", w.ref(":1")), "type": `"t"`, "content": `"x"`}
			literal := map[string]string{
				"image": w.ref(":1"), "type": "t", "content": "x", "content_base64": "eA==", "media_type": "text/x", "platform": "linux/amd64", "annotations": "b",
			}[attribute]
			switch attribute {
			case "content_base64":
				delete(values, "content")
			case "platform":
				values["image"] = fmt.Sprintf("%q", w.ref(":multi"))
			}
			unknown := map[string][]string{
				"image":          {"image_digest", "repository", "registry", "id"},
				"platform":       {"image_digest", "id"},
				"type":           {"id"},
				"content":        {"digest", "size", "media_type", "created"},
				"content_base64": {"digest", "size", "media_type", "created"},
				"media_type":     {"media_type"},
			}[attribute]
			values[attribute] = "terraform_data.later.output"
			if attribute == "annotations" {
				values[attribute] = "{ a = terraform_data.later.output }"
			}
			var lines []string
			for name, value := range values {
				lines = append(lines, name+" = "+value)
			}
			config := fmt.Sprintf("resource \"terraform_data\" \"later\" {\n  input = %q\n}\nresource \"manifesto_metadata\" \"test\" {\n%s\n}\n",
				literal, strings.Join(lines, "\n"))
			checks := []plancheck.PlanCheck{action(plancheck.ResourceActionCreate)}
			for _, name := range unknown {
				checks = append(checks, plannedUnknown(name))
			}
			acceptance(t,
				resource.TestStep{Config: config, ConfigPlanChecks: planned(checks...)},
				resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
			)
		})
	}
}
