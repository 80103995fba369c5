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
// ErrContentMissing if the content is gone, or if the entry names none that is usable.
func (s *Store) Content(ctx context.Context, name oci.Repository, entry format.Entry) ([]byte, format.Entry, error) {
	if entry.Digest == "" {
		return nil, entry, fmt.Errorf("%w: the entry %q has no usable digest", ErrContentMissing, entry.Type)
	}
	content, err := getContent(ctx, s.committer(name).repository, contentKey(entry))
	if err != nil {
		return nil, entry, err
	}
	return content, measured(entry, int64(len(content))), nil
}

// IsDamage reports whether an error of Content is about what is stored, so that another attempt would fail in the same
// way, and other contents may well be read: the content is gone, exceeds format.MaxContent, has another digest, or is
// an image that cannot be read. Errors of the connection, of the registry and of permissions are no damage.
func IsDamage(err error) bool {
	for _, damage := range []error{
		ErrContentMissing, format.ErrMalformed, format.ErrNotManifesto, format.ErrTooLarge, oci.ErrTooLarge,
		oci.ErrDigestMismatch, oci.ErrNoManifest,
	} {
		if errors.Is(err, damage) {
			return true
		}
	}
	return false
}

// wanted is the content that an entry names.
type wanted struct {
	digest oci.Digest
	// foreign says that another tool wrote the entry, so that the digest may be that of an image in the oldest form.
	foreign bool
}

func contentKey(entry format.Entry) wanted { return wanted{entry.Digest, entry.Created.IsZero()} }

// getContent gets a content. The error wraps ErrContentMissing if it is gone.
func getContent(ctx context.Context, repository Repository, key wanted) ([]byte, error) {
	content, err := repository.GetBlob(ctx, key.digest, format.MaxContent)
	// Some registries serve manifests as blobs, too. So the blob of another tool's entry may be an image in the oldest
	// form.
	if errors.Is(err, oci.ErrNotFound) || (err == nil && key.foreign && looksLikeImage(content)) {
		return imageContent(ctx, repository, key.digest)
	}
	return content, err
}

// measured returns the entry with the size of its content. Without a size that is right, only type and digest count.
func measured(entry format.Entry, size int64) format.Entry {
	if entry.Size != size {
		if entry.Size >= 0 {
			entry = format.Entry{Type: entry.Type, Digest: entry.Digest}
		}
		entry.Size = size
	}
	return entry
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
	var content []byte
	if err == nil {
		content, err = readData(ctx, repository, parsed, format.MaxContent)
	}
	if errors.Is(err, oci.ErrNotFound) {
		return nil, fmt.Errorf("%w: image %s lacks a part: %w", ErrContentMissing, digest, err)
	}
	return content, err
}
