package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// keptManifesto is what somebody who can push has kept of a repository: the manifesto, and what is attached to some
// manifests.
type keptManifesto struct {
	manifesto oci.Manifest
	attached  []oci.Manifest
}

// keep keeps the manifesto of the world and what is attached to manifests, signatures above all.
func (w *world) keep(subjects ...oci.Digest) keptManifesto {
	w.t.Helper()
	ctx := context.Background()
	current, err := w.remote.GetManifest(ctx, format.Tag)
	if err != nil {
		w.t.Fatal(err)
	}
	k := keptManifesto{manifesto: current}
	for _, subject := range subjects {
		listed, listErr := w.remote.Referrers(ctx, subject)
		if listErr != nil {
			w.t.Fatal(listErr)
		}
		for _, entry := range listed {
			m, getErr := w.remote.GetManifest(ctx, entry.Digest.String())
			if getErr != nil {
				w.t.Fatal(getErr)
			}
			k.attached = append(k.attached, m)
		}
	}
	return k
}

// putBack puts back what was kept.
func (w *world) putBack(k keptManifesto) {
	w.t.Helper()
	for _, m := range k.attached {
		if err := w.remote.Attach(context.Background(), m); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.remote.PutManifest(context.Background(), format.Tag, k.manifesto, time.Time{}); err != nil {
		w.t.Fatal(err)
	}
}

// says checks that an output of Terraform has a text, however its lines are broken.
func says(t *testing.T, output, text string) {
	t.Helper()
	output = strings.Join(strings.Fields(strings.ReplaceAll(output, "│", " ")), " ")
	if !strings.Contains(output, text) {
		t.Errorf("no %q in %s", text, output)
	}
}

// An older manifesto, signed as it was, that is put back between a plan and its apply is not built upon. What accepts
// it makes the number grow all the same.
func TestCLIRolledBackBeforeApply(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c, w := newCommandLine(t), newTrusted(t, kind)
			settings := signingWith(t, w.ours.Issue(t, "release"), "")
			declare := func(content, verification string) {
				c.write("main.tf", requirement+providerConfig(settings+"\n"+trusting(w.ours, verification))+
					w.metadata(fmt.Sprintf("type = \"t\"\ncontent = %q", content)))
			}
			declare("one", "")
			c.terraform("apply", "-auto-approve")
			current, err := w.remote.HeadManifest(t.Context(), format.Tag)
			if err != nil {
				t.Fatal(err)
			}
			old := w.keep(current)
			declare("two", "")
			c.terraform("apply", "-auto-approve")
			declare("three", "")
			c.terraform("plan", "-out=plan")
			w.putBack(old)
			for _, arguments := range [][]string{{"apply", "plan"}, {"plan"}, {"destroy", "-auto-approve", "-refresh=false"}} {
				output, code := c.run(c.tool, arguments...)
				if code == 0 {
					t.Errorf("%s: exit code 0", arguments)
				}
				says(t, output, "Manifesto rolled back")
				says(t, output, fmt.Sprintf("accepted_rollback = %q", current))
			}
			now, err := w.remote.HeadManifest(t.Context(), format.Tag)
			if err != nil || now != current {
				t.Errorf("the manifesto is %s, %v", now, err)
			}
			declare("three", fmt.Sprintf("accepted_rollback = %q", current))
			c.terraform("apply", "-auto-approve")
			declare("three", "")
			c.terraform("plan", "-detailed-exitcode")
			m, err := w.remote.GetManifest(t.Context(), format.Tag)
			if err != nil || !strings.Contains(string(m.Content), `"dev.manifesto.version":"3"`) {
				t.Errorf("the manifesto is %s, %v", m.Content, err)
			}
		})
	}
}

// A withdrawn piece that somebody has put back into an unsigned manifesto counts again once that is signed. Plan and
// apply of what signs it say so: of a resource to create, which no refresh has looked at, and of a retention.
func TestCLIUnsignedBase(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(w trusted) string{
		"metadata": func(w trusted) string { return w.metadata("type = \"new\"\ncontent = \"n\"") },
		"image_metadata": func(w trusted) string {
			return fmt.Sprintf("resource \"manifesto_image_metadata\" \"test\" {\n  image = %q\n  overwrite = true\n"+
				"  metadata = { new = { content = \"n\" } }\n}", w.ref(":1"))
		},
		"repository_metadata": func(w trusted) string {
			return fmt.Sprintf("resource \"manifesto_repository_metadata\" \"test\" {\n  repository = %q\n  type = \"new\"\n"+
				"  images = { \"1\" = \"n\" }\n}", w.ref(""))
		},
		"retention": func(w trusted) string { return w.retention("") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, w := newCommandLine(t), newTrusted(t, signatureKinds[0])
			other := w.push("2", "two")
			w.putFor(other, "contact", "x")
			w.putSigned(w.release, "t", "yes")
			artifact := w.entry("t").Artifact.Digest
			old := w.keep(w.image, artifact)
			removal := manifesto.Removal{Key: w.key("t"), Expected: w.entry("t").Digest}
			if _, err := w.signedBy(w.release).Delete(t.Context(), removal); err != nil {
				t.Fatal(err)
			}
			w.putBack(old) // The manifesto's own signature is gone, and nobody has kept it.
			if name == "retention" {
				w.vanish(other)
			}
			c.write("main.tf", requirement+providerConfig(
				signingWith(t, w.ours.Issue(t, "release"), "")+"\n"+trusting(w.ours, ""))+config(w))
			says(t, c.terraform("plan", "-out=plan"), "Manifesto is not to be trusted")
			says(t, c.terraform("apply", "plan"), "Manifesto signed that was not to be trusted")
			c.terraform("plan", "-detailed-exitcode")
		})
	}
}
