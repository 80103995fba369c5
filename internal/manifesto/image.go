package manifesto

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/klauspost/compress/gzip"
)

// Tag is the tag of a repository's manifesto.
const Tag = "_manifesto"

// Manifest annotations (section 3 of the design).
const (
	annotationVersion    = "dev.manifesto.version"
	annotationAncestors  = "dev.manifesto.ancestors"
	annotationWindow     = "dev.manifesto.window"
	annotationRepository = "dev.manifesto.repository"
)

// descriptor and manifest fix the order of the fields that we write.
type descriptor struct {
	MediaType string     `json:"mediaType"`
	Digest    oci.Digest `json:"digest"`
	Size      int64      `json:"size"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type imageConfig struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	Config       struct{} `json:"config"`
	RootFS       rootFS   `json:"rootfs"`
}

type rootFS struct {
	Type    string       `json:"type"`
	DiffIDs []oci.Digest `json:"diff_ids"`
}

// manifestoImage is the document as the image that "FROM scratch; ADD x /data" builds, in OCI media types
// (zot refuses Docker's).
type manifestoImage struct {
	layer, config []byte
	// described is the layer in the manifest: nothing is left to be hashed when that is put.
	described descriptor
}

// newImage wraps a document. The same input gives the same bytes.
func newImage(document []byte) (manifestoImage, error) {
	if len(document) > maxData {
		return manifestoImage{}, fmt.Errorf("%w: the document has %d bytes, at most %d can be read back", ErrTooLarge, len(document), maxData)
	}
	layer, diffID, err := newLayer(document)
	if err != nil {
		return manifestoImage{}, err
	}
	config, err := newConfig(diffID)
	if err != nil {
		return manifestoImage{}, err
	}
	described := descriptor{oci.MediaTypeOCILayerGzip, oci.DigestOf(layer), int64(len(layer))}
	return manifestoImage{layer: layer, config: config, described: described}, nil
}

// manifest returns the manifest of the image, with the annotations that a version has.
func (i manifestoImage) manifest(repository oci.Repository, v *version) (oci.Manifest, error) {
	return newManifest(i.config,
		[]descriptor{i.described},
		withRepository(repository, map[string]string{
			annotationVersion:   strconv.FormatInt(v.number, 10),
			annotationAncestors: joinDigests(v.ancestors),
			annotationWindow:    v.window.String(),
		}))
}

// withRepository adds to annotations which repository they are in. A layout on disk is not named: where it was
// when it was written means nothing to whoever it is carried to, and tells them a path of the writer's machine.
func withRepository(repository oci.Repository, annotations map[string]string) map[string]string {
	if _, onDisk := repository.Layout(); !onDisk {
		annotations[annotationRepository] = repository.String()
	}
	return annotations
}

func newManifest(config []byte, layers []descriptor, annotations map[string]string) (oci.Manifest, error) {
	content, err := json.Marshal(manifest{
		SchemaVersion: 2,
		MediaType:     oci.MediaTypeOCIManifest,
		Config:        descriptor{oci.MediaTypeOCIConfig, oci.DigestOf(config), int64(len(config))},
		Layers:        layers,
		Annotations:   annotations,
	})
	if err != nil {
		return oci.Manifest{}, fmt.Errorf("encoding a manifest: %w", err)
	}
	return oci.NewManifest(oci.MediaTypeOCIManifest, content), nil
}

func newConfig(diffIDs ...oci.Digest) ([]byte, error) {
	if diffIDs == nil {
		diffIDs = []oci.Digest{}
	}
	config, err := json.Marshal(imageConfig{
		Architecture: "amd64",
		OS:           "linux",
		RootFS:       rootFS{Type: "layers", DiffIDs: diffIDs},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding an image config: %w", err)
	}
	return config, nil
}

// compression is the gzip level of the layer. Documents are mostly digests, which hardly compress: higher
// levels take up to three times as long for one percent.
const compression = 3

// compressors keeps what a commit has compressed with for the next one: each is more than a megabyte.
var compressors sync.Pool

// newLayer returns the gzipped tar with the document as its only file, and the digest of the tar, which is
// never in memory as a whole.
func newLayer(document []byte) (layer []byte, diffID oci.Digest, err error) {
	var compressed bytes.Buffer
	z, ok := compressors.Get().(*gzip.Writer)
	if ok {
		z.Reset(&compressed)
	} else if z, err = gzip.NewWriterLevel(&compressed, compression); err != nil {
		return nil, "", fmt.Errorf("building the layer: %w", err)
	}
	defer func() {
		z.Reset(io.Discard) // Or it would keep the layer.
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
	if err := errors.Join(err, w.Close(), z.Close()); err != nil {
		return nil, "", fmt.Errorf("building the layer: %w", err)
	}
	return compressed.Bytes(), oci.DigestFrom(sum), nil
}

// parseManifest reads an image manifest of either family. The error wraps ErrNotManifesto.
func parseManifest(m oci.Manifest) (manifest, error) {
	var parsed manifest
	if err := json.Unmarshal(m.Content, &parsed); err != nil {
		return manifest{}, fmt.Errorf("%w: manifest %s: %w", ErrNotManifesto, m.Digest, err)
	}
	if parsed.SchemaVersion != 2 || len(parsed.Layers) == 0 {
		return manifest{}, fmt.Errorf("%w: manifest %s (%s) has no layers", ErrNotManifesto, m.Digest, m.MediaType)
	}
	for _, layer := range parsed.Layers {
		if _, err := oci.ParseDigest(layer.Digest.String()); err != nil {
			return manifest{}, fmt.Errorf("%w: manifest %s: %w", ErrNotManifesto, m.Digest, err)
		}
	}
	return parsed, nil
}

// version is the manifesto's counter, or 0 where a foreign writer left none.
func (m manifest) version() int64 {
	version, err := strconv.ParseInt(m.Annotations[annotationVersion], 10, 64)
	if err != nil || version < 0 {
		return 0
	}
	return version
}

// maxAncestors is how many ancestors a manifest names: more than any run commits while a replica lags.
const maxAncestors = 32

// ancestors are the digests of the manifests that it descends from, nearest first.
func (m manifest) ancestors() []oci.Digest {
	var ancestors []oci.Digest
	for text := range strings.SplitSeq(m.Annotations[annotationAncestors], ",") {
		if digest, err := oci.ParseDigest(text); err == nil && len(ancestors) < maxAncestors {
			ancestors = append(ancestors, digest)
		}
	}
	return ancestors
}

// window is the bound that the manifest's writer announced, 0 where there is none. Nobody is believed to
// need longer than maxWindow.
func (m manifest) window() time.Duration {
	window, err := time.ParseDuration(m.Annotations[annotationWindow])
	if err != nil || window < 0 {
		return 0
	}
	return min(window, maxWindow)
}

func joinDigests(digests []oci.Digest) string {
	texts := make([]string, len(digests))
	for i, digest := range digests {
		texts[i] = digest.String()
	}
	return strings.Join(texts, ",")
}

// resolveImage returns the image that a manifest is or, for an index, the one it lists: current builds
// of Docker wrap a single image and its attestations into one.
func resolveImage(ctx context.Context, remote Repository, m oci.Manifest) (manifest, error) {
	if m.IsIndex() {
		children, err := m.Children()
		if err != nil {
			return manifest{}, fmt.Errorf("%w: %w", ErrNotManifesto, err)
		}
		if len(children) == 0 {
			return manifest{}, fmt.Errorf("%w: image index %s lists no image", ErrNotManifesto, m.Digest)
		}
		chosen := children[0]
		for _, child := range children {
			if p := child.Platform; p != nil && p.OS == "linux" && p.Architecture == "amd64" {
				chosen = child
				break
			}
		}
		if m, err = getKnown(ctx, remote, chosen.Digest); err != nil {
			return manifest{}, err
		}
	}
	return parseManifest(m)
}

// readData returns the file /data of an image: from its uppermost layer that has it.
func readData(ctx context.Context, remote Repository, m manifest, maxContent int64) ([]byte, error) {
	for _, described := range slices.Backward(m.Layers) {
		layer, err := remote.GetBlob(ctx, described.Digest, maxLayer)
		if err != nil {
			return nil, err
		}
		data, err := readLayer(bytes.NewReader(layer), maxUnpacked, maxContent)
		if err != nil {
			return nil, err
		}
		if data.found {
			return data.content, nil
		}
		if data.hides {
			break
		}
	}
	return nil, fmt.Errorf("%w: the image has no file %s", ErrNotManifesto, dataPath)
}
