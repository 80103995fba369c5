package oci_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Entries of lists, as other tools may have written them, and a new one.
const (
	entryOne = `{ "digest":"sha256:1", "x":[1.50, "\u0061"],"annotations":{"a":"<b>"}}`
	entryTwo = `{"mediaType":"m","digest":"sha256:2","size":2}`
	odd      = `"no entry"`
)

var added = oci.Descriptor{
	MediaType: "m", Digest: "sha256:9", Size: 9, ArtifactType: "a/b", Annotations: map[string]string{"k": "<v>"},
}

const addedText = `{"mediaType":"m","digest":"sha256:9","size":9,"annotations":{"k":"<v>"},"artifactType":"a/b"}`

func list(entries ...string) string {
	return `{"schemaVersion":2,"manifests":[` + strings.Join(entries, ",") + `],"z":{"y": 1}}`
}

// An edit leaves everything alone that it does not name.
func TestEditReferrers(t *testing.T) {
	t.Parallel()
	add := oci.ReferrersEdit{Add: []oci.Descriptor{added}}
	remove := func(digests ...oci.Digest) oci.ReferrersEdit { return oci.ReferrersEdit{Remove: digests} }
	for name, test := range map[string]struct {
		before  string
		edits   []oci.ReferrersEdit
		after   string
		entries int
	}{
		"added": {list(entryOne, odd), []oci.ReferrersEdit{add}, list(entryOne, odd, addedText), 3},
		"added to none": {
			string(oci.EmptyReferrers().Content), []oci.ReferrersEdit{add},
			strings.Replace(string(oci.EmptyReferrers().Content), "[]", "["+addedText+"]", 1), 1,
		},
		"added to null": {
			`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":null}`,
			[]oci.ReferrersEdit{add},
			`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` + addedText + `]}`, 1,
		},
		"added to no field": {
			`{"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2}`, []oci.ReferrersEdit{add},
			`{"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2,"manifests":[` + addedText + `]}`, 1,
		},
		"an escaped type": {
			`{"mediaType":"application\/vnd.oci.image.index.v1+json","schemaVersion":2,"manifests":[]}`,
			[]oci.ReferrersEdit{add},
			`{"mediaType":"application\/vnd.oci.image.index.v1+json","schemaVersion":2,"manifests":[` + addedText + `]}`, 1,
		},
		"there already":     {list(`{"digest":"sha256:9"}`), []oci.ReferrersEdit{add}, list(`{"digest":"sha256:9"}`), 1},
		"added twice":       {list(), []oci.ReferrersEdit{add, add}, list(addedText), 1},
		"removed":           {list(entryOne, odd, entryTwo), []oci.ReferrersEdit{remove("sha256:2")}, list(entryOne, odd), 2},
		"removed, repeated": {list(entryTwo, entryOne, entryTwo), []oci.ReferrersEdit{remove("sha256:2")}, list(entryOne), 1},
		"the last":          {list(entryTwo), []oci.ReferrersEdit{remove("sha256:1", "sha256:2")}, list(), 0},
		"removed, added":    {list(addedText), []oci.ReferrersEdit{remove("sha256:9"), add}, list(addedText), 1},
		"added, removed":    {list(entryOne), []oci.ReferrersEdit{add, remove("sha256:9")}, list(entryOne), 1},
		"nothing to remove": {` {"schemaVersion": 2, "manifests": [ ]} `, []oci.ReferrersEdit{remove("sha256:9")},
			` {"schemaVersion": 2, "manifests": [ ]} `, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, entries, err := oci.EditReferrers(oci.NewManifest(oci.MediaTypeOCIIndex, []byte(test.before)), test.edits...)
			if err != nil || string(got.Content) != test.after || entries != test.entries {
				t.Errorf("got %s with %d entries, %v; want %s with %d", got.Content, entries, err, test.after, test.entries)
			}
			if got.Digest != oci.DigestOf([]byte(test.after)) || got.MediaType != oci.MediaTypeOCIIndex {
				t.Errorf("its digest is %s, its type %s", got.Digest, got.MediaType)
			}
		})
	}
}

// What is no list of referrers is never replaced, and no list outgrows what is read.
func TestEditReferrersFails(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		entries := make([]string, n)
		for i := range entries {
			entries[i] = fmt.Sprintf(`{"digest":"sha256:x%d"}`, i)
		}
		return list(entries...)
	}
	large := list(fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", oci.MaxManifestSize-100)))
	for name, test := range map[string]struct {
		mediaType, before string
		want              error
	}{
		"a page":           {"text/html", `<html>`, oci.ErrBadResponse},
		"null":             {oci.MediaTypeOCIIndex, `null`, oci.ErrBadResponse},
		"an image":         {oci.MediaTypeOCIManifest, `{"schemaVersion":2,"config":{},"layers":[]}`, oci.ErrBadResponse},
		"a Docker list":    {oci.MediaTypeDockerList, list(entryOne), oci.ErrBadResponse},
		"the type within":  {"", `{"mediaType":"x","schemaVersion":2,"manifests":[]}`, oci.ErrBadResponse},
		"two lists":        {oci.MediaTypeOCIIndex, `{"schemaVersion":2,"manifests":[],"Manifests":[]}`, oci.ErrBadResponse},
		"too many entries": {oci.MediaTypeOCIIndex, many(oci.MaxReferrers), oci.ErrTooManyReferrers},
		"too many bytes":   {oci.MediaTypeOCIIndex, large, oci.ErrTooLarge},
		"too many values":  {oci.MediaTypeOCIIndex, many(20_000), oci.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := oci.NewManifest(test.mediaType, []byte(test.before))
			if got, _, err := oci.EditReferrers(m, oci.ReferrersEdit{Add: []oci.Descriptor{added}}); !errors.Is(err, test.want) {
				t.Errorf("%s, %v; want %v", got.Content, err, test.want)
			}
		})
	}
	// A list that is too long already can shrink.
	m := oci.NewManifest(oci.MediaTypeOCIIndex, []byte(many(oci.MaxReferrers+2)))
	edit := oci.ReferrersEdit{Remove: []oci.Digest{"sha256:x0"}}
	if _, entries, err := oci.EditReferrers(m, edit); err != nil || entries != oci.MaxReferrers+1 {
		t.Errorf("%d entries, %v", entries, err)
	}
}

// What is attached must name a subject.
func TestParseAttached(t *testing.T) {
	t.Parallel()
	subject := oci.DigestOf([]byte("image"))
	content := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"a/config","digest":%q,"size":2},"layers":[],`+
		`"subject":{"digest":%q},"annotations":{"k":"v"}}`, oci.DigestOf([]byte("{}")), subject)
	r, of, err := oci.ParseAttached(oci.NewManifest(oci.MediaTypeOCIManifest, []byte(content)))
	if err != nil || of != subject {
		t.Errorf("%s, %v", of, err)
	}
	d := r.Descriptor()
	if d.ArtifactType != "a/config" || d.MediaType != oci.MediaTypeOCIManifest || d.Size != int64(len(content)) ||
		d.Digest != oci.DigestOf([]byte(content)) || d.Annotations["k"] != "v" {
		t.Errorf("%+v", d)
	}
	for _, other := range []string{`{}`, `<`, `{"subject":{}}`, `{"subject":{"digest":"sha512:1"}}`, `{"subject":1}`} {
		_, _, err := oci.ParseAttached(oci.NewManifest(oci.MediaTypeOCIManifest, []byte(other)))
		if !errors.Is(err, oci.ErrNotReferrer) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// A mediaType in the content replaces a generic one only.
func TestManifestDescriptor(t *testing.T) {
	t.Parallel()
	for mediaType, want := range map[string]string{
		"application/json": oci.MediaTypeOCIIndex, "": oci.MediaTypeOCIIndex,
		oci.MediaTypeOCIManifest: oci.MediaTypeOCIManifest,
	} {
		m := oci.NewManifest(mediaType, []byte(`{"mediaType":"`+oci.MediaTypeOCIIndex+`"}`))
		if d := m.Descriptor(); d.MediaType != want || d.Digest != m.Digest || d.Size != int64(len(m.Content)) {
			t.Errorf("%q: %+v", mediaType, d)
		}
	}
}
