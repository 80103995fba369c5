package provider

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Validation says what is wrong with which attribute, and what to do.
func TestAccValidation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ attributes, want string }{
		"timeout": {
			some + "\ntimeouts = { create = \"5 minutes\" }", `timeouts.create = "5 minutes" is not a duration`,
		},
		"negative timeout": {some + "\ntimeouts = { read = \"-5m\" }", `timeouts.read = "-5m" is not a duration`},
		"empty content":    {"type = \"t\"\ncontent = \"\"", `Empty content.*remove the resource`},
		"empty source":     {"type = \"t\"\nsource = \"\"", `Empty path.*Name a file`},
		"empty base64":     {"type = \"t\"\ncontent_base64 = \"\"", `Empty content.*remove the resource`},
		"large content": {
			"type = \"t\"\ncontent = join(\"\", [for i in range(257) : \"" + strings.Repeat("x", 1<<16) + "\"])",
			`Content too large.*16 MiB.*Store it elsewhere`,
		},
		"no subtype":             {some + "\nmedia_type = \"json\"", `Invalid media type.*"json".*application/json`},
		"bad character":          {some + "\nmedia_type = \"text/pl ain\"", `Invalid media type`},
		"bad parameter":          {some + "\nmedia_type = \"text/plain; charset\"", `Invalid media type`},
		"empty media type":       {some + "\nmedia_type = \"\"", `Invalid media type`},
		"write-only, no version": {"type = \"t\"\ncontent_wo = \"x\"", `content_wo_version.* must be specified when`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{
				Config: metadataConfig("localhost:1/app:1", test.attributes), ExpectError: words(test.want),
			})
		})
	}
}

// An error about a reference to a registry says nothing of layouts on disk, and the other way round.
func TestReferenceHelp(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Team/App:1.1":          "lower case",
		"app@sha256:12":         "64 hexadecimal digits",
		"oci-layout:bundle:a b": "oci-layout:DIRECTORY:TAG",
	} {
		_, summary, detail := parseImage(text)
		if summary != malformedReference || !strings.Contains(detail, want) {
			t.Errorf("%s: %s: %s", text, summary, detail)
		}
		isLayout := strings.HasPrefix(text, "oci-layout:")
		if strings.Contains(detail, "DIRECTORY") != isLayout || strings.Contains(detail, "Docker") == isLayout {
			t.Errorf("the error about %s is %s", text, detail)
		}
	}
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"application/json", "text/plain; charset=utf-8", "application/vnd.example.report+json", `text/x; a="b c"`,
	} {
		if validator, ok := isMediaType().(textValidator); ok {
			if summary, detail := validator.check(text); summary != "" {
				t.Errorf("%s: %s %s", text, summary, detail)
			}
		}
	}
}

// A look-up at plan ends when timeouts.read says so, and the error names the limit.
func TestAccPlanTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			<-t.Context().Done() // The look, which others could share, goes on after the caller has given up.
			return true
		}
		return false
	})
	acceptance(t, resource.TestStep{
		Config:      w.metadata(some + "\ntimeouts = { read = \"500ms\" }"),
		ExpectError: words(`Timeout.*The limit was 500ms; timeouts.read sets it`),
	})
}

// A refusal without credentials says that none were found, and where the provider looks.
func TestAccRefusedWithoutCredentials(t *testing.T) {
	t.Parallel()
	w := secured(t)
	acceptance(t, resource.TestStep{
		Config: w.metadata(some), ExpectError: words(`found none that it can use.*docker_config.*auth.json`),
	})
}

// An import and a look-up by the tag of an index name the platforms that have the metadata.
func TestAccMetadataOfAPlatform(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	_, children, err := registrytest.PushIndex(context.Background(), w.remote, "multi", "m", "linux/amd64", "linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	w.image = children["linux/arm64"]
	w.put("t", "x")
	want := words(`No such metadata.*multi-platform image.*"linux/arm64". Name one as platform`)
	acceptance(t,
		resource.TestStep{Config: dataConfig("manifesto_metadata", w.ref(":multi"), `type = "t"`), ExpectError: want},
		resource.TestStep{
			Config: w.metadataOf(":multi", some), ResourceName: address, ImportState: true,
			ImportStateId: w.ref(":multi") + "#t", ExpectError: want,
		},
	)
}
