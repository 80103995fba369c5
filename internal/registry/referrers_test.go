package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// digests returns the sorted digests of a list.
func digests(listed []oci.ListedReferrer) []oci.Digest {
	var digests []oci.Digest
	for _, entry := range listed {
		digests = append(digests, entry.Digest)
	}
	slices.Sort(digests)
	return digests
}

// Every registry lists what was attached, with the API or with the fallback tag. That it has no API is asked once for a
// repository.
func TestReferrers(t *testing.T) {
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			ctx := t.Context()
			server := registrytest.New(t, registrytest.Options{Kind: kind})
			image, bare := server.Image(t, "app", "1", "one"), server.Image(t, "app", "2", "two")
			r := server.Open(t, "app", registry.Options{})
			var want []oci.Digest
			for _, typ := range []string{"application/vnd.example.report", "application/vnd.example.sbom"} {
				attached, err := registrytest.Attach(ctx, r, image, registrytest.Artifact{Type: typ, Layers: []string{typ}})
				if err != nil {
					registrytest.Refused(t, "an artifact", err)
				}
				want = append(want, attached.Digest)
			}
			slices.Sort(want)
			server.Reset()
			listed, err := r.Referrers(ctx, image)
			if err != nil || !slices.Equal(digests(listed), want) {
				t.Errorf("got %v, %v; want %v", listed, err, want)
			}
			byAPI := server.Count("", "/manifests/") == 0
			if kind == registrytest.Olareg && !byAPI || kind == registrytest.OlaregNoReferrers && byAPI {
				t.Errorf("it used the API: %t", byAPI)
			}
			checkRequests(t, server, map[string]int{"/referrers/": 1})
			server.Reset()
			if listed, err = r.Referrers(ctx, bare); err != nil || len(listed) != 0 {
				t.Errorf("an image without referrers has %v, %v", listed, err)
			}
			if byAPI {
				checkRequests(t, server, map[string]int{"/referrers/": 1, "/manifests/": 0})
			} else {
				checkRequests(t, server, map[string]int{"/referrers/": 0, "/manifests/" + oci.ReferrersTag(bare): 2})
			}
		})
	}
}

// checkRequests checks how many requests there were for paths.
func checkRequests(t *testing.T, server *registrytest.Server, want map[string]int) {
	t.Helper()
	for path, n := range want {
		if got := server.Count("", path); got != n {
			t.Errorf("%d requests for %s, want %d: %v", got, path, n, server.Requests())
		}
	}
}

// listOf returns a list of referrers with these digests.
func listOf(digests ...oci.Digest) string {
	entries := make([]string, len(digests))
	for i, digest := range digests {
		entries[i] = fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1}`, oci.MediaTypeOCIManifest, digest)
	}
	return `{"schemaVersion":2,"manifests":[` + strings.Join(entries, ",") + `]}`
}

// indexes returns digests of nothing.
func indexes(n int) []oci.Digest {
	digests := make([]oci.Digest, n)
	for i := range digests {
		digests[i] = oci.Digest(fmt.Sprintf("sha256:%064x", i))
	}
	return digests
}

var attachedTo = oci.DigestOf([]byte("image"))

// referrersOf asks a server twice what is attached to an image. api answers the API, and tag what asks for the fallback
// tag. It returns the first answer, and how many requests of the API and for the tag both took.
func referrersOf(t *testing.T, api, tag http.HandlerFunc) (listed []oci.ListedReferrer, apis, tags int, err error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v2/":
		case "/v2/app/referrers/" + attachedTo.String():
			apis++
			api(w, r)
		case "/v2/app/manifests/" + oci.ReferrersTag(attachedTo):
			tags++
			tag(w, r)
		default:
			t.Errorf("a request for %s", r.URL.Path)
		}
	}))
	defer server.Close()
	client := registry.NewClient(registry.Options{MaxRetries: 1, Backoff: time.Millisecond})
	defer client.Close()
	repository, err := oci.ParseRepository(strings.TrimPrefix(server.URL, "http://")+"/app", "")
	if err != nil {
		t.Fatal(err)
	}
	listed, err = client.Open(repository).Referrers(t.Context(), attachedTo)
	_, _ = client.Open(repository).Referrers(t.Context(), attachedTo) // Only its requests count.
	return listed, apis, tags, err
}

func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { registrytest.Refuse(w, status, code, "no") }
}

var notFound = refuse(http.StatusNotFound, "MANIFEST_UNKNOWN")

// What means that there is no API leads to the fallback tag, and is remembered.
func TestNoReferrersAPI(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the client has followed a redirect to another host")
	}))
	defer elsewhere.Close()
	one := indexes(1)
	list := respond(200, oci.MediaTypeOCIIndex, listOf(one...))
	for name, test := range map[string]struct {
		api, tag   http.HandlerFunc
		want       []oci.Digest
		apis, tags int
	}{
		"a 404":                    {notFound, list, one, 1, 2},
		"a 404 without an error":   {respond(404, "text/plain", "404 page not found"), list, one, 1, 2},
		"a 405":                    {refuse(405, "UNSUPPORTED"), list, one, 1, 2},
		"a 406":                    {refuse(406, "UNSUPPORTED"), list, one, 1, 2},
		"a 400":                    {refuse(400, "UNSUPPORTED"), list, one, 1, 2},
		"a 501":                    {refuse(501, "UNSUPPORTED"), list, one, 1, 2},
		"a page":                   {respond(200, "text/html", page), list, one, 1, 2},
		"other JSON":               {respond(200, "application/json", `{"ok":true}`), list, one, 1, 2},
		"an unknown repository":    {refuse(404, "NAME_UNKNOWN"), list, one, 2, 2},
		"no tag":                   {notFound, notFound, nil, 1, 4},
		"a redirect to a web site": {redirect(elsewhere.URL), list, one, 1, 2},
		"a redirect to its own host": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "" {
				redirect("?x")(w, r)
			} else {
				list(w, r)
			}
		}, notFound, one, 4, 0},
		"a generic Content-Type":   {respond(200, "application/json", listOf(one...)), notFound, one, 2, 0},
		"a list without a type":    {respond(200, "", listOf(one...)), notFound, one, 2, 0},
		"an empty list of the API": {respond(200, oci.MediaTypeOCIIndex, listOf()), list, nil, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			listed, apis, tags, err := referrersOf(t, test.api, test.tag)
			if err != nil || !slices.Equal(digests(listed), test.want) {
				t.Errorf("got %v, %v; want %v", listed, err, test.want)
			}
			if apis != test.apis || tags != test.tags {
				t.Errorf("%d requests of the API and %d of the tag, want %d and %d", apis, tags, test.apis, test.tags)
			}
		})
	}
}

// Some registries read the fallback tag as the digest of the image. Its children are not attached to it.
func TestFallbackTagIsTheImage(t *testing.T) {
	content := listOf(indexes(3)...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			respond(200, oci.MediaTypeOCIIndex, content)(w, r)
		} else if r.URL.Path != "/v2/" {
			notFound(w, r)
		}
	}))
	defer server.Close()
	client := registry.NewClient(registry.Options{})
	defer client.Close()
	repository, err := oci.ParseRepository(strings.TrimPrefix(server.URL, "http://")+"/app", "")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := client.Open(repository).Referrers(t.Context(), oci.DigestOf([]byte(content)))
	if err != nil || len(listed) != 0 {
		t.Errorf("got %v, %v", listed, err)
	}
}

// second answers the first page with one handler, and later pages with the other.
func second(first, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "" {
			w.Header().Set("Link", fmt.Sprintf(`<%s?page=2>; rel="next"`, r.URL.Path))
			first(w, r)
		} else {
			then(w, r)
		}
	}
}

// All pages are read, from the same place whatever the Link header says. A later page that is none is an error.
func TestReferrersPages(t *testing.T) {
	const perPage = 3
	all := indexes(10)
	pages := func(w http.ResponseWriter, r *http.Request) {
		from := 0
		if page := r.URL.Query().Get("page"); page != "" {
			_, _ = fmt.Sscan(page, &from)
		}
		if to := from + perPage; to < len(all) {
			w.Header().Set("Link", fmt.Sprintf(`<https://elsewhere.example/v2/other/referrers/x?page=%d>; rel="next"`, to))
		}
		respond(200, oci.MediaTypeOCIIndex, listOf(all[from:min(from+perPage, len(all))]...))(w, r)
	}
	listed, apis, tags, err := referrersOf(t, pages, notFound)
	if err != nil || !slices.Equal(digests(listed), all) || apis != 2*4 || tags != 0 {
		t.Errorf("got %v, %v in %d requests", listed, err, apis)
	}
}

// Anything else is an error and never an empty list.
func TestReferrersFail(t *testing.T) {
	index := oci.MediaTypeOCIIndex
	first := respond(200, index, listOf(indexes(1)...))
	tooMany := respond(200, index, listOf(indexes(oci.MaxReferrers+1)...))
	unauthorized, forbidden := refuse(401, "UNAUTHORIZED"), refuse(403, "DENIED")
	html := respond(200, "text/html", page)
	withHeader := func(key, value string, then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(key, value)
			then(w, r)
		}
	}
	unending := withHeader("Link", `<?page=1>; rel="next"`, respond(200, index, listOf()))
	for name, test := range map[string]struct {
		api, tag http.HandlerFunc
		want     error
		says     string
	}{
		"401":                   {unauthorized, first, registry.ErrUnauthorized, ""},
		"403":                   {forbidden, first, registry.ErrForbidden, ""},
		"429":                   {refuse(429, "TOOMANYREQUESTS"), first, oci.ErrRateLimited, ""},
		"500":                   {refuse(500, "UNKNOWN"), first, nil, "500"},
		"503":                   {refuse(503, "UNAVAILABLE"), first, nil, "503"},
		"no list":               {respond(200, index, "x"), first, oci.ErrBadResponse, "list of referrers"},
		"an endless list":       {endless(200, "{"), first, oci.ErrTooLarge, ""},
		"a second page missing": {second(first, notFound), first, oci.ErrNotFound, ""},
		"a second page of HTML": {second(first, html), first, oci.ErrBadResponse, "text/html"},
		"a page of the tag":     {notFound, html, oci.ErrBadResponse, "text/html"},
		"a tag that is hidden":  {notFound, forbidden, registry.ErrForbidden, ""},
		"a tag of an image": {
			notFound, respond(200, oci.MediaTypeOCIManifest, `{"schemaVersion":2}`), oci.ErrBadResponse, "tag sha256-",
		},
		"too many referrers":     {tooMany, first, oci.ErrTooManyReferrers, "5000"},
		"too many under the tag": {notFound, tooMany, oci.ErrTooManyReferrers, "5000"},
		"too many entries": {
			respond(200, index, listOf(indexes(10_001)...)), first, oci.ErrTooLarge, "list of referrers",
		},
		"pages without end": {unending, first, oci.ErrTooLarge, "1000 pages"},
		"a next page of no place": {
			withHeader("Link", `<http://[::1>; rel="next"`, first), first, oci.ErrBadResponse, "next page",
		},
		"a lying digest of the tag": {
			notFound, withHeader("Docker-Content-Digest", oci.DigestOf(nil).String(), first), oci.ErrDigestMismatch, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			listed, _, _, err := referrersOf(t, test.api, test.tag)
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) ||
				!strings.Contains(err.Error(), "referrers of") {
				t.Errorf("got %v, %v; want %v and %q", listed, err, test.want, test.says)
			}
		})
	}
}

func TestReferrersAreRetried(t *testing.T) {
	failed := false
	listed, _, _, err := referrersOf(t, func(w http.ResponseWriter, r *http.Request) {
		if !failed {
			failed = true
			refuse(503, "UNAVAILABLE")(w, r)
			return
		}
		respond(200, oci.MediaTypeOCIIndex, listOf(indexes(1)...))(w, r)
	}, notFound)
	if err != nil || len(listed) != 1 {
		t.Errorf("got %v, %v", listed, err)
	}
}

// Bytes with the right digest that are no manifest can be told from a page that came in their place.
func TestNoManifest(t *testing.T) {
	content := `{"mediaType":"application/vnd.oci.artifact.manifest.v1+json"}`
	digest := oci.DigestOf([]byte(content))
	for contentType, want := range map[string]bool{
		"application/vnd.oci.artifact.manifest.v1+json": true, "text/html": false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v2/" {
				respond(200, contentType, content)(w, r)
			}
		}))
		client := registry.NewClient(registry.Options{})
		repository, err := oci.ParseRepository(strings.TrimPrefix(server.URL, "http://")+"/app", "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Open(repository).GetManifest(context.Background(), digest.String())
		if !errors.Is(err, oci.ErrBadResponse) || errors.Is(err, oci.ErrNoManifest) != want {
			t.Errorf("%s: %v", contentType, err)
		}
		client.Close()
		server.Close()
	}
}
