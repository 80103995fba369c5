package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// storedMetadata is a manifesto_metadata in a state file.
type storedMetadata struct {
	ID, Image, Platform, Type, Content, Source, Created string
	ImageDigest                                         oci.Digest `json:"image_digest"`
	Base64                                              []byte     `json:"content_base64"`
	Digest                                              oci.Digest
	Size                                                int64
	MediaType                                           string `json:"media_type"`
	Annotations                                         map[string]string
	Pinned                                              bool
}

// versionZero is the directory of states that version 0 of the schema wrote. Its own are those of the last provider
// without json_schema and without other resources. A subdirectory has those of a later provider, and what the
// configuration has besides.
const versionZero = "testdata/state-v0"

// States that version 0 of the schema wrote need no change, whichever Terraform has written them: after applies, after
// imports, and with every attribute. Resources in them can be updated and destroyed.
func TestCLIStatesOfVersion0(t *testing.T) {
	for _, pattern := range []string{"*.tfstate", "json-schema/*.tfstate"} {
		states, err := filepath.Glob(filepath.Join(versionZero, pattern))
		if err != nil || len(states) == 0 {
			t.Fatalf("%s: %d states, %v", pattern, len(states), err)
		}
		for _, name := range states {
			t.Run(strings.TrimPrefix(name, versionZero+"/"), func(t *testing.T) {
				t.Parallel()
				c := newCommandLine(t)
				if c.minor() < 11 {
					t.Skip("write-only arguments need version 1.11")
				}
				testStateOfVersion0(t, c, name)
			})
		}
	}
}

func testStateOfVersion0(t *testing.T, c *commandLine, name string) {
	t.Helper()
	w := newWorld(t, registrytest.Options{})
	put := w.restoreState(c, name)
	w.server.Reset()
	c.terraform("plan", "-detailed-exitcode")
	before := c.state()
	c.terraform("apply", "-refresh-only", "-auto-approve")
	if after := c.state(); !reflect.DeepEqual(before, after) {
		t.Errorf("a refresh changes the state from\n%+v\nto\n%+v", before, after)
	}
	c.terraform("apply", "-auto-approve")
	w.hasNotBeenWritten()

	c.write("main.tf", strings.NewReplacer(
		"team@example.com", "new-team@example.com", "content_wo_version = 3", "content_wo_version = 4",
		"neither in plan nor in state", "new", `ticket = "SEC-1234"`, `ticket = "SEC-5678"`, "number ", "new number ",
		"from the original tool", "from Terraform",
	).Replace(c.read("main.tf")))
	if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "0 added, 7 changed, 0 destroyed") {
		t.Errorf("not all changes are updates:\n%s", output)
	}
	for typ, want := range map[string]string{
		"contact": "new-team@example.com", "write-only": "new", "counted-1": "new number 1", "legacy": "from Terraform",
	} {
		if err := w.has(typ, want)(nil); err != nil {
			t.Error(err)
		}
	}
	c.terraform("plan", "-detailed-exitcode")

	c.terraform("destroy", "-auto-approve")
	if entries, err := w.store().List(t.Context(), w.remote.Repository(), w.image); err != nil || len(entries) != 1 {
		t.Errorf("%d of %d entries are left, %v; want the one with keep_on_destroy", len(entries), put, err)
	}
}

// prepareVersion0 pushes the images of the states of version 0, and writes their configuration. It returns what the
// placeholders in the files of testdata stand for, by placeholder.
func (w *world) prepareVersion0(c *commandLine) map[string]string {
	w.t.Helper()
	w.push("production", "one")
	_, children, err := registrytest.PushIndex(context.Background(), w.remote, "multi", "m", "linux/amd64", "linux/arm64")
	if err != nil {
		w.t.Fatal(err)
	}
	names := map[string]string{
		"registry.test": w.server.Host(), "DIGEST-ONE": w.image.String(), "DIGEST-ARM": children["linux/arm64"].String(),
	}
	for _, file := range []string{"main.tf", "report.json"} {
		c.writeVersion0(file, filepath.Join(versionZero, file), names)
	}
	c.write("requirement.tf", requirement)
	return names
}

// writeVersion0 writes a file of testdata with names instead of placeholders.
func (c *commandLine) writeVersion0(name, source string, names map[string]string) {
	c.t.Helper()
	content, err := os.ReadFile(source)
	if err != nil {
		c.t.Fatal(err)
	}
	text := string(content)
	for placeholder, stands := range names {
		text = strings.ReplaceAll(text, placeholder, stands)
	}
	c.write(name, text)
}

// restoreState writes a state and its configuration, and puts into the registry what they are about. It returns the
// number of entries.
func (w *world) restoreState(c *commandLine, name string) int {
	w.t.Helper()
	names := w.prepareVersion0(c)
	overrides, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*_override.tf"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, file := range overrides {
		c.writeVersion0(filepath.Base(file), file, names)
	}
	c.writeVersion0("terraform.tfstate", name, names)
	const atOpenTofu = "registry.opentofu.org/imagemanifesto/manifesto"
	if !c.isOpenTofu() && strings.Contains(c.read("terraform.tfstate"), atOpenTofu) {
		c.terraform("state", "replace-provider", "-auto-approve", atOpenTofu, "imagemanifesto/manifesto")
	}
	stored := c.state()
	for _, m := range stored {
		w.restoreMetadata(m, c)
	}
	return len(stored)
}

// state returns what the state file has.
func (c *commandLine) state() (stored []storedMetadata) {
	c.t.Helper()
	var state struct {
		Resources []struct {
			Instances []struct {
				Attributes storedMetadata `json:"attributes"`
			} `json:"instances"`
		} `json:"resources"`
	}
	if err := json.Unmarshal([]byte(c.read("terraform.tfstate")), &state); err != nil {
		c.t.Fatal(err)
	}
	for _, resource := range state.Resources {
		for _, instance := range resource.Instances {
			stored = append(stored, instance.Attributes)
		}
	}
	return stored
}

// restoreMetadata stores metadata as it was when a state was written.
func (w *world) restoreMetadata(m storedMetadata, c *commandLine) {
	w.t.Helper()
	content := []byte(m.Content)
	switch {
	case m.Base64 != nil:
		content = m.Base64
	case m.Source != "":
		content = []byte(c.read(m.Source))
	case m.Content == "":
		content = []byte("neither in plan nor in state")
	}
	if digest := oci.DigestOf(content); digest != m.Digest {
		w.t.Fatalf("the content of %s is %s, and %s in the state", m.Type, digest, m.Digest)
	}
	var created time.Time // Zero as in an entry of the original tool.
	if m.Created != "" {
		var err error
		if created, err = time.Parse(time.RFC3339, m.Created); err != nil {
			w.t.Fatal(err)
		}
	}
	reference := format.DeclaredByDigest
	if _, tag, ok := strings.Cut(m.Image, "/app:"); ok {
		reference = tag
	}
	store := manifesto.NewStore(
		func(oci.Repository) manifesto.Repository { return w.remote },
		manifesto.Options{Now: func() time.Time { return created }},
	)
	_, err := store.Put(context.Background(), manifesto.Put{
		Key:       manifesto.Key{Repository: w.remote.Repository(), Image: m.ImageDigest, Type: m.Type},
		Reference: reference, Content: content, MediaType: m.MediaType, Annotations: m.Annotations,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// hasNotBeenWritten checks that the registry has had no other requests than reads since the last Reset.
func (w *world) hasNotBeenWritten() {
	w.t.Helper()
	for _, r := range w.server.Requests() {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.t.Errorf("the registry was written: %s %s", r.Method, r.Path)
		}
	}
}
