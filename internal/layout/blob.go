package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// HeadBlob returns a blob's size in bytes. A missing blob is oci.ErrNotFound.
func (l *Layout) HeadBlob(ctx context.Context, digest oci.Digest) (int64, error) {
	d, err := l.open(ctx)
	if err != nil {
		return 0, err
	}
	defer d.done()
	return d.blobSize(digest)
}

// GetBlob returns a blob of at most limit bytes and checks its digest. A missing blob is oci.ErrNotFound, a larger
// one oci.ErrTooLarge, and one with another digest oci.ErrDigestMismatch.
func (l *Layout) GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error) {
	d, err := l.open(ctx)
	if err != nil {
		return nil, err
	}
	defer d.done()
	return d.blob(digest, limit)
}

// PutBlob stores a blob and returns its digest. It writes nothing if the layout has the blob, and replaces a damaged
// one.
func (l *Layout) PutBlob(ctx context.Context, content []byte) (oci.Digest, error) {
	d, err := l.open(ctx)
	if err != nil {
		return "", err
	}
	defer d.done()
	return d.putBlob(content)
}

// blobPath returns the path of a blob in the layout. It refuses a digest with anything but hexadecimal digits, so
// that a digest cannot lead to another file.
func blobPath(digest oci.Digest) (string, error) {
	valid, err := oci.ParseDigest(digest.String())
	if err != nil {
		return "", err
	}
	_, digits, _ := strings.Cut(valid.String(), ":")
	return path.Join(blobsPath, digits), nil
}

func (d directory) blobSize(digest oci.Digest) (int64, error) {
	name, err := blobPath(digest)
	if err != nil {
		return 0, err
	}
	info, err := d.stat(name)
	if err != nil {
		return 0, d.missing(digest, err)
	}
	return info.Size(), nil
}

func (d directory) blob(digest oci.Digest, limit int64) ([]byte, error) {
	name, err := blobPath(digest)
	if err != nil {
		return nil, err
	}
	content, err := d.read(name, limit)
	if err != nil {
		return nil, d.missing(digest, err)
	}
	if got := oci.DigestOf(content); got != digest {
		return nil, fmt.Errorf("%w: the content of %s is %s", oci.ErrDigestMismatch, d.path(name), got)
	}
	return content, nil
}

// missing turns the absence of a file into oci.ErrNotFound.
func (d directory) missing(digest oci.Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob %s of image layout %s: %w", digest, d.Name(), oci.ErrNotFound)
	}
	return err
}

func (d directory) putBlob(content []byte) (oci.Digest, error) {
	digest := oci.DigestOf(content)
	name, err := blobPath(digest)
	if err != nil {
		return "", err
	}
	if have, err := d.read(name, int64(len(content))); err == nil && bytes.Equal(have, content) {
		return digest, nil
	}
	// A layout without blobs may lack the directory.
	if err := d.MkdirAll(blobsPath, directoryPermissions); err != nil {
		return "", d.explain(blobsPath, err)
	}
	return digest, d.write(name, content)
}
