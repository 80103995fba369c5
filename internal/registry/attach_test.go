package registry_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"golang.org/x/sync/errgroup"
)

// artifactOf uploads the blobs of an artifact that differs by its type, and returns its manifest.
func artifactOf(t *testing.T, store registrytest.Store, subject oci.Digest, typ string) oci.Manifest {
	t.Helper()
	artifact := registrytest.Artifact{Type: typ, Layers: []string{typ}, Annotations: map[string]string{"by": typ}}
	m, err := artifact.Manifest(t.Context(), store, subject)
	if err != nil {
		registrytest.Refused(t, "an artifact", err)
	}
	return m
}

// listedAs fails the test unless exactly these manifests are attached to an image.
func listedAs(t *testing.T, r *registry.Repository, image oci.Digest, want ...oci.Digest) {
	t.Helper()
	listed, err := r.Referrers(t.Context(), image)
	slices.Sort(want)
	if got := digests(listed); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// What is attached is listed, and what is detached is not, with the API and without it.
func TestAttachAndDetach(t *testing.T) {
	t.Parallel()
	for _, kind := range append(slices.Clone(registrytest.Kinds), registrytest.GGCRReferrers) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			server := registrytest.New(t, registrytest.Options{Kind: kind})
			image := server.Image(t, "app", "1", "one")
			r := server.Open(t, "app", registry.Options{})
			one, two := artifactOf(t, r, image, "a/one"), artifactOf(t, r, image, "a/two")
			for range 2 { // The second time changes nothing.
				for _, m := range []oci.Manifest{one, two} {
					if err := r.Attach(ctx, m); err != nil {
						t.Fatal(err)
					}
				}
			}
			listedAs(t, r, image, one.Digest, two.Digest)
			if err := r.Detach(ctx, image, one.Digest); err != nil {
				t.Error(err)
			}
			listedAs(t, r, image, two.Digest)
			for range 2 {
				if err := r.Detach(ctx, image, one.Digest, two.Digest); err != nil {
					t.Error(err)
				}
			}
			listedAs(t, r, image)
			if _, err := r.HeadManifest(ctx, two.Digest.String()); err == nil {
				t.Error("the manifest is still there")
			}
		})
	}
}

// sent lists the methods and paths of the logged requests, with digests and tags replaced by what they are.
func sent(server *registrytest.Server, image oci.Digest, m oci.Manifest) []string {
	names := strings.NewReplacer(
		"/v2/app/", "", m.Digest.String(), "DIGEST", image.String(), "IMAGE", oci.ReferrersTag(image), "TAG",
	)
	var requests []string
	for _, r := range server.Requests() {
		if r.Path != "/v2/" {
			requests = append(requests, r.Method+" "+names.Replace(r.Path))
		}
	}
	return requests
}

// With an API that is known, attaching is one request; without one it is four, of which one looks whether another
// program has replaced the list. To learn whether there is an API takes one request in a run, unless the answer to the
// first PUT says it.
func TestAttachRequests(t *testing.T) {
	t.Parallel()
	const put, ask, del = "PUT manifests/DIGEST", "GET referrers/IMAGE", "DELETE manifests/DIGEST"
	edit := []string{"GET manifests/TAG", "PUT manifests/TAG", "HEAD manifests/TAG"}
	twice := append([]string{"GET manifests/TAG"}, edit...) // The absence of the tag must show twice.
	join := func(parts ...any) (all []string) {
		for _, part := range parts {
			switch part := part.(type) {
			case string:
				all = append(all, part)
			case []string:
				all = append(all, part...)
			}
		}
		return all
	}
	for kind, want := range map[registrytest.Kind]struct{ first, second, detach, last []string }{
		registrytest.Olareg:        {join(put), join(put), join(del), join(del)},
		registrytest.GGCRReferrers: {join(put, ask), join(put), join(del), join(del)},
		registrytest.OlaregNoReferrers: {
			join(put, ask, twice), join(put, edit), join(edit, del), join("GET manifests/TAG", "DELETE manifests/TAG", del),
		},
		registrytest.GGCR: {
			join(put, ask, twice), join(put, edit), join(edit, del), join("GET manifests/TAG", "DELETE manifests/TAG", del),
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			server := registrytest.New(t, registrytest.Options{Kind: kind})
			image := server.Image(t, "app", "1", "one")
			r := server.Open(t, "app", registry.Options{})
			one, two := artifactOf(t, r, image, "a/one"), artifactOf(t, r, image, "a/two")
			for _, step := range []struct {
				name string
				m    oci.Manifest
				do   func() error
				want []string
			}{
				{"the first", one, func() error { return r.Attach(ctx, one) }, want.first},
				{"the second", two, func() error { return r.Attach(ctx, two) }, want.second},
				{"detaching one", one, func() error { return r.Detach(ctx, image, one.Digest) }, want.detach},
				{"detaching the last", two, func() error { return r.Detach(ctx, image, two.Digest) }, want.last},
				{"detaching nothing", two, func() error { return r.Detach(ctx, image) }, nil},
			} {
				server.Reset()
				if err := step.do(); err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
				if got := sent(server, image, step.m); !slices.Equal(got, step.want) {
					t.Errorf("%s: got %v, want %v", step.name, got, step.want)
				}
			}
		})
	}
}

// Operations that wait for the same list change it together.
func TestAttachesShareEdits(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.Options{Kind: registrytest.OlaregNoReferrers})
	image := server.Image(t, "app", "1", "one")
	r := server.Open(t, "app", registry.Options{})
	const writers = 12
	manifests, want := make([]oci.Manifest, writers), make([]oci.Digest, writers)
	for i := range manifests {
		manifests[i] = artifactOf(t, r, image, fmt.Sprintf("a/%d", i))
		want[i] = manifests[i].Digest
	}
	// The first edit ends when all manifests are there.
	var there sync.WaitGroup
	there.Add(writers)
	server.Intercept(func(w http.ResponseWriter, in *http.Request, next http.Handler) bool {
		switch {
		case in.Method == http.MethodPut && strings.Contains(in.URL.Path, "/manifests/sha256:"):
			next.ServeHTTP(w, in)
			there.Done()
			return true
		case in.Method == http.MethodHead && strings.HasSuffix(in.URL.Path, oci.ReferrersTag(image)):
			there.Wait()
		}
		return false
	})
	var group errgroup.Group
	for _, m := range manifests {
		group.Go(func() error { return r.Attach(t.Context(), m) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	server.Intercept(nil)
	listedAs(t, r, image, want...)
	if n := server.Count(http.MethodPut, oci.ReferrersTag(image)); n >= writers/2 {
		t.Errorf("the list was put %d times", n)
	}
}

// A manifest is put again after a failure that passes: that changes nothing if the registry has it already.
func TestAttachRetries(t *testing.T) {
	t.Parallel()
	for _, kind := range []registrytest.Kind{registrytest.Olareg, registrytest.OlaregNoReferrers} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := registrytest.New(t, registrytest.Options{Kind: kind})
			image := server.Image(t, "app", "1", "one")
			r := server.Open(t, "app", registry.Options{Backoff: time.Millisecond})
			m := artifactOf(t, r, image, "a/one")
			var mu sync.Mutex
			failed := map[string]int{}
			server.Intercept(func(w http.ResponseWriter, in *http.Request, next http.Handler) bool {
				if !strings.Contains(in.URL.Path, "/manifests/") || in.Method == http.MethodGet {
					return false
				}
				mu.Lock()
				failed[in.Method+in.URL.Path]++
				n := failed[in.Method+in.URL.Path]
				mu.Unlock()
				switch n {
				case 1:
					registrytest.Refuse(w, http.StatusInternalServerError, "UNKNOWN", "a hiccup")
				case 2: // The answer is lost.
					next.ServeHTTP(httptest.NewRecorder(), in)
					registrytest.Break(w)
				default:
					return false
				}
				return true
			})
			if err := r.Attach(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			listedAs(t, r, image, m.Digest)
			if err := r.Detach(t.Context(), image, m.Digest); err != nil {
				t.Error(err)
			}
			listedAs(t, r, image)
		})
	}
}

// What is under the fallback tag and is no list stays there.
func TestAttachToWhatIsNoList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		put  func(image, other oci.Manifest) oci.Manifest
		want error
	}{
		"the image itself": {func(image, _ oci.Manifest) oci.Manifest { return image }, oci.ErrBadResponse},
		"another image":    {func(_, other oci.Manifest) oci.Manifest { return other }, oci.ErrBadResponse},
		"a full list": {func(oci.Manifest, oci.Manifest) oci.Manifest {
			return oci.NewManifest(oci.MediaTypeOCIIndex, []byte(listOf(indexes(oci.MaxReferrers)...)))
		}, oci.ErrTooManyReferrers},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			server := registrytest.New(t, registrytest.Options{Kind: registrytest.OlaregNoReferrers})
			r := server.Open(t, "app", registry.Options{})
			image, err := r.GetManifest(ctx, server.Image(t, "app", "1", "one").String())
			if err != nil {
				t.Fatal(err)
			}
			other, err := r.GetManifest(ctx, server.Image(t, "app", "2", "two").String())
			if err != nil {
				t.Fatal(err)
			}
			held := test.put(image, other)
			tag := oci.ReferrersTag(image.Digest)
			server.Intercept(func(w http.ResponseWriter, in *http.Request, _ http.Handler) bool {
				if !strings.HasSuffix(in.URL.Path, tag) {
					return false
				}
				if in.Method != http.MethodGet {
					t.Errorf("%s %s", in.Method, in.URL.Path)
				}
				w.Header().Set("Content-Type", held.MediaType)
				_, _ = w.Write(held.Content)
				return true
			})
			m := artifactOf(t, r, image.Digest, "a/one")
			if err := r.Attach(ctx, m); !errors.Is(err, test.want) || !strings.Contains(err.Error(), tag) {
				t.Errorf("Attach: %v", err)
			}
			if err := r.Detach(ctx, image.Digest, m.Digest); err != nil {
				t.Errorf("Detach: %v", err)
			}
			if _, err := r.HeadManifest(ctx, m.Digest.String()); !errors.Is(err, oci.ErrNotFound) {
				t.Errorf("the detached manifest: %v", err)
			}
		})
	}
}

// What cannot be attached is not sent.
func TestAttachRefusesWhatNamesNoSubject(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.Options{})
	r := server.Open(t, "app", registry.Options{})
	large := fmt.Sprintf(`{"schemaVersion":2,"subject":{"digest":%q},"x":%q}`,
		attachedTo, strings.Repeat("x", oci.MaxManifestSize))
	for content, want := range map[string]error{
		`{"schemaVersion":2}`: oci.ErrNotReferrer, `<`: oci.ErrNotReferrer, large: oci.ErrTooLarge,
		`{"schemaVersion":2,"subject":{"digest":"../x"}}`: oci.ErrNotReferrer,
	} {
		err := r.Attach(t.Context(), oci.NewManifest(oci.MediaTypeOCIManifest, []byte(content)))
		if !errors.Is(err, want) {
			t.Errorf("%.40s: %v, want %v", content, err, want)
		}
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// A registry that does not take the manifest says so, and nothing is listed.
func TestAttachIsRefused(t *testing.T) {
	t.Parallel()
	server := registrytest.New(t, registrytest.Options{Kind: registrytest.OlaregNoReferrers})
	image := server.Image(t, "app", "1", "one")
	r := server.Open(t, "app", registry.Options{})
	m := artifactOf(t, r, image, "a/one")
	server.Intercept(func(w http.ResponseWriter, in *http.Request, _ http.Handler) bool {
		if in.Method == http.MethodPut {
			registrytest.Refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "no artifacts here")
		}
		return in.Method == http.MethodPut
	})
	if err := r.Attach(t.Context(), m); !errors.Is(err, oci.ErrManifestRefused) {
		t.Errorf("Attach: %v", err)
	}
	listedAs(t, r, image)
}
