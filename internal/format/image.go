package format

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/klauspost/compress/gzip"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is the image that carries a document: the one that "FROM scratch; ADD x /data" builds. Its media types are
// OCI's, because zot refuses Docker's.
type Image struct {
	// Layer and Config are the image's blobs.
	Layer, Config []byte
	// described is the layer's descriptor. It is kept so that the layer is hashed only once.
	described oci.Descriptor
}

// NewImage wraps a rendered document. Equal documents give equal bytes. The error wraps ErrTooLarge if the document
// exceeds MaxData or a bound of ParseDocument, so that it could not be read back.
func NewImage(document []byte) (Image, error) {
	if len(document) > MaxData {
		return Image{}, fmt.Errorf("%w: the document has %d bytes, at most %d can be read back",
			ErrTooLarge, len(document), MaxData)
	}
	// Every entry has a brace and every field a colon: only a document near a bound is parsed.
	if bytes.Count(document, []byte("{")) > maxEntries || bytes.Count(document, []byte(":")) > maxFields {
		if _, err := ParseDocument(document); err != nil {
			return Image{}, err
		}
	}
	layer, diffID, err := newLayer(document)
	if err != nil {
		return Image{}, err
	}
	config, err := newConfig(diffID)
	if err != nil {
		return Image{}, err
	}
	return Image{Layer: layer, Config: config, described: oci.Descriptor{
		MediaType: oci.MediaTypeOCILayerGzip, Digest: oci.DigestOf(layer), Size: int64(len(layer)),
	}}, nil
}

// Manifest returns the manifest of the image under the tag Tag of a repository.
func (i Image) Manifest(repository oci.Repository, header Header) (oci.Manifest, error) {
	return newManifest(i.Config, []oci.Descriptor{i.described}, header.annotations(repository))
}

func newManifest(config []byte, layers []oci.Descriptor, annotations map[string]string) (oci.Manifest, error) {
	content, err := json.Marshal(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: oci.MediaTypeOCIManifest,
		Config: oci.Descriptor{
			MediaType: oci.MediaTypeOCIConfig, Digest: oci.DigestOf(config), Size: int64(len(config)),
		},
		Layers:      layers,
		Annotations: annotations,
	})
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("encoding a manifest: %w", err)
	}
	return oci.NewManifest(oci.MediaTypeOCIManifest, content), nil
}

func newConfig(diffIDs ...oci.Digest) ([]byte, error) {
	if diffIDs == nil {
		diffIDs = []oci.Digest{} // The field must be a list, not null.
	}
	config, err := json.Marshal(v1.Image{
		Platform: v1.Platform{Architecture: "amd64", OS: "linux"},
		RootFS:   v1.RootFS{Type: "layers", DiffIDs: diffIDs},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding an image config: %w", err)
	}
	return config, nil
}

// compression is the gzip level of the layer. Documents are mostly digests, which hardly compress. Higher levels take
// up to three times as long and save one percent.
const compression = 3

// compressors keeps compressors for later commits, because each holds more than a megabyte.
var compressors sync.Pool

// newLayer returns the gzipped tar with the document as its only file, and the digest of the tar. The tar is never in
// memory as a whole.
func newLayer(document []byte) (layer []byte, diffID oci.Digest, err error) {
	var compressed bytes.Buffer
	z, ok := compressors.Get().(*gzip.Writer)
	if ok {
		z.Reset(&compressed)
	} else if z, err = gzip.NewWriterLevel(&compressed, compression); err != nil {
		return nil, "", fmt.Errorf("building the layer: %w", err)
	}
	defer func() {
		z.Reset(io.Discard) // Releases the layer.
		compressors.Put(z)
	}()
	sum := sha256.New()
	w := tar.NewWriter(io.MultiWriter(z, sum))
	err = w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: "data", Mode: 0o644, Size: int64(len(document)),
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	})
	if err == nil {
		_, err = w.Write(document)
	}
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		return nil, "", fmt.Errorf("building the layer: %w", err)
	}
	return compressed.Bytes(), oci.DigestFrom(sum), nil
}
