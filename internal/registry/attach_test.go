package registry_test

import (
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// artifactOf uploads the blobs of an artifact that differs by its type, and returns its manifest.
func artifactOf(t *testing.T, store registrytest.Store, subject oci.Digest, typ string) oci.Manifest {
	t.Helper()
	artifact := registrytest.Artifact{Type: typ, Layers: []string{typ}, Annotations: map[string]string{"by": typ}}
	m, err := artifact.Manifest(t.Context(), store, subject)
	if err != nil {
		registrytest.Refused(t, "an artifact", err)
	}
	return m
}

// listedAs fails the test unless exactly these manifests are attached to an image.
func listedAs(t *testing.T, r *registry.Repository, image oci.Digest, want ...oci.Digest) {
	t.Helper()
	listed, err := r.Referrers(t.Context(), image)
	slices.Sort(want)
	if got := digests(listed); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// What is attached is listed, and what is detached is not, with the API and without it.
func TestAttachAndDetach(t *testing.T) {
	t.Parallel()
	for _, kind := range append(slices.Clone(registrytest.Kinds), registrytest.GGCRReferrers) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			server := registrytest.New(t, registrytest.Options{Kind: kind})
			image := server.Image(t, "app", "1", "one")
			r := server.Open(t, "app", registry.Options{})
			one, two := artifactOf(t, r, image, "a/one"), artifactOf(t, r, image, "a/two")
			for range 2 { // The second time changes nothing.
				for _, m := range []oci.Manifest{one, two} {
					if err := r.Attach(ctx, m); err != nil {
						t.Fatal(err)
					}
				}
			}
			listedAs(t, r, image, one.Digest, two.Digest)
			if err := r.Detach(ctx, image, one.Digest); err != nil {
				t.Error(err)
			}
			listedAs(t, r, image, two.Digest)
			for range 2 {
				if err := r.Detach(ctx, image, one.Digest, two.Digest); err != nil {
					t.Error(err)
				}
			}
			listedAs(t, r, image)
			if _, err := r.HeadManifest(ctx, two.Digest.String()); err == nil {
				t.Error("the manifest is still there")
			}
		})
	}
}
