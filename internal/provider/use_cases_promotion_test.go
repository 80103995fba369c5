package provider

import (
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ociwriter "github.com/google/go-containerregistry/pkg/v1/layout"
)

// bundleForPromotion copies the image of app:1.2 to a layout on disk, into which the tests of the use case promote.
func (w *world) bundleForPromotion(dir string) {
	w.t.Helper()
	image, err := crane.Pull(w.server.Host() + "/example/app:1.2")
	if err != nil {
		w.t.Fatal(err)
	}
	writer, err := ociwriter.Write(filepath.Join(dir, "promotion", "all", "tests", "bundle"), empty.Index)
	if err == nil {
		err = writer.AppendImage(image, naming("1.2")...)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
