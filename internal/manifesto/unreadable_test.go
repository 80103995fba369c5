package manifesto

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// asImage prepares an image with one layer under the manifesto's tag.
func asImage(files ...registrytest.File) func(*testing.T, *fixture) {
	return func(t *testing.T, f *fixture) {
		t.Helper()
		pushLayer(t, f, layerOf(t, registrytest.Gzip, files...))
	}
}

// refused prepares a manifesto and has the registry refuse to read its tag.
func refused(status int) func(*testing.T, *fixture) {
	return func(t *testing.T, f *fixture) {
		t.Helper()
		asImage(registrytest.File{Name: "data", Content: `{"images":[]}`})(t, f)
		f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if r.Method != http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+format.Tag) {
				registrytest.Refuse(w, status, "OTHER", "no")
				return true
			}
			return false
		})
	}
}

func TestUnreadableManifestoIsNeverOverwritten(t *testing.T) {
	tests := map[string]struct {
		prepare func(*testing.T, *fixture)
		want    error
	}{
		"not JSON":       {asImage(registrytest.File{Name: "data", Content: "hello"}), format.ErrMalformed},
		"not a document": {asImage(registrytest.File{Name: "data", Content: `{"images":"x"}`}), format.ErrMalformed},
		"without /data":  {asImage(registrytest.File{Name: "other", Content: "x"}), format.ErrNotManifesto},
		"no layers":      {pushNoLayers, format.ErrNotManifesto},
		"a broken layer": {func(t *testing.T, f *fixture) {
			t.Helper()
			pushLayer(t, f, []byte("no tar at all, and no gzip either"))
		}, format.ErrNotManifesto},
		"401 on reads": {refused(http.StatusUnauthorized), registry.ErrUnauthorized},
		"403 on reads": {refused(http.StatusForbidden), registry.ErrForbidden},
		"500 on reads": {refused(http.StatusInternalServerError), nil},
		"405 on reads": {refused(http.StatusMethodNotAllowed), nil},
		"429 on reads": {refused(http.StatusTooManyRequests), oci.ErrRateLimited},
		"too deep a JSON": {
			asImage(registrytest.File{Name: "data", Content: strings.Repeat("[", 20000)}), format.ErrMalformed,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, registrytest.Olareg)
			test.prepare(t, f)
			checkUnreadable(t, f, test.want)
		})
	}
}

// checkUnreadable checks that every operation fails, with an error that wraps want unless that is nil, and that the
// manifesto stays.
func checkUnreadable(t *testing.T, f *fixture, want error) {
	t.Helper()
	before, _ := f.remote.HeadManifest(t.Context(), format.Tag) // Empty if the registry refuses reads.
	f.server.Reset()
	s := f.run(t)
	failsAs := func(err error) bool { return err != nil && (want == nil || errors.Is(err, want)) }
	if _, err := s.Get(t.Context(), f.key("t")); !failsAs(err) || errors.Is(err, ErrNoEntry) {
		t.Errorf("Get: %v, want %v", err, want)
	}
	if _, err := s.Put(t.Context(), Put{Key: f.key("t"), Content: []byte("x")}); !failsAs(err) {
		t.Errorf("Put: %v, want %v", err, want)
	}
	if err := f.run(t).remove(t.Context(), f.key("t"), dig("1")); err == nil {
		t.Error("Delete succeeds")
	}
	if puts := f.server.Count(http.MethodPut, "/manifests/"); puts != 0 {
		t.Errorf("%d manifests were put", puts)
	}
	if after, _ := f.remote.HeadManifest(t.Context(), format.Tag); after != before {
		t.Error("the manifesto was replaced")
	}
}

func pushNoLayers(t *testing.T, f *fixture) {
	t.Helper()
	if _, err := registrytest.PushDockerImage(context.Background(), f.remote, format.Tag); err != nil {
		t.Fatal(err)
	}
}

func pushLayer(t *testing.T, f *fixture, layer []byte) {
	t.Helper()
	if _, err := registrytest.PushDockerImage(context.Background(), f.remote, format.Tag, layer); err != nil {
		t.Fatal(err)
	}
}
