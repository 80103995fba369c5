package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

const bulkAddress = "manifesto_repository_metadata.test"

// all is the configuration of manifesto_repository_metadata.test: contact of the images of app.
func (w *world) all(attributes string) string { return w.allOf("contact", attributes) }

func (w *world) allOf(typ, attributes string) string {
	return fmt.Sprintf("resource \"manifesto_repository_metadata\" \"test\" {\n  repository = %q\n  type = %q\n%s\n}\n",
		w.ref(""), typ, attributes)
}

// images is the attribute images with keys and contents in turn.
func images(keysAndContents ...string) string {
	var text strings.Builder
	text.WriteString("images = {\n")
	for i := 0; i < len(keysAndContents); i += 2 {
		fmt.Fprintf(&text, "  %q = %q\n", keysAndContents[i], keysAndContents[i+1])
	}
	text.WriteString("}\n")
	return text.String()
}

func bulkAction(a plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(bulkAddress, a)
}

// inBulk checks an attribute of the state.
func inBulk(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(bulkAddress, tfjsonpath.New(attribute), value)
}

// textsExact checks a map with keys and values in turn.
func textsExact(keysAndValues ...string) knownvalue.Check {
	want := map[string]knownvalue.Check{}
	for i := 0; i < len(keysAndValues); i += 2 {
		want[keysAndValues[i]] = knownvalue.StringExact(keysAndValues[i+1])
	}
	return knownvalue.MapExact(want)
}

// contacts checks which images of the registry have which contact, in turn.
func (w *world) contacts(want map[oci.Digest]string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		ctx := context.Background()
		store := w.store()
		found, err := store.Images(ctx, w.remote.Repository())
		if err != nil {
			return err
		}
		have := map[oci.Digest]string{}
		for _, image := range found {
			for _, entry := range image.Entries {
				if entry.Type != "contact" {
					continue
				}
				content, _, err := store.Content(ctx, w.remote.Repository(), entry)
				if err != nil {
					return err
				}
				have[image.Digest] = string(content)
			}
		}
		if fmt.Sprint(have) != fmt.Sprint(want) {
			return fmt.Errorf("the registry has %v, want %v", have, want)
		}
		return nil
	}
}

// removeFor deletes metadata of another image outside Terraform.
func (w *world) removeFor(image oci.Digest, typ string) {
	w.t.Helper()
	other := *w
	other.image = image
	other.remove(typ)
}

// The life of the resource: creation, an empty second plan, changes of single elements in one commit each, and the end.
func TestAccRepositoryMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two, three := w.push("2", "two"), w.push("3", "three")
	w.put("other", "stays")
	config := w.all(images("1", "one", two.String(), "two") + `images_base64 = { "3" = base64encode("three") }`)
	acceptance(t,
		resource.TestStep{
			Config:           config,
			ConfigPlanChecks: planned(bulkAction(plancheck.ResourceActionCreate)),
			ConfigStateChecks: checks{
				inBulk("id", knownvalue.StringExact(w.ref("")+"#contact")),
				inBulk("images", textsExact("1", "one", two.String(), "two")),
				inBulk("images_base64", textsExact("3", "dGhyZWU=")),
				inBulk("image_digests", textsExact("1", w.image.String(), two.String(), two.String(), "3", three.String())),
				inBulk("digests", textsExact("1", oci.DigestOf([]byte("one")).String(),
					two.String(), oci.DigestOf([]byte("two")).String(), "3", oci.DigestOf([]byte("three")).String())),
				inBulk("pinned", knownvalue.Bool(true)),
				inBulk("media_type", knownvalue.Null()),
			},
			Check: w.contacts(map[oci.Digest]string{w.image: "one", two: "two", three: "three"}),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig: w.server.Reset,
			Config:    w.all(images("1", "one", two.String(), "changed") + `images_base64 = { "3" = base64encode("three") }`),
			ConfigPlanChecks: planned(
				bulkAction(plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(bulkAddress, tfjsonpath.New("digests"), textsExact(
					"1", oci.DigestOf([]byte("one")).String(), two.String(), oci.DigestOf([]byte("changed")).String(),
					"3", oci.DigestOf([]byte("three")).String())),
			),
			Check: resource.ComposeTestCheckFunc(
				w.contacts(map[oci.Digest]string{w.image: "one", two: "changed", three: "three"}),
				w.oneCommit(),
			),
		},
		resource.TestStep{
			Config: w.all(images("1", "one")),
			Check:  w.contacts(map[oci.Digest]string{w.image: "one"}),
		},
		resource.TestStep{
			Config: w.all("images = {}"),
			Check:  resource.ComposeTestCheckFunc(w.contacts(nil), w.has("other", "stays")),
		},
		resource.TestStep{Config: w.all("images = {}"), ConfigPlanChecks: emptyPlan},
		resource.TestStep{Config: config},
		resource.TestStep{
			Config: config, Destroy: true,
			Check: resource.ComposeTestCheckFunc(w.contacts(nil), w.has("other", "stays")),
		},
	)
}

// commits counts how often the manifesto was stored since the last reset of the server's log.
func (w *world) commits() (n int) {
	for _, r := range w.server.Requests() {
		if r.Method == http.MethodPut && strings.HasSuffix(r.Path, "/manifests/"+format.Tag) {
			n++
		}
	}
	return n
}

// oneCommit checks that the last step has changed the manifesto once, and uploaded one content.
func (w *world) oneCommit() resource.TestCheckFunc {
	return func(*terraform.State) error {
		commits, uploads := w.commits(), w.server.Count(http.MethodPost, "/blobs/uploads")
		if commits != 1 || uploads != 3 { // The content, the config and the layer.
			return fmt.Errorf("%d commits with %d uploads, want 1 with 3", commits, uploads)
		}
		return nil
	}
}

// Keys that name one image share its entry if their contents are equal.
func TestAccRepositoryMetadataSharedImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.push("stable", "one")
	two := w.push("2", "two")
	digest := w.image.String()
	acceptance(t,
		resource.TestStep{
			Config:      w.all(images("1", "a", "stable", "b")),
			ExpectError: words(`Different contents for one image.*"1" and "stable" name image sha256:`),
		},
		resource.TestStep{
			Config:      w.all(images("1", "a", digest, "b")),
			ExpectError: words(`Different contents for one image.*"1" and "sha256:[0-9a-f]+" name image sha256:`),
		},
		resource.TestStep{
			Config: w.all(images("1", "a", "stable", "a", digest, "a")),
			ConfigStateChecks: checks{
				inBulk("image_digests", textsExact("1", digest, "stable", digest, digest, digest)),
			},
			Check: w.contacts(map[oci.Digest]string{w.image: "a"}),
		},
		// The last key to name an image decides what becomes of its entry.
		resource.TestStep{
			PreConfig: func() { w.push("stable", "two") },
			Config:    w.all(images("1", "a", "stable", "a")),
			Check:     w.contacts(map[oci.Digest]string{w.image: "a", two: "a"}),
		},
		resource.TestStep{
			Config: w.all(images("stable", "a")),
			Check:  w.contacts(map[oci.Digest]string{two: "a"}),
		},
		resource.TestStep{Config: w.all(images("stable", "a")), ConfigPlanChecks: emptyPlan},
	)
}

// What is wrong with a configuration is said at plan, on the element.
func TestAccRepositoryMetadataInvalid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	var many strings.Builder
	for i := range 14 {
		fmt.Fprintf(&many, "\"-%d\" = \"x\"\n", i)
	}
	for name, test := range map[string]struct{ attributes, want string }{
		"no images":       {"", `No images.*Neither images nor images_base64`},
		"reference":       {`images = { "ghcr.io/a/b:1" = "x" }`, `Malformed tag or digest.*without the repository's name`},
		"not a tag":       {`images = { "-1" = "x" }`, `Malformed tag or digest.*"-1" is not a tag`},
		"other algorithm": {`images = { "sha512:00" = "x" }`, `Malformed tag or digest.*not a sha256 digest`},
		"short digest":    {`images = { "sha256:00" = "x" }`, `Malformed tag or digest.*64 hexadecimal digits`},
		"the manifesto":   {`images = { "_manifesto.pins" = "x" }`, `Not an image to describe`},
		"both": {`images = { "1" = "x" }` + "\n" + `images_base64 = { "1" = "eA==" }`,
			`Image declared twice.*"1": The key is in images and in images_base64`},
		"null":       {`images = { "1" = null }`, `Image without content.*"1": The content is null`},
		"empty":      {`images = { "1" = "" }`, `Empty content.*"1": Metadata cannot be empty`},
		"not base64": {`images_base64 = { "1" = "?" }`, `Invalid base64.*"1": The value is not standard base64`},
		"too large": {`images_base64 = { "1" = base64gzip("x"), "2" = join("", [for i in range(1024) : "` +
			strings.Repeat("AAAA", 5600) + `"]) }`, `Content too large.*"2": The content has 17203200 bytes`},
		"all too large": {"images_base64 = { for i in range(3) : i => join(\"\", [for j in range(1024) : \"" +
			strings.Repeat("AAAA", 4000) + `"]) }`, `Contents too large.*36864000 bytes together; the limit is 32 MiB`},
		"many":       {"images = {\n" + many.String() + "}", `More errors.*4 more elements are wrong.*"-5" is not a tag`},
		"annotation": {"images = {}\nannotations = { a = null }", `Annotation without a value`},
		"media type": {"images = {}\nmedia_type = \"x\"", `Invalid media type`},
		"schema":     {"images = {}\njson_schema = \"x\"", `Invalid JSON Schema`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{Config: w.all(test.attributes), PlanOnly: true, ExpectError: words(test.want)})
		})
	}
}

// Every content must match the schema, also one that is known at apply only. Nothing is written otherwise.
func TestAccRepositoryMetadataJSONSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.push("2", "two")
	const schema = `json_schema = jsonencode({ type = "object", required = ["team"] })` + "\n"
	later := func(content string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"later\" {\n  input = %q\n}\n", content) +
			w.all(schema+`images = { "1" = jsonencode({ team = "a" }), "2" = terraform_data.later.output }`)
	}
	acceptance(t,
		resource.TestStep{
			Config:      w.all(schema + `images = { "1" = jsonencode({ team = "a" }), "2" = jsonencode({ tema = "secret" }) }`),
			PlanOnly:    true,
			ExpectError: words(`Content does not match json_schema.*"2": Nothing was written.*team`),
		},
		resource.TestStep{
			Config:      later(`{"tema":"b"}`),
			ExpectError: words(`Content does not match json_schema.*"2": Nothing was written.*team`),
		},
		resource.TestStep{
			Config: w.all(schema + `images = { "1" = jsonencode({ team = "a" }) }`),
			Check:  w.contacts(map[oci.Digest]string{w.image: `{"team":"a"}`}),
		},
	)
}

// Text that Terraform cannot carry is kept byte by byte in images_base64.
func TestAccRepositoryMetadataNotNormal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	const decomposed = "e\u0301" // Terraform would make one character of it.
	config := w.all(fmt.Sprintf("images_base64 = { \"1\" = %q }",
		base64.StdEncoding.EncodeToString([]byte(decomposed))))
	acceptance(t,
		resource.TestStep{Config: config, Check: w.contacts(map[oci.Digest]string{w.image: decomposed})},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			Config: w.all(images("1", "\u00e9")),
			Check:  w.contacts(map[oci.Digest]string{w.image: "\u00e9"}),
		},
		resource.TestStep{
			PreConfig:          func() { w.put("contact", decomposed) },
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			Config:           w.all(images("1", "\u00e9")),
			ConfigPlanChecks: planned(bulkAction(plancheck.ResourceActionUpdate)),
			Check:            w.contacts(map[oci.Digest]string{w.image: "\u00e9"}),
		},
	)
}

// Values that are not known at plan pass through it, and the next plan is empty.
func TestAccRepositoryMetadataUnknown(t *testing.T) {
	t.Parallel()
	later := func(value string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"later\" {\n  input = %s\n}\n", value)
	}
	for name, test := range map[string]struct {
		value, attributes string
		unknown           []string
	}{
		"content":       {`"x"`, `images = { "1" = terraform_data.later.output }`, nil},
		"base64":        {`"eA=="`, `images_base64 = { "1" = terraform_data.later.output }`, nil},
		"key":           {`"1"`, `images = { (terraform_data.later.output) = "x" }`, []string{"image_digests", "digests"}},
		"all":           {`{ "1" = "x" }`, `images = terraform_data.later.output`, []string{"image_digests", "digests"}},
		"media type":    {`"text/x"`, "images = { \"1\" = \"x\" }\nmedia_type = terraform_data.later.output", nil},
		"annotation":    {`"x"`, "images = { \"1\" = \"x\" }\nannotations = { a = terraform_data.later.output }", nil},
		"second is new": {`"x"`, `images = { "1" = "x", (terraform_data.later.id == "" ? "2" : "1") = "x" }`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			config := later(test.value) + w.all(test.attributes)
			var unknown []plancheck.PlanCheck
			for _, attribute := range test.unknown {
				unknown = append(unknown, plancheck.ExpectUnknownValue(bulkAddress, tfjsonpath.New(attribute)))
			}
			acceptance(t,
				resource.TestStep{
					Config: config, ConfigPlanChecks: planned(unknown...),
					Check: w.contacts(map[oci.Digest]string{w.image: "x"}),
				},
				resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
			)
		})
	}
	t.Run("type and repository", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, registrytest.Options{})
		config := later(fmt.Sprintf("{ repository = %q, type = \"contact\" }", w.ref(""))) + `
			resource "manifesto_repository_metadata" "test" {
				repository = terraform_data.later.output.repository
				type       = terraform_data.later.output.type
				images     = { "1" = "x" }
			}`
		acceptance(t,
			resource.TestStep{
				Config:           config,
				ConfigPlanChecks: planned(plancheck.ExpectUnknownValue(bulkAddress, tfjsonpath.New("id"))),
				Check:            w.contacts(map[oci.Digest]string{w.image: "x"}),
			},
			resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		)
	})
	t.Run("provider settings", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, registrytest.Options{})
		config := func(generation int) string {
			return fmt.Sprintf(`
				resource "terraform_data" "host" {
					input            = %q
					triggers_replace = %d
				}
				provider "manifesto" {
					default_registry = terraform_data.host.output
				}
				resource "manifesto_repository_metadata" "test" {
					repository = "app"
					type       = "contact"
					images     = { "1" = "x" }
				}`, w.server.Host(), generation)
		}
		acceptance(t,
			resource.TestStep{Config: config(1), Check: w.contacts(map[oci.Digest]string{w.image: "x"})},
			resource.TestStep{
				Config:           config(2),
				ConfigPlanChecks: planned(bulkAction(plancheck.ResourceActionNoop)),
			},
		)
	})
}

// Another type or repository replaces the resource; another spelling of the repository does not.
func TestAccRepositoryMetadataReplacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("owner", "theirs")
	spelled := func(repository string) string {
		return providerConfig(fmt.Sprintf("default_registry = %q", w.server.Host())) +
			strings.Replace(w.all(images("1", "x")), w.ref(""), repository, 1)
	}
	acceptance(t,
		resource.TestStep{Config: spelled(w.ref(""))},
		resource.TestStep{
			Config: spelled("app"), ConfigPlanChecks: planned(bulkAction(plancheck.ResourceActionUpdate)),
		},
		resource.TestStep{
			Config:      w.allOf("owner", images("1", "x")),
			ExpectError: words(`Metadata already exists.*would destroy the old metadata and then fail`),
		},
		resource.TestStep{
			Config:           w.allOf("owner", images("1", "x")+"overwrite = true"),
			ConfigPlanChecks: planned(bulkAction(plancheck.ResourceActionReplace)),
			Check:            resource.ComposeTestCheckFunc(w.has("owner", "x"), w.lacks("contact")),
		},
	)
}

// The resource works on an image layout on disk as on a registry.
func TestAccRepositoryMetadataLayout(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	one, two := b.add("1"), b.add("")
	config := func(content string) string {
		return fmt.Sprintf("resource \"manifesto_repository_metadata\" \"test\" {\n  repository = %q\n"+
			"  type = \"contact\"\n%s\n}\n", b.ref(""), images("1", content, two.String(), "two"))
	}
	acceptance(t,
		resource.TestStep{Config: config("one"), Check: resource.ComposeTestCheckFunc(
			b.contact(one, "one"), b.contact(two, "two"),
		)},
		resource.TestStep{Config: config("one"), ConfigPlanChecks: emptyPlan},
		resource.TestStep{Config: config("changed"), Check: b.contact(one, "changed")},
	)
}
