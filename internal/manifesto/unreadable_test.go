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

func TestUnreadableManifestoIsNeverOverwritten(t *testing.T) {
	ctx := context.Background()
	image := func(files ...registrytest.File) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) {
			t.Helper()
			if _, err := registrytest.PushDockerImage(ctx, f.remote, format.Tag, layerOf(t, registrytest.Gzip, files...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fail := func(status int) func(*testing.T, *fixture) {
		return func(t *testing.T, f *fixture) {
			t.Helper()
			image(registrytest.File{Name: "data", Content: `{"images":[]}`})(t, f)
			f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.Method != http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+format.Tag) {
					registrytest.Refuse(w, status, "OTHER", "no")
					return true
				}
				return false
			})
		}
	}
	tests := map[string]struct {
		prepare func(*testing.T, *fixture)
		want    error
	}{
		"not JSON":       {image(registrytest.File{Name: "data", Content: "hello"}), format.ErrMalformed},
		"not a document": {image(registrytest.File{Name: "data", Content: `{"images":"x"}`}), format.ErrMalformed},
		"without /data":  {image(registrytest.File{Name: "other", Content: "x"}), format.ErrNotManifesto},
		"no layers":      {func(t *testing.T, f *fixture) { t.Helper(); pushNoLayers(t, f) }, format.ErrNotManifesto},
		"a broken layer": {func(t *testing.T, f *fixture) {
			t.Helper()
			pushLayer(t, f, []byte("no tar at all, and no gzip either"))
		}, format.ErrNotManifesto},
		"401 on reads":    {fail(http.StatusUnauthorized), registry.ErrUnauthorized},
		"403 on reads":    {fail(http.StatusForbidden), registry.ErrForbidden},
		"500 on reads":    {fail(http.StatusInternalServerError), nil},
		"405 on reads":    {fail(http.StatusMethodNotAllowed), nil},
		"429 on reads":    {fail(http.StatusTooManyRequests), oci.ErrRateLimited},
		"too deep a JSON": {image(registrytest.File{Name: "data", Content: strings.Repeat("[", 20000)}), format.ErrMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, registrytest.Olareg)
			test.prepare(t, f)
			before, _ := f.remote.HeadManifest(ctx, format.Tag) // Fails where the reads do; compared only where not.
			f.server.Reset()
			s := f.run(t)
			if _, err := s.Get(ctx, f.key("t")); err == nil || errors.Is(err, ErrNoEntry) || (test.want != nil && !errors.Is(err, test.want)) {
				t.Errorf("Get: %v, want %v", err, test.want)
			}
			if _, err := s.Put(ctx, Put{Key: f.key("t"), Content: []byte("x")}); err == nil || (test.want != nil && !errors.Is(err, test.want)) {
				t.Errorf("Put: %v, want %v", err, test.want)
			}
			if err := f.run(t).Delete(ctx, f.key("t"), dig("1")); err == nil {
				t.Error("Delete succeeds")
			}
			if puts := f.server.Count(http.MethodPut, "/manifests/"); puts != 0 {
				t.Errorf("%d manifests were put", puts)
			}
			if after, _ := f.remote.HeadManifest(ctx, format.Tag); after != before {
				t.Error("the manifesto was replaced")
			}
		})
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
