package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// HeadBlob returns the size of a blob in bytes, or -1 where the registry does not say. A missing blob
// is ErrNotFound.
func (r *Repository) HeadBlob(ctx context.Context, digest oci.Digest) (int64, error) {
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
func (r *Repository) GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error) {
	var content []byte
	in := request{method: http.MethodGet, path: "blobs/" + digest.String(), accept: []int{http.StatusOK}}
	err := r.exchange(ctx, in, func(resp *http.Response) error {
		var err error
		content, err = readLimited(ctx, resp.Body, limit)
		return err
	})
	if err == nil {
		err = oci.Verify(content, digest)
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s of %s: %w", digest, r.repository, err)
	}
	return content, nil
}

// PutBlob uploads a blob and returns its digest. Uploading a blob that is there already succeeds. It takes
// a single POST where the registry has shown in this process that it takes one, and otherwise a POST that
// opens the upload and a PUT that sends all of it.
func (r *Repository) PutBlob(ctx context.Context, content []byte) (oci.Digest, error) {
	digest := oci.DigestOf(content)
	err := r.host.retry(ctx, func(ctx context.Context) error {
		known := r.host.postsWhole.Load()
		trial := known == untried && len(content) <= maxTrial && r.host.postsWhole.CompareAndSwap(untried, no)
		if known == yes || trial {
			if done, err := r.tryWhole(ctx, content, digest, known); done {
				return err
			}
		}
		location, err := r.openUpload(ctx)
		if err != nil {
			return err
		}
		return r.putUpload(ctx, location, content, digest)
	})
	if err != nil {
		return "", fmt.Errorf("uploading blob %s to %s: %w", digest, r.repository, err)
	}
	return digest, nil
}

// What is known of a registry's taking whole blobs with a POST. Until the one trial has ended, no is assumed.
const (
	untried int32 = iota
	no
	yes
)

// maxTrial is the size of the largest blob that is sent, for trial, with a POST: a registry that does not
// take it so gets it a second time, in bytes.
const maxTrial = 64 << 10

// tryWhole sends a blob with a single POST, where the registry is known to take it so or to find out whether
// it does. False means that the blob is yet to be uploaded, in two steps as from now on: registries do not agree
// on what to say to what they do not support, or do not from a certain size on.
func (r *Repository) tryWhole(ctx context.Context, content []byte, digest oci.Digest, known int32) (done bool, err error) {
	taken, location, err := r.postWhole(ctx, content, digest)
	if taken {
		r.host.postsWhole.Store(yes)
		return true, nil
	}
	if err == nil {
		r.host.postsWhole.Store(no)
		return r.putUpload(ctx, location, content, digest) == nil, nil
	}
	refused := errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrForbidden) || errors.Is(err, oci.ErrRateLimited)
	if ctx.Err() != nil || refused || (known == yes && passing(err)) {
		r.host.postsWhole.Store(known) // This says nothing about it.
		return true, err
	}
	r.host.postsWhole.Store(no)
	return false, nil
}

// postWhole sends a blob with a single POST. Where the registry opens an upload instead, as the distribution
// specification allows, the blob is not taken, and location is where to send it.
func (r *Repository) postWhole(ctx context.Context, content []byte, digest oci.Digest) (taken bool, location *url.URL, err error) {
	resp, err := r.once(ctx, request{
		method: http.MethodPost, path: "blobs/uploads/?digest=" + url.QueryEscape(digest.String()), push: true, body: content,
		header: http.Header{"Content-Type": {oci.MediaTypeOctetStream}},
		accept: []int{http.StatusCreated, http.StatusAccepted},
	})
	if err != nil {
		return false, nil, err
	}
	defer drain(resp)
	if resp.StatusCode == http.StatusCreated {
		return true, nil, nil
	}
	location, err = r.uploadLocation(ctx, resp)
	return false, location, err
}

// putUpload sends all of a blob to an upload that was opened, and ends it.
func (r *Repository) putUpload(ctx context.Context, location *url.URL, content []byte, digest oci.Digest) error {
	query := location.Query()
	query.Set("digest", digest.String())
	location.RawQuery = query.Encode()
	resp, err := r.once(ctx, request{
		method: http.MethodPut, path: location.String(), push: true, body: content,
		header: http.Header{"Content-Type": {oci.MediaTypeOctetStream}},
		accept: []int{http.StatusCreated},
	})
	if err != nil {
		return err
	}
	drain(resp)
	return nil
}

// openUpload starts an upload and returns where to send it.
func (r *Repository) openUpload(ctx context.Context) (*url.URL, error) {
	resp, err := r.once(ctx, request{
		method: http.MethodPost, path: "blobs/uploads/", push: true, body: []byte{},
		accept: []int{http.StatusAccepted},
	})
	if err != nil {
		return nil, err
	}
	defer drain(resp)
	return r.uploadLocation(ctx, resp)
}

// uploadLocation returns where an answer says that an upload goes on. Behind a proxy that ends TLS, registries
// often give their own host with http: it is taken for the registry's scheme.
func (r *Repository) uploadLocation(ctx context.Context, resp *http.Response) (*url.URL, error) {
	location, err := resp.Location() // Relative locations are resolved against the request.
	if err != nil {
		return nil, fmt.Errorf("%w: an upload without a location, or with one that is no address", oci.ErrBadResponse)
	}
	if r.host.has(location) {
		location.Scheme, location.Host = r.host.scheme(), r.host.address
	}
	return location, r.host.checkForeign(ctx, location)
}
