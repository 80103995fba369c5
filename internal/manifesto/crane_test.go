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

// "crane export REPOSITORY:_manifesto - | tar -xO data" prints the document, and crane can copy the pin manifests.
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
		pins, target := f.remote.Repository().Tagged(format.ShardTag(0)), f.remote.Repository().Tagged("copy")
		if err := crane.Copy(pins.String(), target.String()); err != nil {
			t.Errorf("copying the pins: %v", err)
		}
	})
}
