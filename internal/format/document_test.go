package format_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// dig returns a digest that reads like its letter.
func dig(letter string) oci.Digest {
	return oci.Digest("sha256:" + strings.Repeat(letter, 64))
}

func hexOf(letter string) string { return strings.Repeat(letter, 64) }

var placeholder = regexp.MustCompile(`\$\$?[0-9a-f]`)

// expand replaces $a in a document by dig("a"), and $$a by the digits of it without "sha256:".
func expand(document string) string {
	return placeholder.ReplaceAllStringFunc(document, func(p string) string {
		if digit, bare := strings.CutPrefix(p, "$$"); bare {
			return hexOf(digit)
		}
		return dig(p[1:]).String()
	})
}

func mustParse(t *testing.T, data string) *format.Document {
	t.Helper()
	d, err := format.ParseDocument([]byte(data))
	if err != nil {
		t.Fatalf("ParseDocument(%s): %v", data, err)
	}
	return d
}

// The example in the original's README: two images by bare digests, five entries.
func TestOriginalDocumentRoundTrips(t *testing.T) {
	data, err := os.ReadFile("testdata/original.json")
	if err != nil {
		t.Fatal(err)
	}
	d := mustParse(t, string(data))
	var compacted bytes.Buffer
	if err = json.Compact(&compacted, data); err != nil {
		t.Fatal(err)
	}
	if got, compact := string(d.Render()), compacted.String(); got != compact {
		t.Errorf("an unedited document renders to\n%s\nwant\n%s", got, compact)
	}
	first, err := oci.ParseDigest("70d2f067eb94ec8ab0530068a414d8dbe8c203244ae5d5ad4ba6eb1babd1c1c1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Types(first), []string{"seccomp", "approvals", "contact"}; !slices.Equal(got, want) {
		t.Errorf("types of the first image: %v, want %v", got, want)
	}
	second, err := oci.ParseDigest("sha256:51d2f067eb94ec8ab0531987a414d8dbe8c203244ae5d5ad4ba6eb1babd1d54a")
	if err != nil {
		t.Fatal(err)
	}
	entry, ok := d.Lookup(second, "documentation")
	if !ok || entry.Digest != "sha256:9ce18eb4e6a66639601e7073963ec04aa0f70a11442157e1d9825f042879abb1" {
		t.Errorf("documentation of the second image: %+v, %t", entry, ok)
	}
}

func TestSet(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := map[string]struct {
		before string
		image  oci.Digest
		entry  format.Entry
		want   string
	}{
		"empty document": {
			before: `{}`, image: dig("a"), entry: format.Entry{Type: "contact", Digest: dig("1"), Size: format.UnknownSize},
			want: `{"images":[{"image_digest":"$a","manifesto":[{"type":"contact","digest":"$1"}]}]}`,
		},
		"null slices, as the original marshals them": {
			before: `{"images":[{"image_digest":"$a","manifesto":null}]}`,
			image:  dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"), Size: format.UnknownSize},
			want: `{"images":[{"image_digest":"$a","manifesto":[{"type":"t","digest":"$1"}]}]}`,
		},
		"images null": {
			before: `{"images":null}`, image: dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"),
				Size: format.UnknownSize},
			want: `{"images":[{"image_digest":"$a","manifesto":[{"type":"t","digest":"$1"}]}]}`,
		},
		"optional fields come after the two, in order": {
			before: `{"images":[]}`, image: dig("a"),
			entry: format.Entry{Type: "t", Digest: dig("1"), Size: 7, MediaType: "text/plain", Created: created,
				Annotations: map[string]string{"b": "2", "a": "<1>"}},
			want: `{"images":[{"image_digest":"$a","manifesto":[{"type":"t","digest":"$1","size":7,` +
				`"media_type":"text/plain","created":"2026-01-02T03:04:05Z","annotations":{"a":"<1>","b":"2"}}]}]}`,
		},
		"bare digest gets its prefix when its image is edited, others stay": {
			before: `{"images":[{"image_digest":"$$b","manifesto":[]},{"image_digest":"$$a","manifesto":[{"type":"x",` +
				`"digest":"$2"}]}]}`,
			image: dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"), Size: format.UnknownSize},
			want: `{"images":[{"image_digest":"$$b","manifesto":[]},{"image_digest":"$a","manifesto":[{"type":"x",` +
				`"digest":"$2"},{"type":"t","digest":"$1"}]}]}`,
		},
		"unknown fields and order survive at every level": {
			before: `{"v":1,"images":[{"note":[1, 2.50],"image_digest":"$a","manifesto":[{"by":"é\u00e9","digest":"$2",` +
				`"type":"t","n":12345678901234567890}],"z":null}],"w":{"x":""}}`,
			image: dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"), Size: format.UnknownSize},
			want: `{"v":1,"images":[{"note":[1,2.50],"image_digest":"$a","manifesto":[{"by":"é\u00e9","digest":"$1",` +
				`"type":"t","n":12345678901234567890}],"z":null}],"w":{"x":""}}`,
		},
		"the first of duplicates is replaced": {
			before: `{"images":[{"image_digest":"$$a","manifesto":[{"type":"t","digest":"$2"}]},{"image_digest":"$a",` +
				`"manifesto":[{"type":"t","digest":"$3"}]}]}`,
			image: dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"), Size: format.UnknownSize},
			want: `{"images":[{"image_digest":"$a","manifesto":[{"type":"t","digest":"$1"}]},{"image_digest":"$a",` +
				`"manifesto":[{"type":"t","digest":"$3"}]}]}`,
		},
		"what a foreign writer stripped or kept is replaced, and the pin goes with the content": {
			before: `{"images":[{"image_digest":"$a","manifesto":[{"type":"t","digest":"$2","size":3,"pin":0,` +
				`"media_type":"x/y","created":"2020-01-01T00:00:00Z","annotations":{"a":"b"},"own":true}]}]}`,
			image: dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"), Size: 9},
			want: `{"images":[{"image_digest":"$a","manifesto":[{"type":"t","digest":"$1","size":9,"own":true}]}]}`,
		},
		"elements that make no sense are kept": {
			before: `{"images":[null,{},{"image_digest":7},{"image_digest":"zz","manifesto":[null,{"type":3}]}]}`,
			image:  dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"), Size: format.UnknownSize},
			want: `{"images":[null,{},{"image_digest":7},{"image_digest":"zz","manifesto":[null,{"type":3}]},` +
				`{"image_digest":"$a","manifesto":[{"type":"t","digest":"$1"}]}]}`,
		},
		"escaped keys and types are the same keys and types": {
			before: `{"im\u0061ges":[{"image_digest":"$a","manifesto":[{"type":"\u0074","digest":"$2"}]}]}`,
			image:  dig("a"), entry: format.Entry{Type: "t", Digest: dig("1"), Size: format.UnknownSize},
			want: `{"im\u0061ges":[{"image_digest":"$a","manifesto":[{"type":"t","digest":"$1"}]}]}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			base := mustParse(t, expand(test.before))
			before := string(base.Render())
			edited := base.Clone()
			edited.Set(test.image, test.entry)
			if got, want := string(edited.Render()), expand(test.want); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got := string(base.Render()); got != before {
				t.Errorf("the edit of a clone changed the original to\n%s", got)
			}
			entry, ok := edited.Lookup(test.image, test.entry.Type)
			if !ok || !entry.Equal(test.entry) {
				t.Errorf("Lookup after Set: %+v, %t; want %+v", entry, ok, test.entry)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	entry := func(typ, digest string) string {
		return `{"type":"` + typ + `","digest":"` + string(dig(digest)) + `"}`
	}
	img := func(digest string, entries ...string) string {
		return `{"image_digest":"` + digest + `","manifesto":[` + strings.Join(entries, ",") + `]}`
	}
	doc := func(images ...string) string { return `{"images":[` + strings.Join(images, ",") + `]}` }
	full := string(dig("a"))
	tests := map[string]struct {
		before, typ, want string
		removed           bool
	}{
		"last entry": {doc(img(full, entry("t", "1"))), "t", doc(), true},
		"one of two": {doc(img(full, entry("t", "1"), entry("u", "2"))), "t", doc(img(full, entry("u",
			"2"))), true},
		"none": {doc(img(full, entry("u", "2"))), "t", doc(img(full, entry("u", "2"))), false},
		"duplicates do not resurface": {doc(img(hexOf("a"), entry("t", "1"), entry("t", "2")), img(full, entry("t", "3"),
			entry("u", "4"))), "t", doc(img(full, entry("u", "4"))), true},
		"another image's stay": {doc(img(full, entry("t", "1")), img(string(dig("b")), entry("t", "2"))), "t",
			doc(img(string(dig("b")), entry("t", "2"))), true},
		"an untouched empty image": {doc(img(string(dig("b"))), img(full, entry("t", "1"))), "t",
			doc(img(string(dig("b")))), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			base := mustParse(t, test.before)
			edited := base.Clone()
			if removed := edited.Delete(dig("a"), test.typ); removed != test.removed {
				t.Errorf("Delete reports %t, want %t", removed, test.removed)
			}
			if got := string(edited.Render()); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if got := string(base.Render()); got != test.before {
				t.Errorf("the edit of a clone changed the original to\n%s", got)
			}
			if _, ok := edited.Lookup(dig("a"), test.typ); ok {
				t.Error("the entry is still there")
			}
		})
	}
}

// An image whose last entry was deleted is gone for every reader, and comes back at the end.
func TestEditsAfterDelete(t *testing.T) {
	entry := func(content string) format.Entry { return format.Entry{Type: "t", Digest: dig(content), Size: 7} }
	base := (&format.Document{}).Clone()
	for _, image := range []string{"a", "b", "c"} {
		base.Set(dig(image), entry("1"))
	}
	edited := base.Clone()
	edited.Delete(dig("a"), "t")
	edited.Delete(dig("b"), "t")
	edited.Set(dig("a"), entry("2"))
	for name, d := range map[string]*format.Document{
		"edited": edited, "cloned": edited.Clone(), "parsed": mustParse(t, string(edited.Render())),
	} {
		var images []oci.Digest
		for image, entries := range d.Images() {
			images = append(images, image)
			if len(entries) != 1 {
				t.Errorf("%s: %s has %d entries", name, image, len(entries))
			}
		}
		if want := []oci.Digest{dig("c"), dig("a")}; !slices.Equal(images, want) {
			t.Errorf("%s: the images are %v", name, images)
		}
		if current, ok := d.Lookup(dig("a"), "t"); !ok || current.Digest != dig("2") {
			t.Errorf("%s: a has %+v, %t", name, current, ok)
		}
		if _, ok := d.Lookup(dig("b"), "t"); ok {
			t.Errorf("%s: b is still there", name)
		}
	}
	if entries := base.Entries(dig("b")); len(entries) != 1 {
		t.Errorf("the original has %d entries of b", len(entries))
	}
}

func TestMalformedDocuments(t *testing.T) {
	for _, data := range []string{
		``, ` `, `[]`, `"x"`, `7`, `{`, `{"images":{}}`, `{"images":[7]}`, `{"images":[{"manifesto":{}}]}`,
		`{"images":[{"manifesto":["x"]}]}`, `{"images":[],"images":[]}`, `{"images":[{"image_digest":"a",` +
			`"image_digest":"b"}]}`,
		`{"images":[{"manifesto":[{"type":"a","type":"b"}]}]}`, `{"images":[]} trailing`, "\xff\xfe{}",
		strings.Repeat(`{"a":`, 20000) + `1` + strings.Repeat(`}`, 20000),
	} {
		if _, err := format.ParseDocument([]byte(data)); !errors.Is(err, format.ErrMalformed) {
			t.Errorf("ParseDocument(%.40q) = %v, want ErrMalformed", data, err)
		}
	}
}

func TestNullDocumentIsEmpty(t *testing.T) {
	if got := string(mustParse(t, `null`).Render()); got != `{"images":[]}` {
		t.Errorf("null renders to %s", got)
	}
}

func TestEntriesListsTheCurrentOnes(t *testing.T) {
	d := mustParse(t, expand(`{"images":[{"image_digest":"$$a","manifesto":[{"type":"t","digest":"$1"},{"type":"t",`+
		`"digest":"$2"},{"type":"","digest":"$3"}]},{"image_digest":"$a","manifesto":[{"type":"u","digest":"nonsense",`+
		`"size":-4,"created":"yesterday","annotations":[1]},{"type":"t","digest":"$4"}]}]}`))
	entries := d.Entries(dig("a"))
	if len(entries) != 2 || entries[0].Digest != dig("1") || entries[1].Type != "u" || entries[1].Digest != "" {
		t.Errorf("Entries: %+v", entries)
	}
	if e := entries[1]; e.Size != format.UnknownSize || !e.Created.IsZero() || e.Annotations != nil {
		t.Errorf("nonsense in optional fields is not ignored: %+v", e)
	}
}

func FuzzDocument(f *testing.F) {
	data, err := os.ReadFile("testdata/original.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(expand(`{"v":1,"images":[null,{"note":[1, 2.50],"image_digest":"$a","manifesto":[{"by":"\"\\é",` +
		`"type":"t"}],"z":{}}]}`)))
	f.Add([]byte(expand(`{"images":[{"image_digest":"$$a","manifesto":null}]}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := format.ParseDocument(data)
		if err != nil {
			return
		}
		rendered := d.Render()
		if !json.Valid(rendered) {
			t.Fatalf("renders to invalid JSON: %s", rendered)
		}
		again, err := format.ParseDocument(rendered)
		if err != nil {
			t.Fatalf("what was rendered does not parse: %v\n%s", err, rendered)
		}
		if got := string(again.Render()); got != string(rendered) {
			t.Fatalf("rendering is not stable:\n%s\n%s", rendered, got)
		}
		edited := d.Clone()
		want := format.Entry{Type: "fuzz", Digest: dig("f"), Size: 1}
		edited.Set(dig("a"), want)
		reread, err := format.ParseDocument(edited.Render())
		if err != nil {
			t.Fatalf("an edited document does not parse: %v\n%s", err, edited.Render())
		}
		if got, ok := reread.Lookup(dig("a"), "fuzz"); !ok || !got.Equal(want) {
			t.Fatalf("the entry set is not the one read: %+v", got)
		}
		reread.Delete(dig("a"), "fuzz")
		if _, ok := reread.Lookup(dig("a"), "fuzz"); ok {
			t.Fatal("the entry deleted is still there")
		}
		if string(d.Render()) != string(rendered) {
			t.Fatal("editing a clone changed the original")
		}
	})
}
