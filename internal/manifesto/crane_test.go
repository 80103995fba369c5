package manifesto

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// What "crane export REPOSITORY:_manifesto - | tar -xO data" prints is the document, and the pin
// manifests are images that crane reads, too.
func TestCraneReadsTheManifesto(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		f.mustPut(t, f.run(t), "contact", "team@example.com")
		f.mustPut(t, f.run(t), "approval", "{}")
		image, err := crane.Pull(f.remote.Repository().Tagged(format.Tag).String())
		if err != nil {
			t.Fatal(err)
		}
		var exported bytes.Buffer
		if err := crane.Export(image, &exported); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for archive := tar.NewReader(&exported); ; {
			header, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			files[header.Name] = string(content)
		}
		if got, want := files["data"], f.document(t); got != want || len(files) != 1 {
			t.Errorf("crane exports %v, want data = %s", files, want)
		}
		if err := crane.Copy(f.remote.Repository().Tagged(format.ShardTag(0)).String(), f.remote.Repository().Tagged("copy").String()); err != nil {
			t.Errorf("copying the pins: %v", err)
		}
	})
}
