package manifesto

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// everything asks for all referrers with their contents.
var everything = ReferrersQuery{Contents: true, MaxListing: 1 << 20, MaxContents: 1 << 20}

// withTypes asks for referrers of these types.
func withTypes(types ...string) ReferrersQuery {
	query := everything
	query.Shows = func(typ string) bool { return slices.Contains(types, typ) }
	return query
}

// attached is a repository in memory with an image and a list of its referrers.
type attached struct {
	*memoryRemote
	image  oci.Digest
	listed []oci.ListedReferrer
	// failing are the errors of requests for a manifest or a blob.
	failing map[oci.Digest]error
	gets    map[string]int
}

func newAttached(t *testing.T) *attached {
	t.Helper()
	a := &attached{
		memoryRemote: &memoryRemote{blobs: map[oci.Digest][]byte{}, manifests: map[string]oci.Manifest{}},
		failing:      map[oci.Digest]error{}, gets: map[string]int{},
	}
	image := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2}`))
	a.image = image.Digest
	a.put(t, image)
	return a
}

func (a *attached) put(t *testing.T, m oci.Manifest) {
	t.Helper()
	if err := a.PutManifest(t.Context(), m.Digest.String(), m, time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// Referrers implements Repository.
func (a *attached) Referrers(context.Context, oci.Digest) ([]oci.ListedReferrer, error) {
	return a.listed, nil
}

// GetManifest implements Repository.
func (a *attached) GetManifest(ctx context.Context, identifier string) (oci.Manifest, error) {
	a.mu.Lock()
	a.gets[identifier]++
	err := a.failing[oci.Digest(identifier)]
	a.mu.Unlock()
	if err != nil {
		return oci.Manifest{}, err
	}
	return a.memoryRemote.GetManifest(ctx, identifier)
}

// GetBlob implements Repository.
func (a *attached) GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error) {
	a.mu.Lock()
	a.gets[digest.String()]++
	err := a.failing[digest]
	a.mu.Unlock()
	if err != nil {
		return nil, err
	}
	content, err := a.memoryRemote.GetBlob(ctx, digest, limit)
	if int64(len(content)) > limit {
		return nil, oci.ErrTooLarge
	}
	return content, err
}

// add attaches an artifact, and lists it with a type that need not be its own.
func (a *attached) add(t *testing.T, artifact registrytest.Artifact, claim string) oci.Digest {
	t.Helper()
	m, err := artifact.Manifest(t.Context(), a, a.image)
	if err != nil {
		t.Fatal(err)
	}
	a.put(t, m)
	a.listed = append(a.listed, oci.ListedReferrer{Digest: m.Digest, ArtifactType: claim})
	return m.Digest
}

// raw attaches a manifest as it is.
func (a *attached) raw(t *testing.T, fields string) oci.Digest {
	t.Helper()
	m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2,`+fields+`}`))
	a.put(t, m)
	a.listed = append(a.listed, oci.ListedReferrer{Digest: m.Digest})
	return m.Digest
}

func (a *attached) look(t *testing.T, query ReferrersQuery) ([]Referrer, []UnreadableReferrer, error) {
	t.Helper()
	return a.store().Referrers(t.Context(), oci.Repository{}, a.image, query)
}

func (a *attached) store() *Store {
	return NewStore(func(oci.Repository) Repository { return a }, Options{})
}

// summary returns referrers as "type=content", or "type" without content.
func summary(found []Referrer) (lines []string) {
	for _, r := range found {
		line := r.ArtifactType
		if r.Content != nil {
			line += "=" + string(r.Content)
		}
		lines = append(lines, line)
	}
	return lines
}

func made(day int) map[string]string {
	return map[string]string{"org.opencontainers.image.created": fmt.Sprintf("2026-01-%02dT00:00:00Z", day)}
}

// Every kind of registry gives the same: types and annotations of the manifests, contents, the newest first.
func TestReferrersOfEveryKind(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		for _, artifact := range []registrytest.Artifact{
			{Type: "a/old", Layers: []string{"old"}, Annotations: made(1)},
			{Type: "a/new", Layers: []string{"new"}, Annotations: made(2)},
			{ConfigType: "a/config", Layers: []string{"c"}},
		} {
			if _, err := registrytest.Attach(t.Context(), f.remote, f.image, artifact); err != nil {
				registrytest.Refused(t, "an artifact", err)
			}
		}
		found, unreadable, err := f.run(t).Referrers(t.Context(), f.remote.Repository(), f.image, everything)
		if err != nil || len(unreadable) > 0 {
			t.Fatalf("%v, %v", unreadable, err)
		}
		if got, want := summary(found), []string{"a/new=new", "a/old=old", "a/config=c"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		first := found[0]
		if first.MediaType != oci.MediaTypeOCIManifest || first.Size <= 0 || len(first.Annotations) != 1 {
			t.Errorf("got %+v", first)
		}
	})
}

// The API of go-containerregistry's registry reports the media type of the config as the type.
func TestReferrersOfARegistryThatReportsTheConfig(t *testing.T) {
	server := httptest.NewServer(ggcr.New(ggcr.WithReferrersSupport(true), ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	name, err := oci.ParseRepository(strings.TrimPrefix(server.URL, "http://")+"/app", "")
	if err != nil {
		t.Fatal(err)
	}
	client := registry.NewClient(registry.Options{})
	t.Cleanup(client.Close)
	remote := client.Open(name)
	image, err := registrytest.PushImage(t.Context(), remote, "1", "one")
	if err != nil {
		t.Fatal(err)
	}
	m, err := registrytest.Artifact{Type: "a/report"}.Manifest(t.Context(), remote, image)
	if err == nil {
		err = remote.PutManifest(t.Context(), m.Digest.String(), m, time.Time{})
	}
	if err != nil {
		t.Fatal(err)
	}
	listed, err := remote.Referrers(t.Context(), image)
	if err != nil || len(listed) != 1 || listed[0].ArtifactType == "a/report" {
		t.Errorf("the list is %v, %v", listed, err)
	}
	store := NewStore(func(oci.Repository) Repository { return remote }, Options{})
	found, _, err := store.Referrers(t.Context(), name, image, withTypes("a/report"))
	if err != nil || !slices.Equal(summary(found), []string{"a/report"}) {
		t.Errorf("got %q, %v", summary(found), err)
	}
}

// The type that counts is that of the manifest, for what is shown and for the filter.
func TestReferrersTypesAreThoseOfTheManifests(t *testing.T) {
	a := newAttached(t)
	a.add(t, registrytest.Artifact{Type: "a/report", Layers: []string{"report"}}, "a/approval")
	a.add(t, registrytest.Artifact{Type: "a/sbom", Layers: []string{"sbom"}}, "a/report")
	a.add(t, registrytest.Artifact{ConfigType: "a/config"}, "")
	found, unreadable, err := a.look(t, withTypes("a/report", "a/config"))
	got := summary(found)
	slices.Sort(got)
	if err != nil || len(unreadable) > 0 || !slices.Equal(got, []string{"a/config", "a/report=report"}) {
		t.Errorf("got %q, %v, %v", got, unreadable, err)
	}
	if n := a.gets[oci.DigestOf([]byte("sbom")).String()]; n > 0 {
		t.Errorf("content that is not shown was downloaded")
	}
}

// What leads to no referrer is named with its reason, and does not hide the others.
func TestUnreadableReferrers(t *testing.T) {
	a := newAttached(t)
	good := a.add(t, registrytest.Artifact{Type: "a/good", Layers: []string{"good"}}, "a/good")
	a.listed = append(a.listed, a.listed[0], oci.ListedReferrer{Digest: good, ArtifactType: ""}) // Listed three times.
	want := map[oci.Digest]error{}
	list := func(digest oci.Digest, reason error) {
		a.listed = append(a.listed, oci.ListedReferrer{Digest: digest, ArtifactType: "a/claim"})
		want[digest] = reason
	}
	list("", oci.ErrNotReferrer)
	list("sha512:abc", oci.ErrNotReferrer)
	list("../../etc/passwd", oci.ErrNotReferrer)
	list(dig("1"), oci.ErrNotFound)
	list(dig("2"), oci.ErrTooLarge)
	list(dig("3"), oci.ErrNoManifest)
	a.failing[dig("2")] = fmt.Errorf("%w: 5 MB", oci.ErrTooLarge)
	a.failing[dig("3")] = fmt.Errorf("%w: %w", oci.ErrBadResponse, oci.ErrNoManifest)
	subject := fmt.Sprintf(`"subject":{"digest":%q}`, a.image)
	want[a.raw(t, `"subject":{"digest":"sha256:other"}`)] = oci.ErrNotReferrer
	want[a.raw(t, `"annotations":{}`)] = oci.ErrNotReferrer
	want[a.raw(t, subject+`,"artifactType":5`)] = oci.ErrNotReferrer
	layer := func(digest oci.Digest, size int64) string {
		return subject + fmt.Sprintf(`,"artifactType":"a/x","layers":[{"digest":%q,"size":%d}]`, digest, size)
	}
	goodLayer := oci.DigestOf([]byte("good"))
	want[a.raw(t, layer(dig("4"), 1))] = ErrContentMissing
	want[a.raw(t, layer(goodLayer, 3))] = oci.ErrNotReferrer // The same content with a wrong size, and a good one above.
	want[a.raw(t, layer(goodLayer, 5))] = oci.ErrNotReferrer
	want[a.raw(t, layer(goodLayer, -1))] = oci.ErrNotReferrer
	found, unreadable, err := a.look(t, everything)
	if err != nil || !slices.Equal(summary(found), []string{"a/good=good"}) {
		t.Errorf("got %q, %v", summary(found), err)
	}
	for _, u := range unreadable {
		reason, expected := want[u.Digest]
		if !expected || !errors.Is(u.Reason, reason) {
			t.Errorf("%q is left out with %v, want %v", u.Digest, u.Reason, reason)
		}
		delete(want, u.Digest)
	}
	if len(want) > 0 {
		t.Errorf("not left out: %v", want)
	}
	if n := a.gets[dig("1").String()]; n != 2 {
		t.Errorf("%d looks at a manifest that is gone, want 2", n)
	}
}

// Contents are those of artifacts with one layer. Equal contents are downloaded once.
func TestReferrersContents(t *testing.T) {
	a := newAttached(t)
	a.add(t, registrytest.Artifact{Type: "a/one", Layers: []string{"same"}, Annotations: made(9)}, "")
	a.add(t, registrytest.Artifact{Type: "a/again", Layers: []string{"same"}, Annotations: made(8)}, "")
	a.add(t, registrytest.Artifact{Type: "a/two", Layers: []string{"x", "y"}, Annotations: made(7)}, "")
	a.add(t, registrytest.Artifact{Type: "a/none", Annotations: made(6)}, "")
	a.add(t, registrytest.Artifact{Type: "a/empty", Layers: []string{""}, Annotations: made(5)}, "")
	found, unreadable, err := a.look(t, everything)
	want := []string{"a/one=same", "a/again=same", "a/two", "a/none", "a/empty="}
	if err != nil || len(unreadable) > 0 || !slices.Equal(summary(found), want) {
		t.Errorf("got %q, %v, %v; want %q", summary(found), unreadable, err, want)
	}
	if n := a.gets[oci.DigestOf([]byte("same")).String()]; n != 1 {
		t.Errorf("%d downloads of one content", n)
	}
	query := everything
	query.Contents = false
	if found, _, err = a.look(t, query); err != nil || !slices.Equal(summary(found),
		[]string{"a/one", "a/again", "a/two", "a/none", "a/empty"}) {
		t.Errorf("without contents: %q, %v", summary(found), err)
	}
}

// Bounds are errors before anything is downloaded, whatever sizes a manifest claims, and only what is shown counts.
func TestReferrersBounds(t *testing.T) {
	a := newAttached(t)
	a.add(t, registrytest.Artifact{Type: "a/small", Layers: []string{"small"}}, "")
	a.add(t, registrytest.Artifact{
		Type: "a/wordy", Annotations: map[string]string{"a": strings.Repeat("x", 2<<20)},
	}, "")
	huge := a.raw(t, fmt.Sprintf(`"artifactType":"a/huge","subject":{"digest":%q},`+
		`"layers":[{"digest":%q,"size":9223372036854775807}]`, a.image, dig("1")))
	another := a.raw(t, fmt.Sprintf(`"artifactType":"a/huge","subject":{"digest":%q},`+
		`"layers":[{"digest":%q,"size":9223372036854775806}]`, a.image, dig("2")))
	_, _, err := a.look(t, withTypes("a/small", "a/huge"))
	if large, ok := errors.AsType[*LargestReferrerError](err); !ok || !errors.Is(err, ErrContentsTooLarge) ||
		large.Largest.Digest != huge || a.gets[another.String()] != 1 {
		t.Errorf("contents: %v", err)
	}
	if n := a.gets[oci.DigestOf([]byte("small")).String()]; n > 0 {
		t.Error("content was downloaded all the same")
	}
	if _, _, err := a.look(t, withTypes("a/small", "a/wordy")); !errors.Is(err, ErrReferrersTooLarge) {
		t.Errorf("annotations: %v", err)
	}
	if found, _, err := a.look(t, withTypes("a/small")); err != nil || len(found) != 1 {
		t.Errorf("%q, %v", summary(found), err)
	}
}

// A failure of the registry is an error: the referrer that it hides may be the one that matters.
func TestReferrersFail(t *testing.T) {
	for _, failure := range []error{
		registry.ErrForbidden, registry.ErrUnreachable, oci.ErrRateLimited, oci.ErrDigestMismatch, oci.ErrBadResponse,
	} {
		a := newAttached(t)
		a.add(t, registrytest.Artifact{Type: "a/good"}, "")
		digest := a.add(t, registrytest.Artifact{Type: "a/failing", Layers: []string{"x"}}, "")
		content := oci.DigestOf([]byte("x"))
		for _, at := range []oci.Digest{digest, content} {
			a.failing = map[oci.Digest]error{at: failure}
			if found, _, err := a.look(t, everything); !errors.Is(err, failure) || found != nil {
				t.Errorf("%v: got %q, %v", failure, summary(found), err)
			}
		}
	}
}

// An empty list counts only for an image that can be read.
func TestNoReferrers(t *testing.T) {
	a := newAttached(t)
	if found, unreadable, err := a.look(t, everything); err != nil || len(found) > 0 || len(unreadable) > 0 {
		t.Errorf("%v, %v, %v", found, unreadable, err)
	}
	a.image = dig("1")
	if _, _, err := a.look(t, everything); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("an image that is not there: %v", err)
	}
}

// A look-up takes the list, each manifest and each content; of an image without referrers, the list and a look at it.
func TestReferrersRequests(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	bare := f.server.Image(t, "app", "2", "two")
	for _, typ := range []string{"a/x", "a/y", "a/z"} {
		artifact := registrytest.Artifact{Type: typ, Layers: []string{typ}}
		if _, err := registrytest.Attach(t.Context(), f.remote, f.image, artifact); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		image                   oci.Digest
		query                   ReferrersQuery
		lists, manifests, blobs int
	}{
		"contents":        {f.image, everything, 1, 3, 3},
		"of one type":     {f.image, withTypes("a/y"), 1, 3, 1},
		"without content": {f.image, ReferrersQuery{MaxListing: 1000}, 1, 3, 0},
		"none":            {bare, everything, 1, 1, 0},
	} {
		store := f.run(t)
		f.server.Reset()
		if _, _, err := store.Referrers(t.Context(), f.remote.Repository(), test.image, test.query); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]int{
			"/referrers/": test.lists, "/manifests/": test.manifests, "/blobs/": test.blobs,
		} {
			if n := f.server.Count("", path); n != want {
				t.Errorf("%s: %d requests for %s, want %d: %v", name, n, path, want, f.server.Requests())
			}
		}
	}
}
