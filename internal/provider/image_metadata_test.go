package provider

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// unframed is the output of a command without the frames around diagnostics.
func unframed(output string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", "", "╷", "", "╵", "").Replace(output)), " ")
}

// A creation neither replaces nor removes what others have stored, unless overwrite is set. It lists that at plan and
// at apply, and takes equal metadata over.
func TestCLIImageMetadataMeetsOthers(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "theirs")
	w.put("sbom", "theirs")
	w.put("policy", "equal")
	const elements = "contact = { content = \"mine\" }\npolicy = { content = \"equal\" }"
	c.write("main.tf", requirement+w.imageMetadata(elements))
	plan := unframed(c.terraform("plan"))
	for _, says := range []string{
		"Warning: Metadata already exists", "declared with other content", `"sbom"`, "not declared",
		"Creating this resource will fail",
		"Warning: Metadata is already there", `"policy"`, "destroying the resource will remove it",
	} {
		if !strings.Contains(plan, says) {
			t.Errorf("the plan does not say %q: %s", says, plan)
		}
	}
	w.server.Reset()
	output, code := c.run(c.tool, "apply", "-auto-approve")
	if text := unframed(output); code == 0 || !strings.Contains(text, "Error: Metadata already exists") ||
		!strings.Contains(text, "Nothing was written.") || !strings.Contains(text, `"sbom"`) {
		t.Errorf("exit code %d\n%s", code, output)
	}
	w.hasNotBeenWritten()
	c.write("main.tf", requirement+w.imageMetadata(elements, "overwrite = true"))
	if text := unframed(c.terraform("apply", "-auto-approve")); !strings.Contains(text, "Warning: "+willReplace) {
		t.Errorf("the plan does not warn: %s", text)
	}
	c.terraform("plan", "-detailed-exitcode")
	if err := w.hasTypes(w.image, "contact", "policy"); err != nil {
		t.Error(err)
	}
	if err := w.has("contact", "mine")(nil); err != nil {
		t.Error(err)
	}
}

// A tag that moves before a planned replacement is applied stops the apply before anything is destroyed. The metadata
// of the old build goes with the replacement, and a tag that moves before a creation stops that.
func TestCLIImageMetadataTagMovesBeforeApply(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	old := w.image
	c.write("main.tf", requirement+w.imageMetadata("a = { content = \"1\" }\nb = { content = \"2\" }"))
	c.terraform("plan", "-out=saved")
	w.push("1", "early")
	w.server.Reset()
	if output, code := c.run(c.tool, "apply", "saved"); code == 0 {
		t.Errorf("the creation succeeds:\n%s", output)
	}
	w.hasNotBeenWritten()
	w.push("1", "one")
	c.terraform("apply", "-auto-approve")
	w.push("1", "two")
	c.terraform("plan", "-out=saved")
	now := w.push("1", "three")
	output, code := c.run(c.tool, "apply", "saved")
	if code == 0 || !strings.Contains(output, movedSincePlan) || strings.Contains(output, "inconsistent") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	if err := w.hasTypes(old, "a", "b"); err != nil {
		t.Error(err)
	}
	c.terraform("apply", "-auto-approve")
	for image, types := range map[oci.Digest][]string{old: nil, now: {"a", "b"}} {
		if err := w.hasTypes(image, types...); err != nil {
			t.Error(err)
		}
	}
	c.terraform("plan", "-detailed-exitcode")
}

// An import by id or by identity takes over all metadata as it is, byte for byte, also in a generated configuration.
func TestCLIImageMetadataImport(t *testing.T) {
	contents := map[string]string{
		"compact": `{"a":1,"b":["x"]}`, "spaced": "{\"a\": 1}\n", "text": "one\ntwo", "binary": "\x00\xff",
		"dollar": "${not} %{a} template",
	}
	imports := map[string]func(w *world) string{
		"by digest": func(w *world) string { return fmt.Sprintf("id = %q", w.ref("@"+w.image.String())) },
		"by tag":    func(w *world) string { return fmt.Sprintf("id = %q", w.ref(":1")) },
		"by identity": func(w *world) string {
			return fmt.Sprintf("identity = {\nrepository = %q\nimage_digest = %q\n}", w.ref(""), w.image)
		},
	}
	for name, imported := range imports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			if name == "by identity" && c.minor() < 12 {
				t.Skip("import by identity needs version 1.12")
			}
			w := newWorld(t, registrytest.Options{})
			for typ, content := range contents {
				_, err := w.store().Put(t.Context(), manifesto.Put{
					Key: w.key(typ), Content: []byte(content), MediaType: format.DetectMediaType([]byte(content)),
					Annotations: map[string]string{"by": typ},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			w.put("custom", "{}") // As text/plain, which is not what the content is.
			before := w.document()
			w.server.Reset()
			c.write("main.tf", requirement+"import {\n to = "+imageAddress+"\n"+imported(w)+"\n}\n")
			c.terraform("plan", "-generate-config-out=generated.tf")
			generated := c.read("generated.tf")
			if strings.Contains(generated, `"application/json"`) || !strings.Contains(generated, `"text/plain"`) {
				t.Errorf("the configuration should have the media type that cannot be detected, and no other:\n%s", generated)
			}
			output := c.terraform("apply", "-auto-approve")
			if !strings.Contains(output, "1 imported, 0 added, 0 changed, 0 destroyed") {
				t.Errorf("the apply does more than import:\n%s\nof\n%s", output, generated)
			}
			c.terraform("plan", "-detailed-exitcode")
			w.hasNotBeenWritten()
			if after := w.document(); after != before {
				t.Errorf("the manifesto was %s and is %s", before, after)
			}
		})
	}
}

// An import of an image without metadata, and of no image, is an error.
func TestAccImageMetadataImportErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	fails := func(id, pattern string) resource.TestStep {
		return resource.TestStep{
			Config: w.imageMetadata("a = { content = \"x\" }"), ResourceName: imageAddress, ImportState: true, ImportStateId: id,
			ExpectError: words(pattern),
		}
	}
	acceptance(t,
		fails(w.ref(":1"), `No metadata to import.*has no metadata`),
		fails(w.ref(":none"), `not found`),
		fails("UPPER CASE", `Malformed image reference`),
	)
}

// Metadata is promoted from one repository to another as it is, text and binary. The source is read in the plan, or in
// the apply if it does not exist before.
func TestCLIImageMetadataPromotion(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+fmt.Sprintf(`
		resource "manifesto_image_metadata" "source" {
			image = %[1]q
			metadata = {
				contact = { content = "team", annotations = { by = "ops" } }
				binary  = { content_base64 = "AP8=" }
			}
		}
		data "manifesto_image" "source" {
			image           = manifesto_image_metadata.source.image
			include_content = true
			depends_on      = [manifesto_image_metadata.source]
		}
		resource "manifesto_image_metadata" "test" {
			image = %[2]q
			metadata = {
				for type, piece in data.manifesto_image.source.metadata : type => {
					content        = piece.content
					content_base64 = piece.content_base64
					media_type     = piece.media_type
					annotations    = piece.annotations
				}
			}
		}`, w.ref(":1"), w.server.Host()+"/production:1"))
	w.remote = w.open("production")
	w.push("1", "one")
	c.terraform("apply", "-auto-approve")
	c.terraform("plan", "-detailed-exitcode")
	if err := w.hasEntry("contact", "team", "text/plain", map[string]string{"by": "ops"}); err != nil {
		t.Error(err)
	}
	if err := w.hasEntry("binary", "\x00\xff", "application/octet-stream", nil); err != nil {
		t.Error(err)
	}
	c.terraform("destroy", "-auto-approve")
}

// Values that are unknown at plan are applied, and a sensitive content appears in no output.
func TestCLIImageMetadataUnknownAndSensitive(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	w.push("2", "two")
	c.write("main.tf", requirement+fmt.Sprintf(`
		variable "secret" {
			type      = string
			sensitive = true
		}
		resource "terraform_data" "later" {
			input = { image = %q, type = "late", content = "known later" }
		}
		resource "manifesto_image_metadata" "test" {
			image = terraform_data.later.output.image
			metadata = {
				secret = { content = var.secret }
				fixed = {
					content     = "fixed"
					media_type  = "text/x"
					annotations = { a = terraform_data.later.output.content }
				}
			}
			json_schema = { secret = jsonencode({ type = "object" }) }
		}
		resource "manifesto_image_metadata" "map" {
			image    = %q
			metadata = { (terraform_data.later.output.type) = { content = terraform_data.later.output.content } }
		}`, w.ref(":1"), w.ref(":2")))
	var outputs strings.Builder
	c.env = append(c.env, "TF_VAR_secret=my-secret")
	output, code := c.run(c.tool, "apply", "-auto-approve")
	outputs.WriteString(output)
	if code == 0 || !strings.Contains(output, mismatchedSchema) {
		t.Errorf("exit code %d\n%s", code, output)
	}
	c.env = append(c.env, `TF_VAR_secret={"password":"my-secret"}`)
	outputs.WriteString(c.terraform("apply", "-auto-approve"))
	c.terraform("plan", "-detailed-exitcode")
	if err := w.hasTypes(w.image, "secret", "fixed"); err != nil {
		t.Error(err)
	}
	if err := w.hasEntry("fixed", "fixed", "text/x", map[string]string{"a": "known later"}); err != nil {
		t.Error(err)
	}
	w.put("secret", `{"password":"their-secret"}`)
	outputs.WriteString(c.terraform("plan"))
	for _, secret := range []string{"my-secret", "their-secret"} {
		if strings.Contains(outputs.String(), secret) {
			t.Errorf("an output shows %q:\n%s", secret, &outputs)
		}
	}
}

// A destruction leaves what others declare, too, and says so. It removes nothing that has changed since the plan.
func TestCLIImageMetadataDestroy(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	w.push("production", "one")
	c.write("main.tf", requirement+w.imageMetadata("a = { content = \"x\" }\nb = { content = \"y\" }"))
	c.terraform("apply", "-auto-approve")
	_, err := w.store().Put(t.Context(), manifesto.Put{
		Key: w.key("a"), Reference: "production", Content: []byte("x"), MediaType: "text/plain",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.terraform("plan", "-destroy", "-out=saved")
	w.put("b", "theirs")
	output, code := c.run(c.tool, "apply", "saved")
	if code == 0 || !strings.Contains(output, "changed outside Terraform") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	if err := w.hasTypes(w.image, "a", "b"); err != nil {
		t.Error(err)
	}
	output = unframed(c.terraform("destroy", "-auto-approve"))
	if !strings.Contains(output, "Metadata kept") || !strings.Contains(output, `"a", through the tag production`) {
		t.Errorf("the destruction does not say what stays:\n%s", output)
	}
	if err := w.hasTypes(w.image, "a"); err != nil {
		t.Error(err)
	}
}

// An apply neither overwrites nor removes what others have changed since the plan, and stores nothing else either.
func TestAccImageMetadataChangedSincePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.imageMetadata("a = { content = \"1\" }\nb = { content = \"1\" }")},
		resource.TestStep{
			PreConfig: func() {
				var interfered atomic.Bool
				w.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
					if r.Method == http.MethodPost && interfered.CompareAndSwap(false, true) {
						w.put("b", "theirs") // The apply uploads its contents before it reads the tag.
					}
					return false
				})
			},
			Config:      w.imageMetadata("a = { content = \"2\" }"),
			ExpectError: words(`Metadata changed outside Terraform since the plan.*Nothing was written.*"b"`),
		},
		resource.TestStep{
			PreConfig: func() {
				w.server.Intercept(nil)
				if err := w.has("a", "1")(nil); err != nil {
					t.Error(err)
				}
			},
			Config: w.imageMetadata("a = { content = \"2\" }"),
			Check:  func(*terraform.State) error { return w.hasTypes(w.image, "a") },
		},
	)
}

// A refresh reads the manifesto, its layer and the pins, and downloads only what has changed. An apply uploads only
// that, and stores it in one commit.
func TestCLIImageMetadataRequests(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	config := func(first string) string {
		var elements strings.Builder
		fmt.Fprintf(&elements, "t0 = { content = %q }\n", first)
		for i := range 50 {
			fmt.Fprintf(&elements, "t%d = { content = \"content %d\" }\n", i+1, i+1)
		}
		return requirement + w.imageMetadata(elements.String())
	}
	c.write("main.tf", config("first"))
	c.terraform("apply", "-auto-approve")
	w.server.Reset()
	c.terraform("plan", "-detailed-exitcode")
	if requests := w.server.Requests(); len(requests) > 5 { // A ping, the manifesto, its layer, the pins and the tag.
		t.Errorf("%d requests: %v", len(requests), requests)
	}
	w.put("t7", "theirs")
	w.server.Reset()
	if _, code := c.run(c.tool, "plan", "-detailed-exitcode"); code != 2 {
		t.Errorf("a plan with a change: exit code %d", code)
	}
	if n := len(w.server.Requests()); n > 6 || w.server.Count("", "/blobs/"+oci.DigestOf([]byte("theirs")).String()) != 1 {
		t.Errorf("%d requests: %v", n, w.server.Requests())
	}
	c.write("main.tf", config("second"))
	w.server.Reset()
	c.terraform("apply", "-auto-approve")
	if n := w.commits(); n != 1 {
		t.Errorf("%d commits, want 1", n)
	}
	if n := w.server.Count(http.MethodPost, "/blobs/uploads/"); n > 6 { // Two contents, and what a commit needs.
		t.Errorf("%d uploads: %v", n, w.server.Requests())
	}
	if err := w.has("t7", "content 7")(nil); err != nil {
		t.Error(err)
	}
}

// So much foreign content that Terraform cannot carry it does not stop the plan that removes it.
func TestCLIImageMetadataForeignContentTooLarge(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+w.imageMetadata("a = { content = \"x\" }"))
	c.terraform("apply", "-auto-approve")
	for i := range 3 {
		w.put(fmt.Sprintf("big%d", i), strings.Repeat(strconv.Itoa(i), 12<<20))
	}
	if output := unframed(c.terraform("apply", "-auto-approve")); !strings.Contains(output, "Warning: "+contentsTooLarge) {
		t.Errorf("no warning:\n%s", output)
	}
	if err := w.hasTypes(w.image, "a"); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
}

// Fields of the manifesto that this version does not know survive a change beside them and of their own entry.
func TestAccImageMetadataKeepsUnknownFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	digest, err := w.remote.PutBlob(context.Background(), []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(fmt.Sprintf(
		`{"later":1,"images":[{"image_digest":%q,"new":{},"manifesto":[{"type":"a","digest":%q,"signed":[1]}]}]}`,
		w.image, digest))
	acceptance(t,
		resource.TestStep{Config: w.imageMetadata("a = { content = \"x\" }\nb = { content = \"y\" }")},
		resource.TestStep{
			Config: w.imageMetadata("a = { content = \"x\", annotations = { by = \"me\" } }"),
			Check: func(*terraform.State) error {
				document := w.document()
				for _, field := range []string{`"later":1`, `"new":{}`, `"signed":[1]`, `"by":"me"`} {
					if !strings.Contains(document, field) {
						return fmt.Errorf("the manifesto has lost %s: %s", field, document)
					}
				}
				return nil
			},
		},
		resource.TestStep{
			Config:           w.imageMetadata("a = { content = \"x\", annotations = { by = \"me\" } }"),
			ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
		},
	)
}
