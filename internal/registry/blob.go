package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// HeadBlob returns the size of a blob in bytes, or -1 if the registry does not send it. The error wraps
// oci.ErrNotFound if there is no such blob.
func (r *Repository) HeadBlob(ctx context.Context, digest oci.Digest) (size int64, err error) {
	defer r.host.clean(&err)
	size = -1
	in := request{method: http.MethodHead, path: "blobs/" + digest.String(), accept: []int{http.StatusOK}}
	err = r.exchange(ctx, in, func(resp *http.Response) error {
		size = resp.ContentLength
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("blob %s of %s: %w", digest, r.repository, err)
	}
	return size, nil
}

// GetBlob returns the bytes of a blob of at most limit bytes, verified against its digest. The error wraps
// oci.ErrNotFound if there is no such blob, oci.ErrTooLarge if it exceeds limit, and oci.ErrDigestMismatch if its bytes
// are others.
func (r *Repository) GetBlob(ctx context.Context, digest oci.Digest, limit int64) (content []byte, err error) {
	defer r.host.clean(&err)
	in := request{method: http.MethodGet, path: "blobs/" + digest.String(), accept: []int{http.StatusOK}}
	err = r.exchange(ctx, in, func(resp *http.Response) (err error) {
		content, err = readBody(ctx, resp, limit)
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

// PutBlob uploads a blob and returns its digest. It succeeds if the registry has the blob already. If the registry has
// shown in this process that it takes monolithic uploads, one POST sends the blob; otherwise a POST opens the upload
// and a PUT sends the blob.
func (r *Repository) PutBlob(ctx context.Context, content []byte) (digest oci.Digest, err error) {
	defer r.host.clean(&err)
	digest = oci.DigestOf(content)
	err = r.host.retry(ctx, func(ctx context.Context) error {
		known := r.host.postsWhole.Load()
		trial := known == untried && len(content) <= maxTrial && r.host.postsWhole.CompareAndSwap(untried, no)
		if known == yes || trial {
			if done, wholeErr := r.tryWhole(ctx, content, digest, known); done {
				return wholeErr
			}
		}
		location, openErr := r.openUpload(ctx)
		if openErr != nil {
			return openErr
		}
		return r.putUpload(ctx, location, content, digest)
	})
	if err != nil {
		return "", fmt.Errorf("uploading blob %s to %s: %w", digest, r.repository, err)
	}
	return digest, nil
}

// Whether a registry takes a blob with a single POST. While the one trial runs, the value is no.
const (
	untried int32 = iota
	no
	yes
)

// maxTrial is the size of the largest blob that is sent as a trial, in bytes: a registry that refuses the POST gets the
// blob a second time.
const maxTrial = 64 << 10

// tryWhole sends a blob with a single POST, to a registry that is known to take it or to find out whether it does. If
// done is false, the blob must be uploaded in two steps, as all later ones are. Registries answer in many ways to an
// upload that they do not support, or do not support above some size.
func (r *Repository) tryWhole(
	ctx context.Context, content []byte, digest oci.Digest, known int32,
) (done bool, err error) {
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
	_, unreachable := errors.AsType[*UnreachableError](err)
	if ctx.Err() != nil || refused || unreachable || (known == yes && passing(err)) {
		r.host.postsWhole.Store(known) // This answer tells nothing about uploads.
		return true, err
	}
	r.host.postsWhole.Store(no)
	return false, nil
}

// postWhole sends a blob with a single POST. If the registry opens an upload instead, as the distribution specification
// allows, taken is false and location is where to send the blob.
func (r *Repository) postWhole(
	ctx context.Context, content []byte, digest oci.Digest,
) (taken bool, location *url.URL, err error) {
	resp, err := r.once(ctx, request{
		method: http.MethodPost, path: "blobs/uploads/?digest=" + url.QueryEscape(digest.String()),
		access: pushing, body: content,
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

// putUpload sends a whole blob to an open upload, and closes the upload.
func (r *Repository) putUpload(ctx context.Context, location *url.URL, content []byte, digest oci.Digest) error {
	query := location.Query()
	query.Set("digest", digest.String())
	location.RawQuery = query.Encode()
	resp, err := r.once(ctx, request{
		method: http.MethodPut, path: location.String(), access: pushing, body: content,
		header: http.Header{"Content-Type": {oci.MediaTypeOctetStream}},
		accept: []int{http.StatusCreated},
	})
	if err != nil {
		return err
	}
	drain(resp)
	return nil
}

// openUpload opens an upload and returns its location.
func (r *Repository) openUpload(ctx context.Context) (*url.URL, error) {
	resp, err := r.once(ctx, request{
		method: http.MethodPost, path: "blobs/uploads/", access: pushing, body: []byte{},
		accept: []int{http.StatusAccepted},
	})
	if err != nil {
		return nil, err
	}
	defer drain(resp)
	return r.uploadLocation(ctx, resp)
}

// uploadLocation returns the location of an upload that an answer names. A registry behind a proxy that ends TLS often
// names its own host with http: uploadLocation replaces that with the registry's scheme.
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
