package provider

import (
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ociwriter "github.com/google/go-containerregistry/pkg/v1/layout"
)

// prepareForPromotion copies the next build to production, and the image of app:1.2 to a layout on disk.
func (w *world) prepareForPromotion(dir string) {
	w.t.Helper()
	if err := crane.Copy(w.server.Host()+"/example/app:1.3", w.server.Host()+"/example/production:1.3"); err != nil {
		w.t.Fatal(err)
	}
	w.bundleImage(filepath.Join(dir, "promotion", "all", "tests", "bundle"))
}

// bundleImage copies the image app:1.2 to a new layout on disk.
func (w *world) bundleImage(dir string) {
	w.t.Helper()
	image, err := crane.Pull(w.server.Host() + "/example/app:1.2")
	if err != nil {
		w.t.Fatal(err)
	}
	writer, err := ociwriter.Write(dir, empty.Index)
	if err == nil {
		err = writer.AppendImage(image, naming("1.2")...)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
