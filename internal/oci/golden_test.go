package oci

import (
	"encoding/json"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go"
	spec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The digest of a stored image depends on every byte of its manifest and config. These bytes are what every version of
// this program has written; the image specification's Go types must go on producing them.
func TestStoredJSONKeepsItsBytes(t *testing.T) {
	const (
		a = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		b = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	)
	config := Descriptor{MediaType: MediaTypeOCIConfig, Digest: "sha256:" + a, Size: 12}
	layer := Descriptor{MediaType: MediaTypeOCILayerGzip, Digest: "sha256:" + b, Size: 3456}
	manifest := spec.Manifest{
		Versioned: v1.Versioned{SchemaVersion: 2}, MediaType: MediaTypeOCIManifest, Config: config,
		Layers: []Descriptor{layer},
	}
	annotated := manifest
	annotated.Annotations = map[string]string{"dev.manifesto.version": "7", "dev.manifesto.ancestors": ""}
	const (
		configJSON   = `{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:` + a + `","size":12}`
		layerJSON    = `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:` + b + `","size":3456}`
		manifestJSON = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",` +
			`"config":` + configJSON + `,"layers":[` + layerJSON + `]`
	)
	image := spec.Image{
		Platform: spec.Platform{OS: "linux", Architecture: "amd64"},
		RootFS:   spec.RootFS{Type: "layers", DiffIDs: []Digest{"sha256:" + a}},
	}
	for name, test := range map[string]struct {
		value any
		want  string
	}{
		"descriptor": {layer, layerJSON},
		"manifest":   {manifest, manifestJSON + `}`},
		"annotated manifest": {annotated, manifestJSON +
			`,"annotations":{"dev.manifesto.ancestors":"","dev.manifesto.version":"7"}}`},
		"config": {image, `{"architecture":"amd64","os":"linux","config":{},` +
			`"rootfs":{"type":"layers","diff_ids":["sha256:` + a + `"]}}`},
	} {
		if got, err := json.Marshal(test.value); err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v\nwant %s", name, got, err, test.want)
		}
	}
}
