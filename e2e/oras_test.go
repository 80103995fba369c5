package e2e

import (
	"context"
	"encoding/json"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/memory"
	orasregistry "oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
)

// orasClient is a repository as oras and other programs with oras-go see it: with none of the provider's code.
type orasClient struct {
	*remote.Repository

	t *testing.T
}

// oras opens a repository by a client of its own.
func (s *server) oras(t *testing.T, path string) orasClient {
	t.Helper()
	repository, err := remote.NewRepository(s.Host + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	repository.PlainHTTP = true
	return orasClient{repository, t}
}

// discover lists what is attached to a manifest, like "oras discover". An empty type means all types.
func (c orasClient) discover(reference, artifactType string) []ocispec.Descriptor {
	c.t.Helper()
	ctx := context.Background()
	subject, err := c.Resolve(ctx, reference)
	if err != nil {
		c.t.Fatal(err)
	}
	found, err := orasregistry.Referrers(ctx, c.Repository, subject, artifactType)
	if err != nil {
		c.t.Fatalf("discovering what is attached to %s: %v", reference, err)
	}
	return found
}

// pull downloads a manifest and all that it refers to, and returns the manifest and the content of its only layer.
func (c orasClient) pull(reference string) (ocispec.Manifest, string) {
	c.t.Helper()
	ctx, store := context.Background(), memory.New()
	pulled, err := oras.Copy(ctx, c.Repository, reference, store, reference, oras.DefaultCopyOptions)
	if err != nil {
		c.t.Fatalf("pulling %s: %v", reference, err)
	}
	text, err := content.FetchAll(ctx, store, pulled)
	if err != nil {
		c.t.Fatal(err)
	}
	var manifest ocispec.Manifest
	if err = json.Unmarshal(text, &manifest); err != nil {
		c.t.Fatal(err)
	}
	if len(manifest.Layers) != 1 {
		c.t.Fatalf("%s has %d layers", reference, len(manifest.Layers))
	}
	layer, err := content.FetchAll(ctx, store, manifest.Layers[0])
	if err != nil {
		c.t.Fatal(err)
	}
	return manifest, string(layer)
}

// attach attaches an artifact with one layer to a manifest, like "oras attach".
func (c orasClient) attach(reference, artifactType, layer string, annotations map[string]string) ocispec.Descriptor {
	c.t.Helper()
	ctx := context.Background()
	subject, err := c.Resolve(ctx, reference)
	if err != nil {
		c.t.Fatal(err)
	}
	pushed, err := oras.PushBytes(ctx, c.Repository, "application/json", []byte(layer))
	if err != nil {
		c.t.Fatal(err)
	}
	attached, err := oras.PackManifest(ctx, c.Repository, oras.PackManifestVersion1_1, artifactType,
		oras.PackManifestOptions{
			Subject: &subject, Layers: []ocispec.Descriptor{pushed}, ManifestAnnotations: annotations,
		})
	if err != nil {
		c.t.Fatalf("attaching to %s: %v", reference, err)
	}
	return attached
}

// copyTo copies a manifest and all that is attached to it, and to that, like "oras copy --recursive --concurrency 1":
// olareg loses entries of a list when several manifests of one subject are put at once.
func (c orasClient) copyTo(to orasClient, reference string) {
	c.t.Helper()
	options := oras.DefaultExtendedCopyOptions
	options.Concurrency = 1
	_, err := oras.ExtendedCopy(context.Background(), c.Repository, reference, to.Repository, reference, options)
	if err != nil {
		c.t.Fatalf("copying %s: %v", reference, err)
	}
}
