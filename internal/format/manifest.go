package format

import (
	"encoding/json"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Manifest is an image manifest of either family, OCI's or Docker's.
type Manifest struct {
	parsed v1.Manifest
}

// ParseManifest reads an image manifest. The error wraps ErrNotManifesto if it is none, or has no layers.
func ParseManifest(m oci.Manifest) (Manifest, error) {
	var parsed v1.Manifest
	if err := json.Unmarshal(m.Content, &parsed); err != nil {
		return Manifest{}, fmt.Errorf("%w: manifest %s: %w", ErrNotManifesto, m.Digest, err)
	}
	if parsed.SchemaVersion != 2 || len(parsed.Layers) == 0 {
		return Manifest{}, fmt.Errorf("%w: manifest %s (%s) has no layers", ErrNotManifesto, m.Digest, m.MediaType)
	}
	for _, layer := range parsed.Layers {
		if _, err := oci.ParseDigest(layer.Digest.String()); err != nil {
			return Manifest{}, fmt.Errorf("%w: manifest %s: %w", ErrNotManifesto, m.Digest, err)
		}
	}
	return Manifest{parsed}, nil
}

// Header returns what our annotations say.
func (m Manifest) Header() Header { return parseHeader(m.parsed.Annotations) }

// Layers returns the layers, lowest first. There is at least one.
func (m Manifest) Layers() []oci.Descriptor { return m.parsed.Layers }

// Config returns the config. Its digest is empty if the manifest names none, as no image does.
func (m Manifest) Config() oci.Descriptor { return m.parsed.Config }

// LayerSizes returns the layers as a set of blobs with their sizes in bytes, which is what a pin manifest is about.
func (m Manifest) LayerSizes() map[oci.Digest]int64 {
	sizes := make(map[oci.Digest]int64, len(m.parsed.Layers))
	for _, layer := range m.parsed.Layers {
		sizes[layer.Digest] = layer.Size
	}
	return sizes
}

// ChooseChild returns the image of an index that holds the manifesto: current builds of Docker wrap a single image and
// its attestations into an index. Of several images it is the one for linux/amd64, else the first. The error wraps
// ErrNotManifesto.
func ChooseChild(index oci.Manifest) (oci.Digest, error) {
	children, err := index.Children()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotManifesto, err)
	}
	if len(children) == 0 {
		return "", fmt.Errorf("%w: image index %s lists no image", ErrNotManifesto, index.Digest)
	}
	for _, child := range children {
		if p := child.Platform; p != nil && p.OS == "linux" && p.Architecture == "amd64" {
			return child.Digest, nil
		}
	}
	return children[0].Digest, nil
}
