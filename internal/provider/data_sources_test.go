package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func (w *world) lookup(attributes string) string {
	return dataConfig("manifesto_metadata", w.ref(":1"), attributes)
}

func (w *world) list(attributes string) string {
	return dataConfig("manifesto_image", w.ref(":1"), attributes)
}

func found(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data.manifesto_metadata.test", tfjsonpath.New(attribute), value)
}

func TestAccMetadataDataSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.metadata(`type = "approval"
			content = "{\"ok\":true}"
			annotations = { by = "ops" }`)},
		resource.TestStep{
			Config: w.metadata(`type = "approval"
				content = "{\"ok\":true}"
				annotations = { by = "ops" }`) + w.lookup(`type = manifesto_metadata.test.type`),
			ConfigStateChecks: []statecheck.StateCheck{
				found("id", knownvalue.StringExact(w.key("approval").String())),
				found("registry", knownvalue.StringExact(w.server.Host())),
				found("repository", knownvalue.StringExact(w.ref(""))),
				found("image_digest", knownvalue.StringExact(w.image.String())),
				found("content", knownvalue.StringExact(`{"ok":true}`)),
				found("content_base64", knownvalue.Null()),
				found("digest", knownvalue.StringExact(oci.DigestOf([]byte(`{"ok":true}`)).String())),
				found("size", knownvalue.Int64Exact(11)),
				found("media_type", knownvalue.StringExact("application/json")),
				found("annotations", knownvalue.MapExact(map[string]knownvalue.Check{"by": knownvalue.StringExact("ops")})),
				found("created", knownvalue.NotNull()),
			},
		},
		resource.TestStep{
			Config: w.metadata(`type = "approval"
				content = "{\"ok\":true}"
				annotations = { by = "ops" }`) + w.lookup(`type = "contact"`),
			ExpectError: regexp.MustCompile(`No such metadata(.|\n)*"contact"(.|\n)*"approval"`),
		},
	)
}

// The data sources read what the original tool stored: bare digests, no further fields, content of any kind.
func TestAccDataSourcesReadTheOriginalsFormat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	binary := "\xff\x00"
	push := func(content string) oci.Digest {
		digest, err := w.remote.PutBlob(context.Background(), []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	bare := w.image.String()[len("sha256:"):]
	w.write(fmt.Sprintf(`{ "images": [{ "image_digest": "%s", "manifesto": [
		{ "type": "contact", "digest": "%s" }, { "type": "seal", "digest": "%s" } ] }] }`, bare, push("me"), push(binary)))
	entry := func(typ, attribute string, value knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(
			"data.manifesto_image.test", tfjsonpath.New("metadata").AtMapKey(typ).AtMapKey(attribute), value,
		)
	}
	acceptance(t,
		resource.TestStep{
			Config: w.lookup(`type = "seal"`),
			ConfigStateChecks: []statecheck.StateCheck{
				found("content", knownvalue.Null()),
				found("content_base64", knownvalue.StringExact(base64.StdEncoding.EncodeToString([]byte(binary)))),
				found("media_type", knownvalue.StringExact("application/octet-stream")),
				found("size", knownvalue.Int64Exact(2)),
				found("created", knownvalue.Null()),
				found("annotations", knownvalue.MapSizeExact(0)),
			},
		},
		resource.TestStep{
			Config: w.list(""),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New("types"), knownvalue.ListExact(
					[]knownvalue.Check{knownvalue.StringExact("contact"), knownvalue.StringExact("seal")},
				)),
				entry("contact", "size", knownvalue.Int64Exact(2)),
				entry("contact", "content", knownvalue.Null()),
				entry("contact", "media_type", knownvalue.Null()),
			},
		},
		resource.TestStep{
			Config: w.list("include_content = true"),
			ConfigStateChecks: []statecheck.StateCheck{
				entry("contact", "content", knownvalue.StringExact("me")),
				entry("contact", "media_type", knownvalue.StringExact("text/plain")),
				entry("contact", "digest", knownvalue.StringExact(oci.DigestOf([]byte("me")).String())),
				entry("seal", "content", knownvalue.Null()),
				entry("seal", "content_base64", knownvalue.StringExact(base64.StdEncoding.EncodeToString([]byte(binary)))),
			},
		},
		resource.TestStep{ // The resource takes over one entry, and the other stays.
			Config: w.metadata(`type = "contact"
				content = "you"
				overwrite = true`),
			Check: resource.ComposeTestCheckFunc(w.has("contact", "you"), w.has("seal", binary)),
		},
	)
}

func TestAccImageDataSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	_, children, err := registrytest.PushIndex(context.Background(), w.remote, "multi", "m", "linux/amd64", "linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	list := func(attribute string, value knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New(attribute), value)
	}
	acceptance(t,
		resource.TestStep{
			Config: w.list(""),
			ConfigStateChecks: []statecheck.StateCheck{
				list("types", knownvalue.ListSizeExact(0)),
				list("metadata", knownvalue.MapSizeExact(0)),
				list("id", knownvalue.StringExact(w.ref("@"+w.image.String()))),
				list("image_digest", knownvalue.StringExact(w.image.String())),
			},
		},
		resource.TestStep{
			Config: dataConfig("manifesto_image", w.ref(":multi"), `platform = "linux/arm64"`),
			ConfigStateChecks: []statecheck.StateCheck{
				list("image_digest", knownvalue.StringExact(children["linux/arm64"].String())),
			},
		},
		resource.TestStep{ // A lookup sees what the same apply created, if it depends on it.
			Config: w.metadata(`type = "t"
				content = "x"`) + w.list("include_content = true\n depends_on = [manifesto_metadata.test]"),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(
					"data.manifesto_image.test", tfjsonpath.New("metadata").AtMapKey("t").AtMapKey("content"),
					knownvalue.StringExact("x"),
				),
			},
		},
	)
}

// Contents that exceed one of Terraform's messages are an error that says what to do.
func TestAccContentsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for i := range 3 {
		w.put(fmt.Sprint("big", i), strings.Repeat("x", 12<<20+i))
	}
	acceptance(t,
		resource.TestStep{
			Config:      w.list("include_content = true"),
			ExpectError: words(`Contents too large.*more than 32 MiB.*manifesto_metadata`),
		},
		resource.TestStep{Config: w.list("")},
	)
}

// optional accepts proven absence of an entry and nothing else.
func TestAccMetadataDataSourceOptional(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("approval", "yes")
	acceptance(t,
		resource.TestStep{
			Config: w.lookup("type = \"contact\"\noptional = true"),
			ConfigStateChecks: []statecheck.StateCheck{
				found("exists", knownvalue.Bool(false)),
				found("id", knownvalue.StringExact(w.key("contact").String())),
				found("image_digest", knownvalue.StringExact(w.image.String())),
				found("content", knownvalue.Null()), found("content_base64", knownvalue.Null()),
				found("digest", knownvalue.Null()), found("size", knownvalue.Null()),
				found("media_type", knownvalue.Null()), found("annotations", knownvalue.Null()),
				found("created", knownvalue.Null()),
			},
		},
		resource.TestStep{
			Config: w.lookup("type = \"approval\"\noptional = true"),
			ConfigStateChecks: []statecheck.StateCheck{
				found("exists", knownvalue.Bool(true)), found("content", knownvalue.StringExact("yes")),
			},
		},
		resource.TestStep{
			Config:      w.lookup("type = \"contact\"\noptional = false"),
			ExpectError: words(`No such metadata`),
		},
		resource.TestStep{
			Config:      dataConfig("manifesto_metadata", w.ref(":none"), "type = \"contact\"\noptional = true"),
			ExpectError: words(`not found`),
		},
		resource.TestStep{
			PreConfig: func() {
				w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
					if strings.HasSuffix(r.URL.Path, "/manifests/_manifesto") {
						registrytest.Refuse(rw, http.StatusForbidden, "DENIED", "no")
						return true
					}
					return false
				})
			},
			Config:      w.lookup("type = \"contact\"\noptional = true"),
			ExpectError: words(`Permission denied`),
		},
	)
}

// include_types limits what is listed and what is downloaded.
func TestAccImageDataSourceIncludeTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	w.put("report", "long")
	acceptance(t, resource.TestStep{
		PreConfig: w.server.Reset,
		Config:    w.list("include_content = true\ninclude_types = [\"contact\", \"none\"]"),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New("types"),
				knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact("contact")})),
			statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New("metadata"), knownvalue.MapSizeExact(1)),
		},
		Check: func(*terraform.State) error {
			if n := w.server.Count(http.MethodGet, "/blobs/"+oci.DigestOf([]byte("long")).String()); n > 0 {
				return fmt.Errorf("content of another type was downloaded %d times", n)
			}
			return nil
		},
	})
}
