package manifesto

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// resolveImage returns the image manifest in m. If m is an index, it is that of the image that holds the manifesto.
func resolveImage(ctx context.Context, repository Repository, m oci.Manifest) (format.Manifest, error) {
	if m.IsIndex() {
		child, err := format.ChooseChild(m)
		if err != nil {
			return format.Manifest{}, err
		}
		if m, err = getAnnounced(ctx, repository, child); err != nil {
			return format.Manifest{}, err
		}
	}
	return format.ParseManifest(m)
}

// readData returns the file /data of an image, from the uppermost layer that has it. The file may have at most
// maxContent bytes.
func readData(ctx context.Context, repository Repository, m format.Manifest, maxContent int64) ([]byte, error) {
	fetched := map[oci.Digest]bool{} // A hostile manifest may name one layer hundreds of times.
	for _, described := range slices.Backward(m.Layers()) {
		if fetched[described.Digest] {
			continue
		}
		fetched[described.Digest] = true
		layer, err := repository.GetBlob(ctx, described.Digest, format.MaxLayer)
		if err != nil {
			return nil, err
		}
		data, err := format.ReadLayer(bytes.NewReader(layer), format.MaxUnpacked, maxContent)
		if err != nil {
			return nil, err
		}
		if data.Found {
			return data.Content, nil
		}
		if data.Hides {
			break
		}
	}
	return nil, fmt.Errorf("%w: the image has no file %s", format.ErrNotManifesto, format.DataPath)
}

// readVersion reads the version whose manifest is m.
func readVersion(ctx context.Context, repository Repository, m oci.Manifest) (*version, error) {
	parsed, err := resolveImage(ctx, repository, m)
	if err != nil {
		return nil, err
	}
	data, err := readData(ctx, repository, parsed, format.MaxData)
	if err != nil {
		return nil, err
	}
	doc, err := format.ParseDocument(data)
	if err != nil {
		return nil, err
	}
	return &version{digest: m.Digest, manifest: m.Descriptor(), Header: parsed.Header(), doc: doc}, nil
}

// ReadDocument reads the current document of a repository, without any cache. The error wraps oci.ErrNotFound if the
// repository has no manifesto.
func ReadDocument(ctx context.Context, repository Repository) (*format.Document, error) {
	m, err := repository.GetManifest(ctx, format.Tag)
	if err != nil {
		return nil, err
	}
	v, err := readVersion(ctx, repository, m)
	if err != nil {
		return nil, err
	}
	return v.doc, nil
}
