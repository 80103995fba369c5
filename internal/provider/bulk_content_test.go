package provider

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// answerBlob has the registry answer requests for a content with something else.
func (w *world) answerBlob(content string, answer http.HandlerFunc) {
	digest := oci.DigestOf([]byte(content)).String()
	w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/blobs/"+digest) {
			return false
		}
		answer(rw, r)
		return true
	})
}

// disturbed is a bulk resource with the metadata "contact" of app:1, which others disturb.
type disturbed struct {
	config string
	// disturb stores a foreign piece of metadata with a content.
	disturb func(content string)
	// names matches how a warning names that piece.
	names string
}

// disturbedResources are one resource of each type. The foreign metadata is about the image of app:1, or about second.
func disturbedResources(w *world, second oci.Digest) map[string]disturbed {
	return map[string]disturbed{
		"image": {
			w.imageMetadata(`contact = { content = "mine" }`),
			func(content string) { w.put("other", content) },
			`Contents of metadata of image .* replaces or removes them.* "other":`,
		},
		"repository": {
			w.all(images("1", "mine")),
			func(content string) { w.putFor(second, "contact", content) },
			`Contents of metadata "contact" of repository .* replaces or removes them.* image ` + second.String() + ":",
		},
	}
}

// A foreign content that nobody can use does not stop the plan that removes it, nor a destruction. The warning names
// the metadata and the reason.
func TestCLIBulkForeignContentDamaged(t *testing.T) {
	t.Parallel()
	for reason, answer := range map[string]http.HandlerFunc{
		"digest mismatch": func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("changed")) },
		"too large": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", strconv.Itoa(format.MaxContent+1))
			rw.WriteHeader(http.StatusOK)
		},
	} {
		for _, name := range []string{"image", "repository"} {
			t.Run(name+" "+reason, func(t *testing.T) {
				t.Parallel()
				c := newCommandLine(t)
				w := newWorld(t, registrytest.Options{})
				second := w.push("2", "two")
				test := disturbedResources(w, second)[name]
				c.write("main.tf", requirement+test.config)
				c.terraform("apply", "-auto-approve")
				test.disturb("theirs")
				w.answerBlob("theirs", answer)
				output := unframed(c.terraform("apply", "-auto-approve"))
				want := words("Warning: " + contentUnreadable + ".*" + test.names + ".*" + reason)
				if !want.MatchString(output) {
					t.Errorf("no warning %s:\n%s", want, output)
				}
				if err := w.has("contact", "mine")(nil); err != nil {
					t.Error(err)
				}
				c.terraform("plan", "-detailed-exitcode")
				test.disturb("theirs")
				c.terraform("destroy", "-auto-approve")
			})
		}
	}
}

// So much foreign content that Terraform cannot carry it stops neither the plan that removes it nor a destruction.
func TestCLIRepositoryMetadataForeignContentTooLarge(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	var others []oci.Digest
	for i := range 3 {
		others = append(others, w.push("big"+strconv.Itoa(i), strconv.Itoa(i)))
	}
	disturb := func() {
		for i, image := range others {
			w.putFor(image, "contact", strings.Repeat(strconv.Itoa(i), 12<<20))
		}
	}
	c.write("main.tf", requirement+w.all(images("1", "mine")))
	c.terraform("apply", "-auto-approve")
	disturb()
	if output := unframed(c.terraform("apply", "-auto-approve")); !strings.Contains(output, "Warning: "+contentsTooLarge) {
		t.Errorf("no warning:\n%s", output)
	}
	if err := w.contacts(map[oci.Digest]string{w.image: "mine"})(nil); err != nil {
		t.Error(err)
	}
	c.terraform("plan", "-detailed-exitcode")
	disturb()
	c.terraform("destroy", "-auto-approve")
	if err := w.contacts(nil)(nil); err != nil {
		t.Error(err)
	}
}
