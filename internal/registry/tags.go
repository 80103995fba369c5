package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Bounds of a list of tags.
const (
	// tagsAtOnce is how many tags a request asks for. Registries may send fewer.
	tagsAtOnce = 1000
	// maxTagPages bounds how many pages are read.
	maxTagPages = 1000
	// minSortedPage is the length of a page from which its order is no accident.
	minSortedPage = 10
	// maxTagPage bounds one page, in bytes.
	maxTagPage = 4 << 20
)

// tagPage is one answer to a list of tags.
type tagPage struct {
	tags []string
	// next is the request for the next page; empty on the last.
	next string
}

// ListTags returns the repository's tags that begin with prefix; all tags if it is empty. known is false without an
// error only if the registry answers NAME_UNKNOWN; any other failure is an error. A registry that lists tags in order
// needs one request for a prefix, however many tags there are, and otherwise one for each page.
func (r *Repository) ListTags(ctx context.Context, prefix string) (tags []string, known bool, err error) {
	defer r.host.clean(&err)
	before := prefix[:max(len(prefix)-1, 0)]
	tags, inOrder, err := r.listTags(ctx, prefix, before)
	if err == nil && !inOrder {
		tags, _, err = r.listTags(ctx, prefix, "")
	}
	if errors.Is(err, ErrRepositoryUnknown) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("the tags of %s: %w", r.repository, err)
	}
	return tags, true, nil
}

// listTags lists the tags that begin with prefix. With after, it asks for the tags behind that one only, which the
// specification sorts, and ends with the page that goes beyond prefix. inOrder is false if the registry has not sorted
// them. A registry that sorts them and ignores after is no problem: it lists those with prefix before that page ends.
func (r *Repository) listTags(ctx context.Context, prefix, after string) (found []string, inOrder bool, err error) {
	query := url.Values{"n": {strconv.Itoa(tagsAtOnce)}}
	if after != "" {
		query.Set("last", after)
	}
	target := "tags/list?" + query.Encode()
	last := after
	for range maxTagPages {
		page, err := r.tagPage(ctx, target)
		if err != nil {
			return nil, false, err
		}
		for _, tag := range page.tags {
			if strings.HasPrefix(tag, prefix) {
				found = append(found, tag)
			}
			if after != "" && tag <= last {
				return nil, false, nil
			}
			last = tag
		}
		passed := after != "" && len(page.tags) >= minSortedPage && last > prefix && !strings.HasPrefix(last, prefix)
		if passed || page.next == "" {
			slices.Sort(found)
			return found, true, nil
		}
		target = page.next
	}
	return nil, false, fmt.Errorf("%w: the list of tags has more than %d pages", oci.ErrTooLarge, maxTagPages)
}

func (r *Repository) tagPage(ctx context.Context, target string) (tagPage, error) {
	var page tagPage
	in := request{method: http.MethodGet, path: target, accept: []int{http.StatusOK}}
	err := r.exchange(ctx, in, func(resp *http.Response) error {
		content, err := readLimited(ctx, resp.Body, maxTagPage)
		if err != nil {
			return err
		}
		if page.tags, err = oci.ParseTags(content); err != nil {
			return err
		}
		page.next, err = nextPage(resp, "tags/list")
		return err
	})
	return page, err
}

// nextPage returns the request that a Link header names as the next page of the list at path, relative to the
// repository; empty if there is none. The header's own path does not matter: a registry must not send the list to
// another place.
func nextPage(resp *http.Response, path string) (string, error) {
	link, rest, ok := strings.Cut(resp.Header.Get("Link"), ">")
	if !ok || !strings.Contains(rest, "next") {
		return "", nil
	}
	next, err := url.Parse(strings.TrimPrefix(strings.TrimSpace(link), "<"))
	if err != nil {
		return "", fmt.Errorf("%w: the next page of the list has no valid address", oci.ErrBadResponse)
	}
	return path + "?" + next.RawQuery, nil
}
