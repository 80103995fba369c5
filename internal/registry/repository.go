package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Repository gives access to one repository. Client.Open makes one: the zero value does not work. It is safe for
// concurrent use.
type Repository struct {
	host       *host
	repository oci.Repository
}

// Repository returns the name of the repository.
func (r *Repository) Repository() oci.Repository { return r.repository }

// request describes one exchange with the registry.
type request struct {
	method string
	// path is relative to /v2/NAME/, or a whole URL: the location of an upload.
	path   string
	header http.Header
	body   []byte
	// access is what the login must be for.
	access access
	// unrepeatable keeps net/http from sending the request again by itself, as HTTP/2 does after some stream resets.
	unrepeatable bool
	// accept lists the statuses that mean success.
	accept []int
}

// once sends a request a single time, or a second time if the registry refused the login of the first and there is a
// newer one. It returns an answer whose status is accepted, and the caller closes its body. The error of any other
// answer is an *Error, except for a 404 of the storage that the registry redirects to.
func (r *Repository) once(ctx context.Context, in request) (*http.Response, error) {
	for again := false; ; again = true {
		g, resp, err := r.authorized(ctx, in)
		if err != nil {
			return nil, err
		}
		if slices.Contains(in.accept, resp.StatusCode) {
			return resp, nil
		}
		answer := r.host.responseError(in.method, resp.Request.URL, resp)
		drain(resp) // Before a login, which may need the slot of this request.
		r.host.keepQuiet(ctx, answer)
		own := r.host.is(resp.Request.URL)
		if answer.Status == http.StatusNotFound && !own { // Only the registry itself decides what is absent.
			return nil, fmt.Errorf("%w: the registry redirects to where nothing is: %s",
				oci.ErrBadResponse, answer.Error())
		}
		if again || answer.Status != http.StatusUnauthorized || !own {
			return nil, describe(answer, g)
		}
		better, err := r.host.refused(ctx, r.repository, in.access, g, resp.Header)
		if err != nil {
			return nil, err
		}
		if !better {
			return nil, describe(answer, g)
		}
	}
}

// authorized logs in if that is necessary, and sends a request once.
func (r *Repository) authorized(ctx context.Context, in request) (*grant, *http.Response, error) {
	g, err := r.host.login(ctx, r.repository, in.access)
	if err != nil {
		return nil, nil, err
	}
	target := in.path
	if !strings.Contains(target, "://") {
		target = fmt.Sprintf("%s://%s/v2/%s/%s", r.host.scheme(), r.host.address, r.repository.Path(), in.path)
	}
	var body io.Reader
	if in.body != nil {
		body = bytes.NewReader(in.body)
	}
	req, err := http.NewRequestWithContext(ctx, in.method, target, body)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s to what is no address", oci.ErrBadResponse, in.method)
	}
	maps.Copy(req.Header, in.header)
	if in.unrepeatable {
		req.GetBody = nil
	}
	if g.header != "" && r.host.is(req.URL) { // Uploads may go to another host.
		req.Header.Set("Authorization", g.header)
	}
	resp, err := r.host.send(ctx, r.host.http, req)
	return g, resp, err
}

// exchange sends a request with retries, and hands the answer to read. A body that breaks off leads to a retry too.
func (r *Repository) exchange(ctx context.Context, in request, read func(*http.Response) error) error {
	return r.host.retry(ctx, func(ctx context.Context) error {
		resp, err := r.once(ctx, in)
		if err != nil {
			return err
		}
		defer drain(resp)
		return read(resp)
	})
}

// maxDrain is how much of an unwanted body is read to keep its connection, in bytes.
const maxDrain = 64 << 10

// drain reads the rest of a body and closes it, so that the connection can be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain) // An error only costs the connection.
	_ = resp.Body.Close()                            // The answer has been read: an error changes nothing.
}

// readBody reads the body of an answer of at most limit bytes. It allocates the stated size once a part of that has
// arrived: the size may be a lie. The error wraps oci.ErrTooLarge if the body is larger.
func readBody(ctx context.Context, resp *http.Response, limit int64) ([]byte, error) {
	const first = 1 << 20
	if resp.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", oci.ErrTooLarge, resp.ContentLength, limit)
	}
	if resp.ContentLength <= first {
		return readLimited(ctx, resp.Body, limit)
	}
	start := make([]byte, first)
	if _, err := io.ReadFull(resp.Body, start); err != nil {
		return nil, classify(ctx, err)
	}
	content := append(make([]byte, 0, resp.ContentLength), start...)[:resp.ContentLength]
	if _, err := io.ReadFull(resp.Body, content[first:]); err != nil {
		return nil, classify(ctx, err)
	}
	return content, nil
}

// readLimited reads a body of at most limit bytes. The error wraps oci.ErrTooLarge if the body is larger.
func readLimited(ctx context.Context, body io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, classify(ctx, err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", oci.ErrTooLarge, limit)
	}
	return content, nil
}
