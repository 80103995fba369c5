package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// maxReferrerPages bounds how many pages of a list of referrers are read.
const maxReferrerPages = 1000

// errNoList: the answer has another media type than a list of referrers, and is none.
var errNoList = fmt.Errorf("%w: no list of referrers", oci.ErrBadResponse)

// Referrers returns what the registry lists as attached to a manifest: through the API or, where there is none, under
// the fallback tag. The entries are unverified claims. An empty list proves nothing about a repository that may not be
// readable. The error wraps oci.ErrTooManyReferrers or oci.ErrTooLarge if the list exceeds a bound.
func (r *Repository) Referrers(ctx context.Context, subject oci.Digest) (listed []oci.ListedReferrer, err error) {
	defer r.host.clean(&err)
	listed, hasAPI, err := r.referrersByAPI(ctx, subject)
	if err == nil && !hasAPI {
		listed, err = r.referrersByTag(ctx, subject)
	}
	if err != nil {
		return nil, fmt.Errorf("the referrers of %s: %w", r.spell(subject.String()), err)
	}
	return listed, nil
}

// referrersByAPI asks the API, if there is one.
func (r *Repository) referrersByAPI(
	ctx context.Context, subject oci.Digest,
) (found []oci.ListedReferrer, hasAPI bool, err error) {
	if has, known := r.host.hasReferrersAPI(r.repository.Path()); known && !has {
		return nil, false, nil
	}
	found, target, hasAPI, err := r.firstReferrers(ctx, subject)
	for pages := 1; err == nil && target != "" && pages < maxReferrerPages && len(found) <= oci.MaxReferrers; pages++ {
		var more []oci.ListedReferrer
		more, target, err = r.referrersPage(ctx, target, subject)
		found = append(found, more...)
	}
	switch {
	case err != nil || !hasAPI:
		return nil, hasAPI, err
	case len(found) > oci.MaxReferrers:
		return nil, true, oci.ErrTooManyReferrers
	case target != "":
		return nil, true, fmt.Errorf("%w: the list has more than %d pages", oci.ErrTooLarge, maxReferrerPages)
	}
	return found, true, nil
}

// firstReferrers reads the first page of the API's list, and remembers whether there is an API. It is remembered for
// the one repository: behind the host of a virtual registry, the next repository may differ.
func (r *Repository) firstReferrers(
	ctx context.Context, subject oci.Digest,
) (listed []oci.ListedReferrer, next string, hasAPI bool, err error) {
	listed, next, err = r.referrersPage(ctx, "referrers/"+subject.String(), subject)
	switch {
	case err == nil:
		r.host.foundReferrersAPI(r.repository.Path(), true)
	case hasNoReferrersAPI(err):
		if !errors.Is(err, ErrRepositoryUnknown) { // It may be created later in this run.
			r.host.foundReferrersAPI(r.repository.Path(), false)
		}
		return nil, "", false, nil
	}
	return listed, next, true, err
}

// hasAPI reports whether the registry lists referrers itself. It asks if the repository has not shown it in this run.
func (r *Repository) hasAPI(ctx context.Context, subject oci.Digest) (bool, error) {
	if hasAPI, known := r.host.hasReferrersAPI(r.repository.Path()); known {
		return hasAPI, nil
	}
	_, _, hasAPI, err := r.firstReferrers(ctx, subject)
	return hasAPI, err
}

// referrersPage reads one page of the list, and returns the request for the next one; empty on the last.
func (r *Repository) referrersPage(
	ctx context.Context, target string, subject oci.Digest,
) (listed []oci.ListedReferrer, next string, err error) {
	in := request{
		method: http.MethodGet, path: target, accept: []int{http.StatusOK},
		header: http.Header{"Accept": {oci.MediaTypeOCIIndex}, "Cache-Control": {"no-cache"}},
	}
	err = r.exchange(withinHost(ctx), in, func(resp *http.Response) (err error) {
		if listed, err = readReferrers(ctx, resp); err == nil {
			next, err = nextPage(resp, "referrers/"+subject.String())
		}
		return err
	})
	return listed, next, err
}

// readReferrers reads the list in an answer. The error wraps errNoList if the answer does not even claim to be one.
func readReferrers(ctx context.Context, resp *http.Response) ([]oci.ListedReferrer, error) {
	content, err := readLimited(ctx, resp.Body, oci.MaxManifestSize)
	if err != nil {
		return nil, err
	}
	m := oci.NewManifest(contentType(resp), content)
	listed, err := oci.ParseReferrers(m)
	if errors.Is(err, oci.ErrBadResponse) && m.MediaType != oci.MediaTypeOCIIndex {
		return nil, fmt.Errorf("%w in %d bytes of %q", errNoList, len(content), shorten(m.MediaType))
	}
	return listed, err
}

// hasNoReferrersAPI reports whether the answer to the first request means that the registry has no API. The
// specification wants a 404. Artifactory answered 406, GitLab's proxies send a page with 200, and GitHub redirects to
// its web site.
func hasNoReferrersAPI(err error) bool {
	if errors.Is(err, errNoList) {
		return true
	}
	switch status := statusOf(err); status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable,
		http.StatusNotImplemented:
		return true
	default:
		return status >= http.StatusMultipleChoices && status < http.StatusBadRequest
	}
}

// referrersByTag reads the list under the fallback tag. Absence of the tag is an empty list.
func (r *Repository) referrersByTag(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	m, err := r.taggedList(ctx, subject)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case m.Digest == subject: // GitLab reads the tag as the digest of the image.
		return nil, nil
	}
	listed, err := oci.ParseReferrers(m)
	if err == nil && len(listed) > oci.MaxReferrers {
		err = oci.ErrTooManyReferrers
	}
	if err != nil {
		return nil, fmt.Errorf("the tag %s: %w", oci.ReferrersTag(subject), err)
	}
	return listed, nil
}

// hasReferrersAPI reports whether a repository has an API for referrers, and whether that is known.
func (h *host) hasReferrersAPI(repository string) (hasAPI, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	hasAPI, known = h.referrersAPI[repository]
	return hasAPI, known
}

// foundReferrersAPI remembers that a repository has an API for referrers, or that it has none.
func (h *host) foundReferrersAPI(repository string, hasAPI bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.referrersAPI == nil {
		h.referrersAPI = map[string]bool{}
	}
	h.referrersAPI[repository] = hasAPI
}
