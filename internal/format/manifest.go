package format

import (
	"errors"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxLayers is the largest number of layers of a manifest: ECR allows the most, 500.
const MaxLayers = 512

// Manifest is an image manifest of either family, OCI's or Docker's.
type Manifest struct {
	parsed v1.Manifest
}

// ParseManifest reads an image manifest. The error wraps ErrNotManifesto if m is no image manifest or has no layers. It
// wraps ErrTooLarge if m has more than MaxLayers or exceeds the bounds of oci.Manifest.
func ParseManifest(m oci.Manifest) (Manifest, error) {
	var parsed v1.Manifest
	switch err := m.Decode(&parsed); {
	case errors.Is(err, oci.ErrTooLarge):
		return Manifest{}, fmt.Errorf("%w: manifest %s: %w", ErrTooLarge, m.Digest, err)
	case err != nil:
		return Manifest{}, fmt.Errorf("%w: manifest %s: %w", ErrNotManifesto, m.Digest, err)
	}
	if parsed.SchemaVersion != 2 || len(parsed.Layers) == 0 {
		return Manifest{}, fmt.Errorf("%w: manifest %s (%s) has no layers", ErrNotManifesto, m.Digest, m.MediaType)
	}
	if len(parsed.Layers) > MaxLayers {
		return Manifest{}, fmt.Errorf("%w: manifest %s has %d layers, the limit is %d",
			ErrTooLarge, m.Digest, len(parsed.Layers), MaxLayers)
	}
	for _, layer := range parsed.Layers {
		if _, err := oci.ParseDigest(layer.Digest.String()); err != nil {
			return Manifest{}, fmt.Errorf("%w: manifest %s: %w", ErrNotManifesto, m.Digest, err)
		}
	}
	return Manifest{parsed}, nil
}

// Header returns the values of our annotations.
func (m Manifest) Header() Header { return parseHeader(m.parsed.Annotations) }

// Layers returns the layers, lowest first. There is at least one.
func (m Manifest) Layers() []oci.Descriptor { return m.parsed.Layers }

// Config returns the config. Its digest is empty if the manifest names none; every image has one.
func (m Manifest) Config() oci.Descriptor { return m.parsed.Config }

// LayerSizes maps the digests of the layers to their sizes in bytes: the blobs that a pin manifest pins.
func (m Manifest) LayerSizes() map[oci.Digest]int64 {
	sizes := make(map[oci.Digest]int64, len(m.parsed.Layers))
	for _, layer := range m.parsed.Layers {
		sizes[layer.Digest] = layer.Size
	}
	return sizes
}

// ChooseChild returns the digest of the image in an index that holds the manifesto. Current versions of Docker wrap a
// single image and its attestations into an index. If there are several images, ChooseChild prefers the one for
// linux/amd64 to the first one. The error wraps ErrNotManifesto.
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
