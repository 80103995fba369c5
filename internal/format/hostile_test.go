//go:build !race

// The race detector makes these tests ten times slower and has nothing to find in one goroutine. make test runs them
// without it.

package format_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/memtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// honest returns a document of a number of entries, each with all our fields, of images with ten entries each.
func honest(entries int) []byte {
	var out bytes.Buffer
	out.WriteString(`{"images":[`)
	for i := range entries {
		if i%10 == 0 {
			if i > 0 {
				out.WriteString(`]},`)
			}
			fmt.Fprintf(&out, `{"image_digest":"sha256:%064x","manifesto":[`, i)
		} else {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"type":"type-%d","digest":"sha256:%064x","size":%d,"pin":%d,"media_type":"text/plain",`+
			`"created":"2026-01-02T03:04:05Z"}`, i%10, i, i, i%4096)
	}
	out.WriteString(`]}]}`)
	return out.Bytes()
}

// list repeats an element up to a size in bytes, between two texts.
func list(before, element, after string, size int) []byte {
	n := size / (len(element) + 1)
	return []byte(before + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + after)
}

// A document that is made to take much memory takes at most twice as much as an honest one of a million entries. The
// error says which bound it exceeds.
func TestHostileDocuments(t *testing.T) {
	const size = 6 << 20
	entry := func(fields string) string { return `{"type":"a","digest":"b",` + fields + `}` }
	many := func(n int) string { return strings.TrimSuffix(strings.Repeat(`"":0,`, n), ",") }
	notes := func(n int) string { return strings.TrimSuffix(strings.Repeat(`"":"",`, n), ",") }
	noted := entry(`"annotations":{` + notes(1024) + `}`)
	image := `{"images":[{"image_digest":"` + dig("a").String() + `","manifesto":[`
	tests := map[string]struct {
		document []byte
		err      error
		says     string
	}{
		"entries":             {list(image, `{}`, `]}]}`, 16<<20), format.ErrTooLarge, "1000000 entries"},
		"null entries":        {list(image, `null`, `]}]}`, size), format.ErrTooLarge, "1000000 entries"},
		"images":              {list(`{"images":[`, `{}`, `]}`, size), format.ErrTooLarge, "1000000 images"},
		"entries of images":   {list(`{"images":[`, `{"manifesto":[{},{},{}]}`, `]}`, 2*size), format.ErrTooLarge, "entries"},
		"fields of an entry":  {list(image+`{`, `"":0`, `}]}]}`, size), format.ErrTooLarge, "256 fields"},
		"fields of an image":  {list(`{"images":[{`, `"":0`, `}]}`, size), format.ErrTooLarge, "256 fields"},
		"fields":              {list(`{`, `"":0`, `}`, size), format.ErrTooLarge, "256 fields"},
		"fields in total":     {list(image, `{`+many(256)+`}`, `]}]}`, 10*size), format.ErrTooLarge, "10000000 fields"},
		"annotations":         {list(image, noted, `]}]}`, 11*size), format.ErrTooLarge, "10000000 fields"},
		"ignored annotations": {list(image, entry(`"annotations":{`+notes(1025)+`}`), `]}]}`, size), nil, ""},
		"brackets":            {bytes.Repeat([]byte("["), size), format.ErrMalformed, "depth"},
		"spaces":              {bytes.Repeat([]byte(" "), size), format.ErrMalformed, ""},
		"text":                {bytes.Repeat([]byte("text "), size/5), format.ErrMalformed, ""},
		"a string":            {[]byte(`"` + strings.Repeat("x", size) + `"`), format.ErrMalformed, "not an object"},
	}
	sample := honest(10_000)
	limit := 2 * 100 * memtest.Allocated(func() {
		if _, err := format.ParseDocument(sample); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("an honest document takes %d MB", limit/2>>20)
	for name, test := range tests {
		used := memtest.Allocated(func() {
			d, err := format.ParseDocument(test.document)
			if !errors.Is(err, test.err) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v, want %v and %q", name, err, test.err, test.says)
			}
			if err == nil {
				d.Entries(dig("a"))
			}
		})
		t.Logf("%s: %d MB for a document of %d MB", name, used>>20, len(test.document)>>20)
		if used > limit {
			t.Errorf("%s: %d MB, the limit is %d MB", name, used>>20, limit>>20)
		}
	}
}

// An entry with more annotations than can be read back does not keep anybody from the document.
func TestTooManyAnnotations(t *testing.T) {
	annotations := map[string]string{}
	for i := range 2000 {
		annotations[strconv.Itoa(i)] = "x"
	}
	var d format.Document
	d.Set(dig("a"), format.Entry{Type: "note", Digest: dig("b"), Annotations: annotations})
	read := mustParse(t, string(d.Render()))
	if e, ok := read.Lookup(dig("a"), "note"); !ok || e.Annotations != nil || !bytes.Equal(read.Render(), d.Render()) {
		t.Errorf("the entry: %+v, %t", e, ok)
	}
}

// A document that could not be read back is not stored.
func TestNewImageOfTooManyEntries(t *testing.T) {
	document := list(`{"images":[{"manifesto":[`, `{}`, `]}]}`, 4<<20)
	if _, err := format.NewImage(document); !errors.Is(err, format.ErrTooLarge) {
		t.Errorf("NewImage: %v", err)
	}
	// Braces in a text are no entries.
	if _, err := format.NewImage([]byte(`{"x":"` + strings.Repeat("{", 2<<20) + `"}`)); err != nil {
		t.Errorf("NewImage: %v", err)
	}
}

// A manifest with too many values costs nothing. Some registries serve content as a blob and as a manifest, so the text
// may have the size of the largest content.
func TestHostileManifest(t *testing.T) {
	m := oci.NewManifest("", list(`{"schemaVersion":2,"layers":[`, `{}`, `]}`, format.MaxContent))
	used := memtest.Allocated(func() {
		if _, err := format.ParseManifest(m); !errors.Is(err, format.ErrTooLarge) {
			t.Errorf("ParseManifest: %v", err)
		}
	})
	if used > 1<<20 {
		t.Errorf("%d MB for a manifest of %d MB", used>>20, len(m.Content)>>20)
	}
}

// gzipped compresses parts into one gzip member each.
func gzipped(t *testing.T, parts ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, part := range parts {
		z := gzip.NewWriter(&out)
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// sparse returns an archive with a sparse file /data of a size in bytes: one hole, in the PAX format 1.0 that GNU tar
// writes.
func sparse(t *testing.T, size int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	// archive/tar writes no sparse files: their records replace those of an ordinary file.
	err := w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: "other", Size: 512, Mode: 0o644, PAXRecords: map[string]string{"X.y": "z"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Write(append([]byte("0\n"), make([]byte, 510)...)); err != nil { // The map of the parts with data.
		t.Fatal(err)
	}
	if err = w.Close(); err != nil {
		t.Fatal(err)
	}
	var records strings.Builder
	for _, record := range []string{"major=1", "minor=0", "name=data", fmt.Sprintf("realsize=%d", size)} {
		record = " GNU.sparse." + record + "\n"
		fmt.Fprintf(&records, "%d%s", len(record)+2, record)
	}
	archive := out.Bytes()
	copy(archive[512:1024], records.String()+strings.Repeat("\x00", 512-records.Len()))
	copy(archive[124:136], fmt.Sprintf("%011o\x00", records.Len()))
	copy(archive[148:156], "        ") // The checksum counts itself as spaces.
	sum := 0
	for _, b := range archive[:512] {
		sum += int(b)
	}
	copy(archive[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return archive
}

// lying returns an archive whose header states a larger size for /data than follows.
func lying(t *testing.T, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "data", Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	return out.Bytes() // Not closed: the writer would refuse.
}

// A layer that is made to take much memory or time ends in an error before it has.
func TestHostileLayers(t *testing.T) {
	const limit = format.MaxUnpacked
	member := gzipped(t, nil)
	text := layerOf(t, registrytest.Gzip, registrytest.File{Name: "data", Content: strings.Repeat("text", 64<<20>>2)})
	tests := map[string]struct {
		layer []byte
		err   error
		says  string
		most  uint64 // In megabytes.
	}{
		"empty gzip members":    {bytes.Repeat(member, 8<<20/len(member)), format.ErrTooLarge, "100000 gzip members", 16},
		"a sparse file":         {sparse(t, 200<<20), format.ErrNotManifesto, "is a sparse file", 4},
		"a lying size":          {lying(t, 200<<20), format.ErrNotManifesto, "EOF", 34},
		"a size over the limit": {lying(t, 1<<40), format.ErrTooLarge, "1099511627776 bytes", 4},
		"text":                  {text, nil, "", 64 + 34},
		"a lying zstd window":   {[]byte("\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00"), format.ErrNotManifesto, "window", 4},
	}
	for name, test := range tests {
		used := memtest.Allocated(func() {
			_, err := format.ReadLayer(bytes.NewReader(test.layer), limit, format.MaxData)
			if !errors.Is(err, test.err) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s: %v, want %v and %q", name, err, test.err, test.says)
			}
		}) >> 20
		t.Logf("%s: %d MB for a layer of %d kB", name, used, len(test.layer)>>10)
		if used > test.most {
			t.Errorf("%s: %d MB, the limit is %d MB", name, used, test.most)
		}
	}
}
