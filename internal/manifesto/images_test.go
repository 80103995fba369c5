package manifesto

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// An image that a foreign writer has repeated is listed once, with the first of equal types. One without valid entries
// is not listed.
func TestImages(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		s := f.run(t)
		if images, err := s.Images(t.Context(), f.remote.Repository()); err != nil || len(images) != 0 {
			t.Errorf("without a manifesto: %v, %v", images, err)
		}
		f.write(t, fmt.Sprintf(`{"images":[
			{"image_digest":%[1]q,"manifesto":[{"type":"x","digest":%[3]q}]},
			{"image_digest":%[2]q,"manifesto":[{"type":"x","digest":%[3]q}]},
			{"image_digest":%[1]q,"manifesto":[{"type":"x","digest":%[4]q},{"type":"y","digest":%[4]q}]},
			{"image_digest":%[5]q,"manifesto":[]}, {"image_digest":"?","manifesto":[{"type":"x","digest":%[3]q}]}]}`,
			dig("a"), dig("b"), dig("c"), dig("d"), dig("e")), registrytest.Gzip)
		images, err := f.run(t).Images(t.Context(), f.remote.Repository())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, image := range images {
			for _, entry := range image.Entries {
				got = append(got, fmt.Sprintf("%.8s %s %.8s", image.Digest, entry.Type, entry.Digest))
			}
		}
		want := []string{"sha256:a x sha256:c", "sha256:a y sha256:d", "sha256:b x sha256:c"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// A tag that goes while the tags are looked at counts as none. Any other failure is an error.
func TestTags(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		f.mustPut(t, f.run(t), "contact", "me")
		other, err := registrytest.PushImage(t.Context(), f.remote, "removed", "other")
		if err == nil {
			_, err = registrytest.PushImage(t.Context(), f.remote, strings.Replace(other.String(), ":", "-", 1)+".sig", "s")
		}
		if err != nil {
			t.Fatal(err)
		}
		status := http.StatusNotFound
		f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if !strings.HasSuffix(r.URL.Path, "/manifests/removed") {
				return false
			}
			w.WriteHeader(status)
			return true
		})
		tags, err := f.run(t).Tags(t.Context(), f.remote.Repository())
		if err != nil || len(tags) != 1 || len(tags[f.image]) != 1 {
			t.Errorf("got %v, %v", tags, err)
		}
		status = http.StatusForbidden
		if tags, err := f.run(t).Tags(t.Context(), f.remote.Repository()); err == nil {
			t.Errorf("a refused tag: got %v", tags)
		}
	})
}

// One 404 does not show that an image is gone, and neither does another failure.
func TestGone(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		gone, err := f.run(t).Gone(t.Context(), f.remote.Repository(), []oci.Digest{f.image, dig("a")})
		if want := map[oci.Digest]bool{dig("a"): true}; err != nil || !reflect.DeepEqual(gone, want) {
			t.Errorf("got %v, %v", gone, err)
		}
		asked := false
		f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if asked || !strings.Contains(r.URL.Path, "/manifests/") {
				return false
			}
			asked = true
			w.WriteHeader(http.StatusNotFound)
			return true
		})
		gone, err = f.run(t).Gone(t.Context(), f.remote.Repository(), []oci.Digest{f.image})
		if err != nil || len(gone) != 0 {
			t.Errorf("after one 404: %v, %v", gone, err)
		}
		f.server.Intercept(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		})
		if gone, err = f.run(t).Gone(t.Context(), f.remote.Repository(), []oci.Digest{f.image}); err == nil {
			t.Errorf("refused: %v", gone)
		}
	})
}

func TestContents(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		digest := f.blob(t, "shared")
		unmeasured := format.Entry{Type: "a", Digest: digest, Size: format.UnknownSize}
		wrong := format.Entry{Type: "b", Digest: digest, Size: 1, MediaType: "text/x"}
		lost := format.Entry{Type: "c", Digest: dig("c"), Size: format.UnknownSize}
		entries := []format.Entry{unmeasured, lost, wrong, {Type: "d", Size: format.UnknownSize}}
		f.server.Reset()
		contents, err := f.run(t).Contents(t.Context(), f.remote.Repository(), entries, 12)
		if err != nil || !reflect.DeepEqual(contents, [][]byte{[]byte("shared"), nil, []byte("shared"), nil}) {
			t.Fatalf("got %q, %v", contents, err)
		}
		if n := f.server.Count(http.MethodGet, digest.String()); n != 1 {
			t.Errorf("%d downloads of one content", n)
		}
		if entries[0].Size != 6 || entries[2].Size != 6 || entries[2].MediaType != "" || entries[1].Size >= 0 {
			t.Errorf("the entries are %+v", entries)
		}
		for _, entry := range []format.Entry{unmeasured, {Type: "a", Digest: digest, Size: 6}} {
			entries = []format.Entry{entry, entry, entry}
			_, err = f.run(t).Contents(t.Context(), f.remote.Repository(), entries, 12)
			if !errors.Is(err, ErrContentsTooLarge) {
				t.Errorf("three contents of 6 bytes, %+v: %v", entry, err)
			}
		}
	})
}

// answer answers the requests for blobs, by their digests.
func (f *fixture) answer(answers map[string]http.HandlerFunc) {
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		answer, ok := answers[path.Base(r.URL.Path)]
		if ok && r.Method == http.MethodGet {
			answer(w, r)
		}
		return ok && r.Method == http.MethodGet
	})
}

// A damaged content does not hide the others. An error that may pass is no damage, and comes first.
func TestContentsDamaged(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		good, corrupt, large := f.blob(t, "good"), f.blob(t, "corrupt"), f.blob(t, "large")
		answers := map[string]http.HandlerFunc{
			corrupt.String(): func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("other")) },
			large.String(): func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(format.MaxContent+1))
				w.WriteHeader(http.StatusOK)
			},
		}
		f.answer(answers)
		var entries []format.Entry
		for _, digest := range []oci.Digest{corrupt, good, large, corrupt} {
			entries = append(entries, format.Entry{Type: "t", Digest: digest, Size: format.UnknownSize})
		}
		contents, err := f.run(t).Contents(t.Context(), f.remote.Repository(), entries, 1000)
		damage, ok := errors.AsType[*DamagedError](err)
		if !ok || len(damage.Reasons) != 3 {
			t.Fatalf("got %v", err)
		}
		for i, want := range map[int]error{0: oci.ErrDigestMismatch, 2: oci.ErrTooLarge, 3: oci.ErrDigestMismatch} {
			if !errors.Is(damage.Reasons[i], want) {
				t.Errorf("%d: %v, want %v", i, damage.Reasons[i], want)
			}
		}
		if !reflect.DeepEqual(contents, [][]byte{nil, []byte("good"), nil, nil}) {
			t.Errorf("got %q", contents)
		}
		if !strings.Contains(err.Error(), "2 more contents") || !errors.Is(err, oci.ErrDigestMismatch) {
			t.Errorf("the error is %v", err)
		}
		answers = maps.Clone(answers)
		answers[good.String()] = func(w http.ResponseWriter, _ *http.Request) {
			registrytest.Refuse(w, http.StatusForbidden, "DENIED", "no")
		}
		f.answer(answers)
		if _, err = f.run(t).Contents(t.Context(), f.remote.Repository(), entries, 1000); err == nil || IsDamage(err) {
			t.Errorf("a content that is refused: %v", err)
		}
	})
}
