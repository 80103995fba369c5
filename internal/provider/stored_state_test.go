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

// States that version 0 of the schema wrote need no change, whichever Terraform has written them: after applies, after
// imports, and with every attribute.
func TestCLIStatesOfVersion0(t *testing.T) {
	states, err := filepath.Glob("testdata/state-v0/*.tfstate")
	if err != nil || len(states) == 0 {
		t.Fatalf("%d states, %v", len(states), err)
	}
	for _, name := range states {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			if c.minor() < 11 {
				t.Skip("write-only arguments need version 1.11")
			}
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
			c.terraform("destroy", "-auto-approve")
			if entries, err := w.store().List(t.Context(), w.remote.Repository(), w.image); err != nil || len(entries) != 1 {
				t.Errorf("%d of %d entries are left, %v; want the one with keep_on_destroy", len(entries), put, err)
			}
		})
	}
}

// restoreState writes a state and its configuration, and puts into the registry what they are about. It returns the
// number of entries.
func (w *world) restoreState(c *commandLine, name string) int {
	w.t.Helper()
	w.push("production", "one")
	_, children, err := registrytest.PushIndex(context.Background(), w.remote, "multi", "m", "linux/amd64", "linux/arm64")
	if err != nil {
		w.t.Fatal(err)
	}
	names := strings.NewReplacer(
		"registry.test", w.server.Host(), "DIGEST-ONE", w.image.String(), "DIGEST-ARM", children["linux/arm64"].String(),
	)
	read := func(name string) string {
		content, err := os.ReadFile(name)
		if err != nil {
			w.t.Fatal(err)
		}
		return names.Replace(string(content))
	}
	directory := filepath.Dir(name)
	for _, file := range []string{"main.tf", "report.json"} {
		c.write(file, read(filepath.Join(directory, file)))
	}
	c.write("requirement.tf", requirement)
	c.write("terraform.tfstate", read(name))
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
