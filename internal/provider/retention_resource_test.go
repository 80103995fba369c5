package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

const retentionAddress = "manifesto_retention.test"

// retention is the configuration of manifesto_retention.test, about app.
func (w *world) retention(attributes string) string { return retentionConfig(w.ref(""), attributes) }

func retentionConfig(repository, attributes string) string {
	return fmt.Sprintf("resource \"manifesto_retention\" \"test\" {\n  repository = %q\n%s\n}\n", repository, attributes)
}

// vanish deletes an image from the registry.
func (w *world) vanish(image oci.Digest) {
	w.t.Helper()
	path := "/v2/app/manifests/" + image.String()
	if _, err := w.server.Do(context.Background(), http.MethodDelete, path, nil, ""); err != nil {
		w.t.Fatal(err)
	}
}

// leaves checks which types each image has.
func (w *world) leaves(want map[oci.Digest][]string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		var problems []error
		for image, types := range want {
			problems = append(problems, w.hasTypes(image, types...))
		}
		return errors.Join(problems...)
	}
}

// plansStale checks what an existing resource shows as stale, and that the plan ends that.
func plansStale(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return planned(
		plancheck.ExpectResourceAction(retentionAddress, action),
		plancheck.ExpectKnownValue(retentionAddress, tfjsonpath.New("stale"), knownvalue.ListSizeExact(0)),
	)
}

// nothingStale checks that the state shows nothing to remove.
func nothingStale() statecheck.StateCheck {
	return statecheck.ExpectKnownValue(retentionAddress, tfjsonpath.New("stale"), texts())
}

// The creation removes what is stale, an update what becomes stale later, and the destruction nothing.
func TestAccRetention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	one, two, three := w.image, w.push("2", "two"), w.push("3", "three")
	for _, image := range []oci.Digest{one, two, three} {
		w.putFor(image, "contact", "me")
		w.putFor(image, "scan/cve", image.String())
	}
	w.vanish(two)
	both := []string{"contact", "scan/cve"}
	acceptance(t,
		resource.TestStep{
			Config:            w.retention(""),
			ConfigPlanChecks:  plansStale(plancheck.ResourceActionCreate),
			ConfigStateChecks: []statecheck.StateCheck{nothingStale()},
			Check:             w.leaves(map[oci.Digest][]string{one: both, two: nil, three: both}),
		},
		resource.TestStep{Config: w.retention(""), ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig:          func() { w.vanish(three) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr(retentionAddress, "stale.#", "2"),
				resource.TestCheckResourceAttr(retentionAddress, "stale.0", three.String()+"#contact"),
				resource.TestCheckResourceAttr(retentionAddress, "stale.1", three.String()+"#scan/cve"),
			),
		},
		resource.TestStep{
			Config:            w.retention(""),
			ConfigPlanChecks:  plansStale(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{nothingStale()},
			Check:             w.leaves(map[oci.Digest][]string{one: both, two: nil, three: nil}),
		},
		resource.TestStep{Config: w.retention(""), ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig: func() { w.putFor(two, "contact", "left when it was destroyed") },
			Config:    w.retention(""), Destroy: true,
		},
	)
	if err := w.leaves(map[oci.Digest][]string{one: both, two: {"contact"}})(nil); err != nil {
		t.Error(err)
	}
}

// An update is one commit, whoever declared the metadata.
func TestAccRetentionIsOneCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	config := w.metadata(some+"\nlifecycle { ignore_changes = all }") + w.retention("")
	two := w.push("2", "two")
	for i := range 12 {
		_, err := w.store().Put(t.Context(), manifesto.Put{
			Key:     manifesto.Key{Repository: w.remote.Repository(), Image: two, Type: fmt.Sprint("t", i)},
			Content: []byte("x"), Reference: fmt.Sprint("tag-", i%2),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	puts := func(want int) resource.TestCheckFunc {
		return func(*terraform.State) error {
			if n := w.server.Count(http.MethodPut, "/manifests/_manifesto") -
				w.server.Count(http.MethodPut, "/manifests/_manifesto.pins"); n != want {
				return fmt.Errorf("the manifesto was put %d times, want %d", n, want)
			}
			return nil
		}
	}
	acceptance(t,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: func() {
				w.vanish(two)
				w.server.Reset()
			},
			Config: config,
			Check: resource.ComposeAggregateTestCheckFunc(
				puts(1), w.leaves(map[oci.Digest][]string{w.image: {"t"}, two: nil}),
			),
		},
	)
}

func TestAccRetentionTypes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attributes string
		left       []string
	}{
		"all":            {"", nil},
		"types":          {`types = ["scan/*"]`, []string{"approval", "contact"}},
		"kept types":     {`keep_types = ["approval", "c*"]`, []string{"approval", "contact"}},
		"both":           {"types = [\"*a*\"]\nkeep_types = [\"scan/*\"]", []string{"scan/cve"}},
		"a type of none": {`types = ["sbom"]`, []string{"approval", "contact", "scan/cve"}},
		"no types":       {`types = []`, []string{"approval", "contact", "scan/cve"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			w.put("contact", "stays")
			two := w.push("2", "two")
			for _, typ := range []string{"contact", "approval", "scan/cve"} {
				w.putFor(two, typ, "x")
			}
			w.vanish(two)
			acceptance(t,
				resource.TestStep{
					Config: w.retention(test.attributes),
					Check:  w.leaves(map[oci.Digest][]string{w.image: {"contact"}, two: test.left}),
				},
				resource.TestStep{Config: w.retention(test.attributes), ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// Other types may make other metadata stale. The plan looks for it, and the apply removes it.
func TestAccRetentionOfOtherTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "stays")
	two := w.push("2", "two")
	w.putFor(two, "contact", "x")
	w.putFor(two, "approval", "x")
	w.vanish(two)
	acceptance(t,
		resource.TestStep{
			Config: w.retention(`types = ["approval"]`), Check: w.leaves(map[oci.Digest][]string{two: {"contact"}}),
		},
		resource.TestStep{
			Config:           w.retention(`keep_types = ["approval"]`),
			ConfigPlanChecks: plansStale(plancheck.ResourceActionUpdate),
			Check:            w.leaves(map[oci.Digest][]string{two: nil, w.image: {"contact"}}),
		},
		resource.TestStep{Config: w.retention(`keep_types = ["approval"]`), ConfigPlanChecks: emptyPlan},
		// What was stale with other types does not go without being shown.
		resource.TestStep{
			PreConfig: func() { w.putFor(two, "contact", "x") },
			Config:    w.retention(`types = ["approval"]`),
			Check:     w.leaves(map[oci.Digest][]string{two: {"contact"}}),
		},
	)
}

// If the registry has none of the images, the plan is an error, for a new resource and for an existing one.
func TestAccRetentionRefusesToEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	w.vanish(w.image)
	refused := words(`No image is left.*repository\s+=.*` + w.image.String() + `#contact.*allow_empty = true`)
	acceptance(t,
		resource.TestStep{Config: w.retention(""), ExpectError: refused},
		resource.TestStep{Config: w.retention("allow_empty = false"), ExpectError: refused},
		resource.TestStep{Config: w.retention(`types = ["contact"]`), ExpectError: refused},
		// Nothing is to be removed.
		resource.TestStep{Config: w.retention(`types = ["approval"]`), Check: w.has("contact", "me")},
		resource.TestStep{Config: w.retention(`types = ["*"]`), ExpectError: refused},
		resource.TestStep{
			PreConfig: func() { w.putFor(w.image, "approval", "yes") },
			Config:    w.retention(`types = ["approval"]`), ExpectError: words(`No image is left`),
		},
		// Terraform plans before it destroys, and the error does not make that impossible.
		resource.TestStep{
			Config: w.retention("types = [\"approval\"]\nallow_empty = true"),
			Check:  w.leaves(map[oci.Digest][]string{w.image: {"contact"}}),
		},
		resource.TestStep{Config: w.retention("allow_empty = true"), Check: w.leaves(map[oci.Digest][]string{w.image: nil})},
		resource.TestStep{Config: w.retention("allow_empty = true"), ConfigPlanChecks: emptyPlan},
	)
}

// Images with other metadata show that the registry does not hide all images.
func TestAccRetentionLooksAtOtherImages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	two := w.push("2", "two")
	w.putFor(two, "approval", "yes")
	w.vanish(two)
	acceptance(t, resource.TestStep{
		Config: w.retention(`types = ["approval"]`),
		Check:  w.leaves(map[oci.Digest][]string{w.image: {"contact"}, two: nil}),
	})
}

// What nobody knows at plan is looked for at apply, with the same refusal.
func TestAccRetentionUnknown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attributes string
		allGone    bool
	}{
		"repository":  {"repository = terraform_data.later.output.repository", false},
		"types":       {"types = [terraform_data.later.output.type]", false},
		"keep_types":  {"keep_types = terraform_data.later.output.none", false},
		"allow_empty": {"allow_empty = terraform_data.later.output.no", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			w.put("contact", "stays")
			two := w.push("2", "two")
			w.putFor(two, "contact", "x")
			w.vanish(two)
			if test.allGone {
				w.vanish(w.image)
			}
			attributes := test.attributes
			if name != "repository" {
				attributes += fmt.Sprintf("\nrepository = %q", w.ref(""))
			}
			config := fmt.Sprintf(`
				resource "terraform_data" "later" {
					input = { repository = %q, type = "contact", none = toset([]), no = false }
				}
				resource "manifesto_retention" "test" {
					%s
				}`, w.ref(""), attributes)
			if test.allGone {
				acceptance(t, resource.TestStep{Config: config, ExpectError: words(`No image is left`)})
				if err := w.has("contact", "stays")(nil); err != nil {
					t.Error(err)
				}
				return
			}
			acceptance(t,
				resource.TestStep{Config: config, Check: w.leaves(map[oci.Digest][]string{w.image: {"contact"}, two: nil})},
				resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// Settings that are known at apply only leave plan and refresh without a request to the registry.
func TestAccRetentionUnknownSettings(t *testing.T) {
	t.Parallel()
	w := secured(t)
	w.put("contact", "stays")
	two := w.push("2", "two")
	w.putFor(two, "contact", "x")
	w.server.Intercept(hide(two.String(), new(atomic.Bool)))
	config := func(version int) string {
		return fmt.Sprintf(`
			resource "terraform_data" "password" {
				input            = %q
				triggers_replace = %d
			}
			provider "manifesto" {
				registries = { %q = { username = %q, password = terraform_data.password.output } }
			}`, secret, version, w.server.Host(), user) + "\n" + w.retention("")
	}
	acceptance(t,
		resource.TestStep{
			Config: config(1),
			ConfigPlanChecks: planned(
				plancheck.ExpectUnknownValue(retentionAddress, tfjsonpath.New("id")),
				plancheck.ExpectKnownValue(retentionAddress, tfjsonpath.New("stale"), knownvalue.ListSizeExact(0)),
			),
			Check: w.leaves(map[oci.Digest][]string{w.image: {"contact"}, two: nil}),
		},
		resource.TestStep{
			Config:           config(2),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(retentionAddress, plancheck.ResourceActionNoop)),
		},
		resource.TestStep{Config: config(2), ConfigPlanChecks: emptyPlan},
	)
}

// hide answers 404 for an image while shown is false.
func hide(image string, shown *atomic.Bool) registrytest.Interceptor {
	return func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if shown.Load() || !strings.HasSuffix(r.URL.Path, "/manifests/"+image) {
			return false
		}
		registrytest.Refuse(rw, http.StatusNotFound, "MANIFEST_UNKNOWN", "hidden")
		return true
	}
}

func TestAccRetentionImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	two := w.push("2", "two")
	steps := []resource.TestStep{
		{Config: w.retention("")},
		{ResourceName: retentionAddress, ImportState: true, ImportStateId: w.ref(""), ImportStateVerify: true},
		{
			PreConfig: func() {
				w.putFor(two, "approval", "yes")
				w.vanish(two)
			},
			ResourceName: retentionAddress, ImportState: true, ImportStateId: w.ref(""),
			ImportStateCheck: func(states []*terraform.InstanceState) error {
				if found := states[0].Attributes["stale.0"]; found != two.String()+"#approval" {
					return fmt.Errorf("the import finds %q", found)
				}
				return nil
			},
		},
		{
			ResourceName: retentionAddress, ImportState: true, ImportStateId: w.ref(":1"),
			ExpectError: words(`Malformed repository.*leave out its tag or digest`),
		},
		{Config: w.retention("")},
	}
	acceptance(t, steps...)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{
				Config: w.retention(""),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectIdentity(retentionAddress, map[string]knownvalue.Check{
						"repository": knownvalue.StringExact(w.ref("")),
					}),
				},
			},
			{ResourceName: retentionAddress, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
		},
	})
}

// A repository without a manifesto has nothing stale. Another repository replaces the resource.
func TestAccRetentionOfOtherRepositories(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	spelled := strings.Replace(w.ref(""), "127.0.0.1", "localhost", 1)
	acceptance(t,
		resource.TestStep{Config: w.retention(""), ConfigStateChecks: []statecheck.StateCheck{nothingStale()}},
		resource.TestStep{
			Config:           retentionConfig(w.server.Host()+"/unknown", ""),
			ConfigPlanChecks: plansStale(plancheck.ResourceActionDestroyBeforeCreate),
		},
		resource.TestStep{Config: retentionConfig(spelled, ""), ConfigPlanChecks: planned(
			plancheck.ExpectResourceAction(retentionAddress, plancheck.ResourceActionDestroyBeforeCreate),
		)},
		resource.TestStep{Config: providerConfig(fmt.Sprintf("default_registry = %q", w.server.Host())) +
			retentionConfig("app", ""), ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(retentionAddress, tfjsonpath.New("id"), knownvalue.StringExact(w.ref(""))),
		}},
		resource.TestStep{
			Config:           providerConfig(fmt.Sprintf("default_registry = %q", w.server.Host())) + w.retention(""),
			ConfigPlanChecks: plansStale(plancheck.ResourceActionUpdate),
		},
	)
}

func TestAccRetentionErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, want string }{
		"a tag":   {retentionConfig("localhost:1/app:1", ""), `Malformed repository.*leave out its tag or digest`},
		"pattern": {retentionConfig("localhost:1/app", `keep_types = ["["]`), `Malformed pattern`},
		"timeout": {
			retentionConfig("localhost:1/app", `timeouts = { update = "soon" }`), `timeouts.update = "soon" is not a duration`,
		},
		"unreachable": {
			providerConfig("max_retries = 0") + retentionConfig("localhost:1/app", ""),
			`Registry unreachable.*repository\s+=.*Looking for stale metadata in repository localhost:1/app failed`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{Config: test.config, ExpectError: words(test.want)})
		})
	}
}

func TestAccRetentionOfALayout(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	one, gone := b.add("1"), oci.DigestOf([]byte("gone"))
	b.change(one, "contact", "me")
	b.change(gone, "contact", "me")
	config := retentionConfig(b.ref(""), "")
	acceptance(t,
		resource.TestStep{Config: config, Check: func(*terraform.State) error {
			images, err := b.store().Images(context.Background(), b.key(one, "").Repository)
			if err != nil || len(images) != 1 || images[0].Digest != one {
				return fmt.Errorf("left: %v, %w", images, err)
			}
			return nil
		}},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}
