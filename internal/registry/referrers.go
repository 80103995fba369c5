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

// referrersByAPI asks the API, if there is one. That a repository has none is remembered for it alone: behind the host
// of a virtual registry, the next repository may have it.
func (r *Repository) referrersByAPI(
	ctx context.Context, subject oci.Digest,
) (found []oci.ListedReferrer, hasAPI bool, err error) {
	if r.host.lacksReferrers(r.repository.Path()) {
		return nil, false, nil
	}
	target := "referrers/" + subject.String()
	for page := 0; target != "" && page < maxReferrerPages; page++ {
		listed, next, err := r.referrersPage(ctx, target, subject)
		if page == 0 && hasNoReferrersAPI(err) {
			if !errors.Is(err, ErrRepositoryUnknown) { // It may be created later in this run.
				r.host.foundNoReferrers(r.repository.Path())
			}
			return nil, false, nil
		}
		if err != nil {
			return nil, true, err
		}
		if found = append(found, listed...); len(found) > oci.MaxReferrers {
			return nil, true, oci.ErrTooManyReferrers
		}
		target = next
	}
	if target != "" {
		return nil, true, fmt.Errorf("%w: the list has more than %d pages", oci.ErrTooLarge, maxReferrerPages)
	}
	return found, true, nil
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

// referrersByTag reads the list under the fallback tag. Absence of the tag is an empty list; it must show twice.
func (r *Repository) referrersByTag(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	tag := oci.ReferrersTag(subject)
	m, err := r.GetManifest(ctx, tag)
	if errors.Is(err, oci.ErrNotFound) {
		m, err = r.GetManifest(ctx, tag)
	}
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
		return nil, fmt.Errorf("the tag %s: %w", tag, err)
	}
	return listed, nil
}

// lacksReferrers reports whether a repository has shown that it has no API for referrers.
func (h *host) lacksReferrers(repository string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.noReferrers[repository]
}

// foundNoReferrers remembers that a repository has no API for referrers.
func (h *host) foundNoReferrers(repository string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.noReferrers == nil {
		h.noReferrers = map[string]bool{}
	}
	h.noReferrers[repository] = true
}
