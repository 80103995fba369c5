package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// HeadBlob returns the size of a blob in bytes, or -1 where the registry does not say. A missing blob
// is ErrNotFound.
func (r *Remote) HeadBlob(ctx context.Context, digest Digest) (int64, error) {
	size := int64(-1)
	in := request{method: http.MethodHead, path: "blobs/" + digest.String(), accept: []int{http.StatusOK}}
	err := r.exchange(ctx, in, func(resp *http.Response) error {
		size = resp.ContentLength
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("blob %s of %s: %w", digest, r.repository, err)
	}
	return size, nil
}

// GetBlob returns the bytes of a blob of at most limit bytes, verified against its digest. A missing
// blob is ErrNotFound.
func (r *Remote) GetBlob(ctx context.Context, digest Digest, limit int64) ([]byte, error) {
	var content []byte
	in := request{method: http.MethodGet, path: "blobs/" + digest.String(), accept: []int{http.StatusOK}}
	err := r.exchange(ctx, in, func(resp *http.Response) error {
		var err error
		content, err = readLimited(ctx, resp.Body, limit)
		return err
	})
	if err == nil {
		err = verify(content, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s of %s: %w", digest, r.repository, err)
	}
	return content, nil
}

// PutBlob uploads a blob and returns its digest: POST opens the upload, PUT sends all of it. Uploading
// a blob that is there already succeeds.
func (r *Remote) PutBlob(ctx context.Context, content []byte) (Digest, error) {
	digest := DigestOf(content)
	err := r.host.client.retry(ctx, func() error {
		location, err := r.openUpload(ctx)
		if err != nil {
			return err
		}
		query := location.Query()
		query.Set("digest", digest.String())
		location.RawQuery = query.Encode()
		resp, err := r.once(ctx, request{
			method: http.MethodPut, path: location.String(), push: true, body: content,
			header: http.Header{"Content-Type": {"application/octet-stream"}},
			accept: []int{http.StatusCreated},
		})
		if err != nil {
			return err
		}
		drain(resp)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("uploading blob %s to %s: %w", digest, r.repository, err)
	}
	return digest, nil
}

// openUpload starts an upload and returns where to send it.
func (r *Remote) openUpload(ctx context.Context) (*url.URL, error) {
	resp, err := r.once(ctx, request{
		method: http.MethodPost, path: "blobs/uploads/", push: true, body: []byte{},
		accept: []int{http.StatusAccepted},
	})
	if err != nil {
		return nil, err
	}
	defer drain(resp)
	location, err := resp.Location() // Relative locations are resolved against the request.
	if err != nil {
		return nil, fmt.Errorf("%w: upload without a location: %w", ErrBadResponse, err)
	}
	return location, nil
}

// verify compares bytes with their digest.
func verify(content []byte, want Digest) error {
	if got := DigestOf(content); got != want {
		return fmt.Errorf("%w: the registry sent %s", ErrDigestMismatch, got)
	}
	return nil
}
