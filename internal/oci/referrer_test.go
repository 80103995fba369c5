package oci_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/memtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var image, other = oci.DigestOf([]byte("image")), oci.DigestOf([]byte("other"))

func TestReferrersTag(t *testing.T) {
	if got, want := oci.ReferrersTag(image), "sha256-"+image.Encoded(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParseReferrers(t *testing.T) {
	entry := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":7,"artifactType":"a/b"}`, oci.MediaTypeOCIManifest, image)
	good := oci.ListedReferrer{Digest: image, ArtifactType: "a/b"}
	for name, test := range map[string]struct {
		mediaType, content string
		want               []oci.ListedReferrer
		err                error
	}{
		"one":  {oci.MediaTypeOCIIndex, `{"schemaVersion":2,"manifests":[` + entry + `]}`, []oci.ListedReferrer{good}, nil},
		"none": {oci.MediaTypeOCIIndex, `{"schemaVersion":2,"manifests":[]}`, []oci.ListedReferrer{}, nil},
		"null": {oci.MediaTypeOCIIndex, `{"schemaVersion":2,"manifests":null}`, nil, nil},
		"a generic Content-Type": {
			"application/json", `{"schemaVersion":2,"manifests":[` + entry + `]}`, []oci.ListedReferrer{good}, nil,
		},
		"malformed entries": {
			oci.MediaTypeOCIIndex,
			`{"schemaVersion":2,"manifests":[1,null,{"digest":5},{"digest":"x"},{"size":"huge","digest":"y",` +
				`"artifactType":{}},` + entry + `]}`,
			[]oci.ListedReferrer{{}, {}, {}, {Digest: "x"}, {Digest: "y"}, good}, nil,
		},
		"a page":           {"text/html", `<html>`, nil, oci.ErrBadResponse},
		"other JSON":       {"application/json", `{"ok":true}`, nil, oci.ErrBadResponse},
		"an image":         {oci.MediaTypeOCIManifest, `{"schemaVersion":2,"layers":[]}`, nil, oci.ErrBadResponse},
		"no list":          {oci.MediaTypeOCIIndex, `{"schemaVersion":2,"manifests":{}}`, nil, oci.ErrBadResponse},
		"too many entries": {oci.MediaTypeOCIIndex, repeated(`{"manifests":[`, `{}`, `]}`, 1<<20), nil, oci.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := oci.ParseReferrers(oci.NewManifest(test.mediaType, []byte(test.content)))
			if !errors.Is(err, test.err) || (err != nil) != (test.err != nil) || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
		})
	}
}

// artifact returns the manifest of an artifact of image with more fields.
func artifact(fields string) oci.Manifest {
	return oci.NewManifest(oci.MediaTypeOCIManifest,
		fmt.Appendf(nil, `{"schemaVersion":2,"subject":{"digest":%q}%s}`, image, fields))
}

func TestParseReferrer(t *testing.T) {
	layer := fmt.Sprintf(`{"mediaType":"x/y","digest":%q,"size":3}`, other)
	for name, test := range map[string]struct {
		fields    string
		typ       string
		hasLayer  bool
		mediaType string
	}{
		"artifactType before config": {
			`,"artifactType":"a/b","config":{"mediaType":"c/d"},"layers":[` + layer + `]`, "a/b", true, oci.MediaTypeOCIManifest,
		},
		"the config's type": {
			`,"config":{"mediaType":"c/d"},"layers":[` + layer + `]`, "c/d", true, oci.MediaTypeOCIManifest,
		},
		"no layers": {`,"artifactType":"a/b","layers":[]`, "a/b", false, oci.MediaTypeOCIManifest},
		"two layers": {
			`,"artifactType":"a/b","layers":[` + layer + `,` + layer + `]`, "a/b", false, oci.MediaTypeOCIManifest,
		},
		"the empty layer": {
			`,"artifactType":"a/b","layers":[{"mediaType":"` + oci.MediaTypeOCIEmpty + `"}]`, "a/b", false,
			oci.MediaTypeOCIManifest,
		},
		"an index": {`,"mediaType":"` + oci.MediaTypeOCIIndex + `","manifests":[]`, "", false, oci.MediaTypeOCIIndex},
	} {
		t.Run(name, func(t *testing.T) {
			m := artifact(test.fields)
			got, err := oci.ParseReferrer(m, image)
			if err != nil || got.ArtifactType != test.typ || (got.Layer != nil) != test.hasLayer ||
				got.MediaType != test.mediaType || got.Digest != m.Digest || got.Size != int64(len(m.Content)) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestNoReferrer(t *testing.T) {
	for name, test := range map[string]struct{ content, says string }{
		"attached to another image": {fmt.Sprintf(`{"subject":{"digest":%q}}`, other), "attached to " + other.String()},
		"attached to nothing":       {`{"schemaVersion":2}`, "no subject"},
		"attached to null":          {`{"subject":null}`, "no subject"},
		"a malformed subject":       {`{"subject":5}`, "subject"},
		"malformed annotations":     {string(artifact(`,"annotations":{"a":5}`).Content), "annotations"},
		"a malformed type":          {string(artifact(`,"artifactType":{}`).Content), "artifactType"},
		"no JSON":                   {`<html>`, "invalid character"},
		"a layer of another kind": {
			string(artifact(`,"layers":[{"digest":"sha512:x","size":1}]`).Content), "malformed digest",
		},
		"a layer of a negative size": {
			string(artifact(fmt.Sprintf(`,"layers":[{"digest":%q,"size":-1}]`, other)).Content), "size -1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := oci.ParseReferrer(oci.NewManifest(oci.MediaTypeOCIManifest, []byte(test.content)), image)
			if !errors.Is(err, oci.ErrNotReferrer) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestReferrersAreSorted(t *testing.T) {
	made := func(digest, annotation, created string) oci.Referrer {
		return oci.Referrer{Digest: oci.Digest(digest), Annotations: map[string]string{annotation: created}}
	}
	const key = "org.opencontainers.image.created"
	list := []oci.Referrer{
		made("e", key, "yesterday"), made("d", "", ""), made("c", key, "2026-01-02T03:04:05Z"),
		made("b", key, "2026-01-02T05:04:05+02:00"),
		made("a", "org.opencontainers.artifact.created", "2025-01-01T00:00:00Z"),
		made("z", key, "2027-01-01T00:00:00Z"),
	}
	slices.SortFunc(list, oci.Referrer.Compare)
	var got []string
	for _, r := range list {
		got = append(got, r.Digest.String())
	}
	if want := []string{"z", "b", "c", "a", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A list that is made to take much memory takes at most twice as much as the largest honest index.
func TestHostileReferrers(t *testing.T) {
	honest := oci.NewManifest(oci.MediaTypeOCIIndex, []byte(honestIndex(10_000)))
	limit := 2 * memtest.Allocated(func() {
		if children, err := honest.Children(); err != nil || len(children) != 10_000 {
			t.Errorf("an honest index has %d children, %v", len(children), err)
		}
	})
	const head = `{"schemaVersion":2,"manifests":[`
	for name, content := range map[string]string{
		"empty entries":  repeated(head, `{}`, `]}`, 29_000),
		"nested entries": repeated(head, strings.Repeat("[", 50)+strings.Repeat("]", 50), `]}`, 4<<20),
		"long digests":   repeated(head, `{"digest":"`+strings.Repeat("x", 1<<20)+`"}`, `]}`, 4<<20),
	} {
		used := memtest.Allocated(func() {
			if _, err := oci.ParseReferrers(oci.NewManifest(oci.MediaTypeOCIIndex, []byte(content))); err != nil &&
				!errors.Is(err, oci.ErrTooLarge) {
				t.Errorf("%s: %v", name, err)
			}
		})
		t.Logf("%s: %d kB", name, used>>10)
		if used > limit {
			t.Errorf("%s: %d kB, the limit is %d kB", name, used>>10, limit>>10)
		}
	}
}

func FuzzReferrers(f *testing.F) {
	entry := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":7,"artifactType":"a/b"}`, oci.MediaTypeOCIManifest, image)
	for _, seed := range []string{
		`{"schemaVersion":2,"manifests":[` + entry + `]}`, `{"schemaVersion":2,"manifests":null}`, `[]`, `<html>`,
		`{"schemaVersion":2,"manifests":[1,null,{"digest":5},"x"]}`, `{"schemaVersion":2,"MANIFESTS":[{"Digest":"\ud800"}]}`,
		string(artifact(`,"artifactType":"a/b","layers":[{"digest":"x","size":1}]`).Content), string(artifact("").Content),
		string(artifact(fmt.Sprintf(`,"layers":[{"digest":%q,"size":9e3}],"annotations":{"a":"b"}`, other)).Content),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		m := oci.NewManifest(oci.MediaTypeOCIIndex, content)
		if listed, err := oci.ParseReferrers(m); err != nil {
			if !errors.Is(err, oci.ErrBadResponse) && !errors.Is(err, oci.ErrTooLarge) {
				t.Fatalf("ParseReferrers: %v", err)
			}
		} else if len(listed) > len(content) {
			t.Fatalf("%d entries in %d bytes", len(listed), len(content))
		}
		checkReferrer(t, m)
	})
}

// checkReferrer checks what ParseReferrer makes of a manifest.
func checkReferrer(t *testing.T, m oci.Manifest) {
	t.Helper()
	r, err := oci.ParseReferrer(m, image)
	if err != nil {
		if !errors.Is(err, oci.ErrNotReferrer) {
			t.Fatalf("ParseReferrer: %v", err)
		}
		return
	}
	if of, err := oci.SubjectOf(m); err != nil || of != image {
		t.Fatalf("the subject of %q is %q, %v", m.Content, of, err)
	}
	if r.Layer != nil {
		if _, err := oci.ParseDigest(r.Layer.Digest.String()); err != nil || r.Layer.Size < 0 {
			t.Fatalf("%q has the layer %+v", m.Content, r.Layer)
		}
	}
	if r.Digest != m.Digest || r.MediaType == "" || r.Size != int64(len(m.Content)) {
		t.Fatalf("%q reads as %+v", m.Content, r)
	}
}
