package manifesto

import (
	"context"
	"errors"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Content returns the content of an entry, and the entry. If the entry has another size than the content, a foreign
// writer has changed its digest and left our other fields, so Content returns the entry without them. The error wraps
// ErrContentMissing if the content is gone.
func (s *Store) Content(ctx context.Context, name oci.Repository, entry format.Entry) ([]byte, format.Entry, error) {
	repository := s.committer(name).repository
	content, err := repository.GetBlob(ctx, entry.Digest, format.MaxContent)
	// Some registries serve manifests as blobs, too. So the blob of another tool's entry may be an image in the oldest
	// form.
	if errors.Is(err, oci.ErrNotFound) || (err == nil && entry.Created.IsZero() && looksLikeImage(content)) {
		content, err = imageContent(ctx, repository, entry.Digest)
	}
	if err != nil {
		return nil, entry, err
	}
	if size := int64(len(content)); entry.Size != size {
		if entry.Size >= 0 {
			entry = format.Entry{Type: entry.Type, Digest: entry.Digest}
		}
		entry.Size = size
	}
	return content, entry, nil
}

func looksLikeImage(content []byte) bool {
	parsed, err := format.ParseManifest(oci.NewManifest("", content))
	return err == nil && parsed.Config().Digest != ""
}

// imageContent reads content in the oldest form: the file /data of the image that the digest names.
func imageContent(ctx context.Context, repository Repository, digest oci.Digest) ([]byte, error) {
	m, err := repository.GetManifest(ctx, digest.String())
	if errors.Is(err, oci.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s is neither a blob nor an image", ErrContentMissing, digest)
	}
	if err != nil {
		return nil, err
	}
	parsed, err := resolveImage(ctx, repository, m)
	if err != nil {
		return nil, err
	}
	return readData(ctx, repository, parsed, format.MaxContent)
}
