package provider

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Bad input is an error that says what to do.
func TestAccBadConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	missing := filepath.Join(t.TempDir(), "missing.json")
	of := func(image string) string {
		return metadataConfig(image, some)
	}
	tests := map[string]struct{ config, want string }{
		"malformed reference":     {of("Not An Image"), `Malformed image reference.*REPOSITORY:TAG`},
		"reference with a scheme": {of("https://ghcr.io/a/b"), `starts with https://`},
		"empty type": {
			w.metadata("type = \"\"\ncontent = \"x\""), `Attribute type string length must be at least 1`,
		},
		"no content": {w.metadata(`type = "t"`), `No content.*content, content_base64, source and content_wo`},
		"two contents": {
			w.metadata("type = \"t\"\ncontent = \"x\"\nsource = \"y\""), `More than one content.*content and source`,
		},
		"empty content":  {w.metadata("type = \"t\"\ncontent = \"\""), `Empty content`},
		"invalid base64": {w.metadata("type = \"t\"\ncontent_base64 = \"*\""), `Invalid base64`},
		"missing file": {
			w.metadata(fmt.Sprintf("type = \"t\"\nsource = %q", missing)), `File not found.*path.module`,
		},
		"write-only, no version": {
			w.metadata("type = \"t\"\ncontent_wo = \"x\""), `content_wo_version.* must be specified when`,
		},
		"version, no write-only": {
			w.metadata("type = \"t\"\ncontent = \"x\"\ncontent_wo_version = 1"), `content_wo.* must be specified when`,
		},
		"artifact type with parameters": {
			w.metadata(some + "\nartifact_type = \"text/plain; charset=utf-8\""), `Malformed artifact type.*without parameters`,
		},
		"artifact type that is none": {w.metadata(some + "\nartifact_type = \"approval\""), `"approval" is not a media type`},
		"sign without a key":         {w.metadata(some + "\nsign = true"), `Nothing to sign with.*Configure signing`},
		"annotation of null": {
			w.metadata("type = \"t\"\ncontent = \"x\"\nannotations = { a = null }"), `Annotation without a value.*"a"`,
		},
		"our own tag": {w.metadataOf(":_manifesto", some), `Not an image to describe`},
		"malformed platform": {
			w.metadata("type = \"t\"\ncontent = \"x\"\nplatform = \"arm\""), `Malformed platform.*os/architecture`,
		},
		"malformed timeout": {
			w.metadata("type = \"t\"\ncontent = \"x\"\ntimeouts = { create = \"soon\" }"),
			`timeouts.create = "soon" is not a duration`,
		},
		"missing image": {
			w.metadataOf(":none", "type = \"t\"\ncontent = \"x\""), `not found.*app:none.*has been pushed`,
		},
		"missing digest": {
			w.metadataOf("@sha256:"+strings.Repeat("0", 64), "type = \"t\"\ncontent = \"x\""), `not found`,
		},
		"missing image, looked up": {strings.Replace(w.list(""), ":1", ":none", 1), `not found.*app:none`},
		"unreachable registry":     {of("localhost:1/app:1"), `Registry unreachable.*localhost:1`},
		"unknown host":             {of("registry.invalid/app:1"), `Registry unreachable.*registry.invalid`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{
				Config:      test.config,
				ExpectError: words(test.want),
			})
		})
	}
	if got := w.server.Count(http.MethodPut, "/manifests/"+format.Tag); got != 0 {
		t.Errorf("%d manifestos were put", got)
	}
}

// An unreadable manifesto is an error. The provider never replaces it.
func TestAccUnreadableManifesto(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files []registrytest.File
		want  string
	}{
		"not JSON": {[]registrytest.File{{Name: "data", Content: "hello"}}, `Manifesto cannot be read.*crane export`},
		"not its JSON": {
			[]registrytest.File{{Name: "data", Content: `{"images":7}`}}, `Manifesto cannot be read.*images is not an array`,
		},
		"no /data": {[]registrytest.File{{Name: "bin/app", Content: "x"}}, `Manifesto cannot be read.*no file /data`},
		"a link": {
			[]registrytest.File{{Name: "data", Content: "/etc/passwd", Typeflag: tar.TypeSymlink}},
			`Manifesto cannot be read.*not a regular file`,
		},
		"not an image": {nil, `Manifesto cannot be read.*has no layers`},
		"too deep JSON": {
			[]registrytest.File{{Name: "data", Content: strings.Repeat(`{"a":`, 20000)}}, `Manifesto cannot be read`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			var layers [][]byte
			if test.files != nil {
				layer, err := registrytest.Layer(registrytest.Gzip, test.files...)
				if err != nil {
					t.Fatal(err)
				}
				layers = append(layers, layer)
			}
			before, err := registrytest.PushDockerImage(context.Background(), w.remote, format.Tag, layers...)
			if err != nil {
				t.Fatal(err)
			}
			acceptance(t,
				resource.TestStep{Config: w.metadata("type = \"t\"\ncontent = \"x\""), ExpectError: words(test.want)},
				resource.TestStep{Config: w.list(""), ExpectError: words(test.want)},
			)
			after, err := w.remote.HeadManifest(context.Background(), format.Tag)
			if err != nil || after != before {
				t.Errorf("the tag was %s and is %s, %v", before, after, err)
			}
		})
	}
}

// The provider neither reads a manifest over the limit of 4 MiB to its end, nor replaces it.
func TestAccManifestOverTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	big := fmt.Sprintf(
		`{"schemaVersion":2,"mediaType":%q,"annotations":{"x":%q}}`, oci.MediaTypeOCIIndex,
		strings.Repeat("x", oci.MaxManifestSize),
	)
	header := http.Header{"Content-Type": {oci.MediaTypeOCIIndex}}
	if _, err := w.server.Do(
		context.Background(), http.MethodPut, "/v2/app/manifests/"+format.Tag, header, big,
	); err != nil {
		registrytest.Refused(t, "a manifest over the limit, which therefore cannot be there", err)
	}
	w.server.Reset()
	acceptance(
		t, resource.TestStep{Config: w.metadata(some), ExpectError: words(`too large.*app:_manifesto.*4194304 bytes`)},
	)
	if n := w.server.Count(http.MethodPut, "/manifests/"); n != 0 {
		t.Errorf("%d manifests were put", n)
	}
}

func TestAccTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPost {
			// The server notices that the client gives up only after it has read the body.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return true
		}
		return false
	})
	acceptance(t, resource.TestStep{
		Config:      w.metadata("type = \"t\"\ncontent = \"x\"\ntimeouts = { create = \"500ms\" }"),
		ExpectError: words(`Timeout.*The limit was 500ms; timeouts.create sets it`),
	})
}
