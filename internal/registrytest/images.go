package registrytest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/klauspost/compress/zstd"
)

// Media types in the images that Docker builds.
const (
	dockerConfig = "application/vnd.docker.container.image.v1+json"
	dockerLayer  = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

// Compression of a layer.
type Compression string

// The compressions of layers. Plain is none.
const (
	Plain Compression = "plain"
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
)

// File is one file of a layer.
type File struct {
	Name, Content string
	// Typeflag is the tar format's type of the file; zero means a regular file. The Content of a link is its target.
	Typeflag byte
}

// Layer returns a compressed tar archive of the files. An unknown compression is Plain.
func Layer(compression Compression, files ...File) ([]byte, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, file := range files {
		header := &tar.Header{Name: file.Name, Mode: 0o644, Size: int64(len(file.Content)), Typeflag: file.Typeflag}
		if file.Typeflag == tar.TypeSymlink {
			header.Linkname, header.Size, file.Content = file.Content, 0, ""
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(file.Content)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var z io.WriteCloser
	switch compression {
	case Gzip:
		z = gzip.NewWriter(&out)
	case Zstd:
		var err error
		if z, err = zstd.NewWriter(&out); err != nil {
			return nil, err
		}
	default:
		return archive.Bytes(), nil
	}
	if _, err := z.Write(archive.Bytes()); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// PushImage pushes an OCI image that differs by its seed and returns its digest.
func PushImage(ctx context.Context, remote *registry.Repository, tag, seed string) (oci.Digest, error) {
	layer, err := Layer(Gzip, File{Name: "seed", Content: seed})
	if err != nil {
		return "", err
	}
	types := family{oci.MediaTypeOCIManifest, oci.MediaTypeOCIConfig, oci.MediaTypeOCILayerGzip}
	return push(ctx, remote, tag, types, layer)
}

// PushDockerImage pushes an image in Docker's format, schema 2, with gzip layers and returns its digest.
func PushDockerImage(
	ctx context.Context, remote *registry.Repository, tag string, layers ...[]byte,
) (oci.Digest, error) {
	return push(ctx, remote, tag, family{oci.MediaTypeDockerManifest, dockerConfig, dockerLayer}, layers...)
}

// family has the media types of one kind of image.
type family struct{ manifest, config, layer string }

// emptyConfig is the config of an image without diff IDs, which the tests do not need.
const emptyConfig = `{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}`

func push(
	ctx context.Context, remote *registry.Repository, tag string, types family, layers ...[]byte,
) (oci.Digest, error) {
	descriptor := func(mediaType string, content []byte) (oci.Descriptor, error) {
		digest, err := remote.PutBlob(ctx, content)
		return oci.Descriptor{MediaType: mediaType, Digest: digest, Size: int64(len(content))}, err
	}
	config, err := descriptor(types.config, []byte(emptyConfig))
	if err != nil {
		return "", err
	}
	var described []oci.Descriptor
	for _, layer := range layers {
		d, err := descriptor(types.layer, layer)
		if err != nil {
			return "", err
		}
		described = append(described, d)
	}
	return putJSON(ctx, remote, tag, types.manifest, map[string]any{
		"schemaVersion": 2, "mediaType": types.manifest, "config": config, "layers": described,
	})
}

// PushIndex pushes an image index with a child for each platform, such as "linux/amd64" or "unknown/unknown". It
// returns the digest of the index and those of the children by platform.
func PushIndex(
	ctx context.Context, remote *registry.Repository, tag, seed string, platforms ...string,
) (oci.Digest, map[string]oci.Digest, error) {
	children := map[string]oci.Digest{}
	var manifests []oci.Descriptor
	for _, text := range platforms {
		platform, err := oci.ParsePlatform(text)
		if err != nil {
			return "", nil, err
		}
		childTag := tag + "-child" // Each child takes it from the one before: the index needs digests only.
		digest, err := PushImage(ctx, remote, childTag, seed+text)
		if err != nil {
			return "", nil, err
		}
		m, err := remote.GetManifest(ctx, digest.String())
		if err != nil {
			return "", nil, err
		}
		children[text] = digest
		manifests = append(manifests, oci.Descriptor{
			MediaType: m.MediaType, Digest: digest, Size: int64(len(m.Content)), Platform: platform.Spec(),
		})
	}
	digest, err := PutIndex(ctx, remote, tag, manifests)
	return digest, children, err
}

// PutIndex puts an image index of manifests under a tag and returns its digest.
func PutIndex(
	ctx context.Context, remote *registry.Repository, tag string, manifests []oci.Descriptor,
) (oci.Digest, error) {
	return putJSON(ctx, remote, tag, oci.MediaTypeOCIIndex, map[string]any{
		"schemaVersion": 2, "mediaType": oci.MediaTypeOCIIndex, "manifests": manifests,
	})
}

func putJSON(
	ctx context.Context, remote *registry.Repository, tag, mediaType string, value any,
) (oci.Digest, error) {
	content, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encoding a manifest: %w", err)
	}
	m := oci.NewManifest(mediaType, content)
	return m.Digest, remote.PutManifest(ctx, tag, m, time.Time{})
}
