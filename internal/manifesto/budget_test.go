package manifesto

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// spent describes the requests since the last look, in order of what they were for, and forgets them.
func (f *fixture) spent() string {
	counts := map[string]int{}
	for _, r := range f.server.Requests() {
		what := "tags"
		switch {
		case r.Path == "/v2/":
			what = "ping"
		case strings.HasSuffix(r.Path, "/manifests/"+format.Tag):
			what = "manifesto"
		case strings.Contains(r.Path, "/manifests/"+format.ShardTag(0)):
			what = "pins"
		case strings.Contains(r.Path, "/manifests/"):
			what = "image"
		case strings.Contains(r.Path, "/blobs/"):
			what = "blob"
		}
		counts[r.Method+" "+what]++
	}
	f.server.Reset()
	var parts []string
	for what, n := range counts {
		parts = append(parts, fmt.Sprint(n, " ", what))
	}
	slices.SortFunc(parts, func(a, b string) int {
		_, a, _ = strings.Cut(a, " ")
		_, b, _ = strings.Cut(b, " ")
		return strings.Compare(a, b)
	})
	return strings.Join(parts, ", ")
}

// twoStep makes a registry that takes a blob with a single POST open an upload instead.
func (f *fixture) twoStep() {
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method != http.MethodPost || !r.URL.Query().Has("digest") {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // If it breaks off, the client notices.
		opening := r.Clone(r.Context())
		opening.URL.RawQuery, opening.Body, opening.ContentLength = "", http.NoBody, 0
		next.ServeHTTP(w, opening)
		return true
	})
}

// Every request of everyday work is accounted for: "Requests" in DESIGN.md. A blob is uploaded with a POST and a PUT.
func TestRequestBudget(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	f.twoStep()
	ctx := context.Background()
	var s *Store
	spends := func(what, want string, do func() error) {
		t.Helper()
		f.server.Reset()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := f.spent(); got != want {
			t.Errorf("%s spends\n%s\nwant\n%s", what, got, want)
		}
	}
	put := func(typ, content string) func() error {
		return func() error {
			_, err := s.Put(ctx, Put{Key: f.key(typ), Content: []byte(content)})
			return err
		}
	}
	get := func(typ string) func() error {
		return func() error {
			_, err := s.Get(ctx, f.key(typ))
			return err
		}
	}
	steady := "2 HEAD manifesto, 1 HEAD pins, 3 POST blob, 3 PUT blob, 1 PUT manifesto, 1 PUT pins"

	s = f.run(t)
	// There are two GETs, since a single 404 does not count. The HEAD of the image shows that the repository can be
	// read. The fourth blob is the config of the pin manifests, which are put once more when the manifesto has settled.
	spends("the first piece of a repository",
		"2 GET manifesto, 1 GET ping, 1 GET tags, 1 HEAD image, 3 HEAD manifesto, 1 HEAD pins, 4 POST blob, 4 PUT blob, "+
			"1 PUT manifesto, 2 PUT pins",
		put("one", "1"))
	spends("the next one", steady, put("two", "2"))
	spends("an update", steady, func() error {
		_, err := s.Put(ctx, Put{
			Key: f.key("two"), Content: []byte("zwei"), Update: true, Expected: oci.DigestOf([]byte("2")),
		})
		return err
	})
	spends("an update of annotations", "2 HEAD manifesto, 2 POST blob, 2 PUT blob, 1 PUT manifesto", func() error {
		_, err := s.Put(ctx, Put{
			Key: f.key("two"), Annotations: map[string]string{"a": "b"}, Update: true, Expected: oci.DigestOf([]byte("zwei")),
		})
		return err
	})
	spends("a look after a change", "", get("one"))

	s = f.run(t)
	spends("the first look of a run", "1 GET blob, 1 GET manifesto, 1 GET ping, 1 GET pins", get("one"))
	spends("a second look", "", get("one"))
	spends("the content", "1 GET blob", func() error {
		_, _, err := s.Fetch(ctx, f.key("one"))
		return err
	})
	spends("a list", "", func() error {
		_, err := s.List(ctx, f.remote.Repository(), f.image)
		return err
	})
	spends("a create after a look", steady, put("three", "3"))
	spends("a delete of what is gone", "1 HEAD manifesto", func() error {
		return s.remove(ctx, f.key("four"), oci.DigestOf([]byte("4")))
	})

	s = f.run(t)
	spends("a create without a look", "1 GET blob, 1 GET manifesto, 1 GET ping, "+steady, put("five", "5"))
	s = f.run(t)
	spends("a delete without a look",
		"1 GET blob, 1 GET manifesto, 1 GET ping, 2 HEAD manifesto, 2 POST blob, 2 PUT blob, 1 PUT manifesto",
		func() error { return s.remove(ctx, f.key("two"), oci.DigestOf([]byte("zwei"))) })
	s = f.run(t)
	spends("a tag", "1 GET ping, 1 HEAD image", func() error {
		for range 3 {
			if _, err := s.Resolve(ctx, f.remote.Repository().Tagged("1"), oci.Platform{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// A registry that takes a blob with a single POST saves a request for each.
func TestRequestBudgetWithSinglePost(t *testing.T) {
	f := newFixture(t, registrytest.GGCR)
	s := f.run(t)
	f.mustPut(t, s, "one", "1")
	f.server.Reset()
	f.mustPut(t, s, "two", "2")
	want := "2 HEAD manifesto, 1 HEAD pins, 3 POST blob, 1 PUT manifesto, 1 PUT pins"
	if got := f.spent(); got != want {
		t.Errorf("a create spends\n%s\nwant\n%s", got, want)
	}
}

// A thousand pieces of one repository: what a refresh, a create, an update and a destroy of all of them spend.
func TestRequestBudgetOfAThousand(t *testing.T) {
	const pieces, parallelism = 1000, 10
	f := newFixture(t, registrytest.Olareg)
	f.twoStep()
	ctx := context.Background()
	content := func(i, revision int) []byte { return fmt.Appendf(nil, "content %d, revision %d", i, revision) }
	settled := func() *Store {
		s := f.run(t)
		s.options.Settle = Adaptive
		return s
	}
	each := func(s *Store, do func(s *Store, i int) error) {
		t.Helper()
		f.server.Reset()
		next := make(chan int)
		go func() {
			defer close(next)
			for i := range pieces {
				next <- i
			}
		}()
		inParallel(parallelism, func(int) {
			for i := range next {
				if err := do(s, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	// within checks the budget: 2 for each blob, 6 for each commit, 1 for each pin manifest, and a few more for the
	// ping, the first read, the config of the pin manifests, the end of the burst and, on a slow machine, more looks.
	within := func(what string, blobs int) {
		t.Helper()
		commits, pins := f.tagPuts(), f.server.Count(http.MethodPut, "/manifests/"+format.ShardTag(0))
		total := len(f.server.Requests())
		t.Logf("%s: %d commits, %d pin manifests, %d requests", what, commits, pins, total)
		// Ideally each commit has half of the changes that are under way. Some more are allowed for bad timing.
		if limit := 2*pieces/parallelism + 2 + 20; commits > limit {
			t.Errorf("%s takes %d commits, more than %d", what, commits, limit)
		}
		if limit := 2*blobs + 6*commits + pins + 12 + commits/4; total > limit {
			t.Errorf("%s spends %d requests, more than %d: %s", what, total, limit, f.spent())
		}
	}
	each(settled(), func(s *Store, i int) error {
		_, err := s.Put(ctx, Put{Key: f.key(fmt.Sprint("t", i)), Content: content(i, 1)})
		return err
	})
	within("creating them", pieces)
	s := settled()
	each(s, func(s *Store, i int) error {
		_, err := s.Get(ctx, f.key(fmt.Sprint("t", i)))
		return err
	})
	if got, want := f.spent(), "1 GET blob, 1 GET manifesto, 1 GET ping, 4 GET pins"; got != want {
		t.Errorf("refreshing them spends\n%s\nwant\n%s", got, want)
	}
	each(s, func(s *Store, i int) error {
		_, err := s.Put(ctx, Put{
			Key: f.key(fmt.Sprint("t", i)), Content: content(i, 2), Update: true, Expected: oci.DigestOf(content(i, 1)),
		})
		return err
	})
	within("updating them", pieces)
	each(settled(), func(s *Store, i int) error {
		return s.remove(ctx, f.key(fmt.Sprint("t", i)), oci.DigestOf(content(i, 2)))
	})
	within("deleting them", 0)
}
