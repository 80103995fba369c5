package provider

import "path/filepath"

// prepareForAirGap copies the image of app:1.2 to the layouts on disk that the tests of each module name.
func (w *world) prepareForAirGap(dir string) {
	w.t.Helper()
	for _, bundle := range []string{
		"leave/tests/bundle", "arrive/tests/bundle", "arrive/tests/unlisted", "arrive/tests/damaged", "adopt/tests/bundle",
	} {
		w.bundleImage(filepath.Join(dir, "air-gap", filepath.FromSlash(bundle)))
	}
}
