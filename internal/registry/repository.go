package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Repository is access to one repository. It is safe for concurrent use.
type Repository struct {
	host       *host
	repository oci.Repository
}

// Repository is the one that this gives access to.
func (r *Repository) Repository() oci.Repository { return r.repository }

// request describes one exchange with the registry.
type request struct {
	method string
	// path is below /v2/NAME/, or a whole URL (an upload's location).
	path   string
	header http.Header
	body   []byte
	// push asks for a login that may write.
	push bool
	// unrepeatable keeps net/http from sending it again by itself, as HTTP/2 does after some resets of a stream.
	unrepeatable bool
	// accept lists the statuses that are success.
	accept []int
}

// once sends a request a single time, or a second time where the registry has refused the first for its login
// and there is a newer one. The caller closes the body of the answer, whose status is one of those accepted;
// any other answer is an *Error.
func (r *Repository) once(ctx context.Context, in request) (*http.Response, error) {
	for again := false; ; again = true {
		g, resp, err := r.authorized(ctx, in)
		if err != nil {
			return nil, err
		}
		if slices.Contains(in.accept, resp.StatusCode) {
			return resp, nil
		}
		answer := responseError(in.method, resp.Request.URL, resp)
		drain(resp) // Before a login, which may need the place that this takes among concurrent requests.
		r.host.keepQuiet(ctx, answer)
		own := r.host.is(resp.Request.URL)
		if answer.Status == http.StatusNotFound && !own { // The storage behind a registry does not decide what is absent.
			return nil, fmt.Errorf("%w: the registry redirects to where nothing is: %s", oci.ErrBadResponse, answer.Error())
		}
		if again || answer.Status != http.StatusUnauthorized || !own {
			return nil, describe(answer, g)
		}
		better, err := r.host.refused(ctx, r.repository, in.push, g, resp.Header)
		if err != nil {
			return nil, err
		}
		if !better {
			return nil, describe(answer, g)
		}
	}
}

// authorized logs in where that is necessary and sends a request, once.
func (r *Repository) authorized(ctx context.Context, in request) (*grant, *http.Response, error) {
	g, err := r.host.login(ctx, r.repository, in.push)
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
		return nil, nil, fmt.Errorf("%w: %w", oci.ErrBadResponse, err)
	}
	maps.Copy(req.Header, in.header)
	if in.unrepeatable {
		req.GetBody = nil
	}
	if g.header != "" && r.host.is(req.URL) { // Uploads may go elsewhere.
		req.Header.Set("Authorization", g.header)
	}
	resp, err := r.host.send(ctx, r.host.http, req)
	return g, resp, err
}

// exchange sends a request that may be sent again, and hands the answer to read. A body that breaks
// off is a reason to send it again too.
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

// maxDrain bounds what is read of an unwanted body to keep its connection, in bytes.
const maxDrain = 64 << 10

// drain lets the connection be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain) // Only to reuse the connection; failing costs nothing.
	_ = resp.Body.Close()                            // The answer was read; nothing depends on closing.
}

// readLimited reads a body of at most limit bytes.
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

// RepositoryExists asks for the repository's tags, of which it wants one only, to tell a repository
// without a certain manifest from one that cannot be read. False with a nil error means that the
// registry said NAME_UNKNOWN; any other failure is an error.
func (r *Repository) RepositoryExists(ctx context.Context) (bool, error) {
	in := request{method: http.MethodGet, path: "tags/list?n=1", accept: []int{http.StatusOK}}
	err := r.exchange(ctx, in, func(*http.Response) error { return nil })
	if errors.Is(err, ErrRepositoryUnknown) {
		return false, nil
	}
	return err == nil, err
}
