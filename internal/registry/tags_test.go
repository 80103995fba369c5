package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// listTags lists the tags with the prefix "_manifesto" of a server, and counts its requests for them.
func listTags(t *testing.T, serve http.HandlerFunc) (tags []string, requests int, err error) {
	t.Helper()
	return listPrefixed(t, "_manifesto", serve)
}

// listPrefixed is listTags for another prefix.
func listPrefixed(t *testing.T, prefix string, serve http.HandlerFunc) (tags []string, requests int, err error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		requests++
		serve(w, r)
	}))
	defer server.Close()
	repository, err := oci.ParseRepository(strings.TrimPrefix(server.URL, "http://")+"/app", "")
	if err != nil {
		t.Fatal(err)
	}
	client := registry.NewClient(registry.Options{MaxRetries: -1})
	defer client.Close()
	tags, _, err = client.Open(repository).ListTags(t.Context(), prefix)
	return tags, requests, err
}

func paged(tags ...string) func(w http.ResponseWriter, r *http.Request) { return pagesOf(2, tags...) }

// numbered returns sorted tags behind those of a manifesto.
func numbered(n int) []string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = fmt.Sprintf("v%06d", i)
	}
	return tags
}

// described serves all tags in one page that also describes a manifest for each of them, as Google's registries do.
func described(tags ...string) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		manifests, quoted := make([]string, len(tags)), make([]string, len(tags))
		for i, tag := range tags {
			quoted[i] = fmt.Sprintf("%q", tag)
			manifests[i] = fmt.Sprintf(`%q:{"imageSizeBytes":"1","layerId":"","mediaType":%q,"tag":[%q],`+
				`"timeCreatedMs":"1700000000000","timeUploadedMs":"1700000000000"}`,
				oci.DigestOf([]byte(tag)), oci.MediaTypeOCIManifest, tag)
		}
		_, _ = fmt.Fprintf(w, `{"child":[],"manifest":{%s},"name":"app","tags":[%s]}`,
			strings.Join(manifests, ","), strings.Join(quoted, ","))
	}
}

// pagesOf serves tags in pages, in the order given. It honours last only if the tags are sorted.
func pagesOf(size int, tags ...string) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		rest := tags
		last := r.URL.Query().Get("last")
		if slices.IsSorted(tags) {
			for len(rest) > 0 && rest[0] <= last {
				rest = rest[1:]
			}
		} else if i := slices.Index(tags, last); i >= 0 {
			rest = tags[i+1:]
		}
		page := rest[:min(size, len(rest))]
		if len(page) < len(rest) {
			w.Header().Set("Link", fmt.Sprintf("</v2/app/tags/list?n=2&last=%s>; rel=\"next\"", page[len(page)-1]))
		}
		quoted := make([]string, len(page))
		for i, tag := range page {
			quoted[i] = fmt.Sprintf("%q", tag)
		}
		_, _ = fmt.Fprintf(w, `{"name":"app","tags":[%s]}`, strings.Join(quoted, ","))
	}
}

func TestListTags(t *testing.T) {
	ours := []string{"_manifesto", "_manifesto.pins"}
	for name, test := range map[string]struct {
		serve    func(w http.ResponseWriter, r *http.Request)
		want     []string
		requests int
	}{
		"in order":          {paged("1", "2", "3", "4", "A", "_manifesto", "_manifesto.pins", "a", "b", "c"), ours, 3},
		"in order, none":    {paged("1", "2", "3", "4", "A", "a", "b", "c", "d"), nil, 2},
		"many in order":     {pagesOf(10, append(slices.Clone(ours), numbered(100)...)...), ours, 1},
		"many, none":        {pagesOf(10, numbered(100)...), nil, 1},
		"all in one page":   {pagesOf(150_000, append(slices.Clone(ours), numbered(150_000)...)...), ours, 1},
		"described":         {described(append(slices.Clone(ours), numbered(13_000)...)...), ours, 1},
		"without order":     {paged("b", "_manifesto.pins", "1", "_manifesto", "a"), ours, 4},
		"none at all":       {paged(), nil, 1},
		"null":              {func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"tags":null}`) }, nil, 1},
		"only at the end":   {paged("1", "_manifesto", "_manifesto.pins"), ours, 1},
		"other underscores": {paged("_a", "_manifest", "_manifestp", "_z"), nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, requests, err := listTags(t, test.serve)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
			if requests != test.requests {
				t.Errorf("%d requests, want %d", requests, test.requests)
			}
		})
	}
}

// Without a prefix, all pages are read, once, whatever their order.
func TestListAllTags(t *testing.T) {
	got, requests, err := listPrefixed(t, "", pagesOf(10, append(numbered(15), "a", "_manifesto")...))
	want := slices.Sorted(slices.Values(append(numbered(15), "a", "_manifesto")))
	if err != nil || !slices.Equal(got, want) || requests != 2 {
		t.Errorf("got %q in %d requests, %v", got, requests, err)
	}
}

func TestListTagsOfAHostileRegistry(t *testing.T) {
	for name, test := range map[string]struct {
		serve func(w http.ResponseWriter, r *http.Request)
		want  error
	}{
		"a login page": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>log in") }, oci.ErrBadResponse,
		},
		"pages without an end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", `</v2/app/tags/list?n=1>; rel="next"`)
			_, _ = fmt.Fprint(w, `{"tags":[]}`)
		}, oci.ErrTooLarge},
		"a page without an end": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"tags":["%s"]}`, strings.Repeat("a", 5<<20))
		}, oci.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := listTags(t, test.serve); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
