package manifesto

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// benchSizes are the numbers of entries that the benchmarks run with.
var benchSizes = []int{1_000, 10_000, 100_000}

// largeDocument has n entries, five for each image, as our own writer leaves them.
func largeDocument(n int) *format.Document {
	d := &format.Document{}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range n {
		image := oci.DigestOf(fmt.Append(nil, "image", i/5))
		d.Set(image, format.Entry{
			Type: fmt.Sprint("type", i%5), Digest: oci.DigestOf(fmt.Append(nil, "content", i)), Size: 1000,
			MediaType: "application/json", Created: created,
		})
	}
	none := func(oci.Digest) (int, int64, bool) { return 0, 0, false }
	format.NewAssignment(&format.Document{}, d, nil, none).Place(nil)
	return d
}

func benchSized(b *testing.B, run func(b *testing.B, d *format.Document)) {
	b.Helper()
	for _, n := range benchSizes {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			d := largeDocument(n)
			b.ReportAllocs()
			b.ResetTimer()
			run(b, d)
		})
	}
}

// benchRendered measures what is done with a rendered document.
func benchRendered(b *testing.B, run func(data []byte) error) {
	b.Helper()
	benchSized(b, func(b *testing.B, d *format.Document) {
		b.Helper()
		data := d.Render()
		b.SetBytes(int64(len(data)))
		b.ResetTimer()
		for b.Loop() {
			if err := run(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	benchRendered(b, func(data []byte) error {
		_, err := format.ParseDocument(data)
		return err
	})
}

// BenchmarkEdit is what a commit of ten new entries does to a document, without rendering it.
func BenchmarkEdit(b *testing.B) {
	benchSized(b, func(b *testing.B, d *format.Document) {
		b.Helper()
		for b.Loop() {
			next := d.Clone()
			for i := range 10 {
				entry := format.Entry{Type: "t", Digest: oci.DigestOf(fmt.Append(nil, i)), Size: 1}
				next.Set(oci.DigestOf(fmt.Append(nil, "new", i)), entry)
			}
			if _, err := planPins(b.Context(), nil, d, next, newPinIndex().find, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRender(b *testing.B) {
	benchSized(b, func(b *testing.B, d *format.Document) {
		b.Helper()
		for b.Loop() {
			b.SetBytes(int64(len(d.Render())))
		}
	})
}

// BenchmarkImage is the tar, gzip and digests around a rendered document: what the format forces.
func BenchmarkImage(b *testing.B) {
	benchRendered(b, func(data []byte) error {
		_, err := format.NewImage(data)
		return err
	})
}

// BenchmarkCommit is a whole commit of one new entry, less the network.
func BenchmarkCommit(b *testing.B) {
	benchSized(b, func(b *testing.B, d *format.Document) {
		b.Helper()
		ctx := b.Context()
		repository, err := oci.ParseRepository("example.com/app", "")
		if err != nil {
			b.Fatal(err)
		}
		remote := &memoryRemote{blobs: map[oci.Digest][]byte{}, manifests: map[string]oci.Manifest{}}
		image, err := format.NewImage(d.Render())
		if err != nil {
			b.Fatal(err)
		}
		m, err := image.Manifest(repository, format.Header{Number: 1})
		if err != nil {
			b.Fatal(err)
		}
		remote.blobs[oci.DigestOf(image.Layer)] = image.Layer
		if err := remote.PutManifest(ctx, format.Tag, m, time.Time{}); err != nil {
			b.Fatal(err)
		}
		store := NewStore(func(oci.Repository) Repository { return remote }, Options{})
		put := func(i int) {
			key := Key{Repository: repository, Image: oci.DigestOf(fmt.Append(nil, "new", i)), Type: "t"}
			if _, err := store.Put(ctx, Put{Key: key, Content: fmt.Append(nil, "new content ", i)}); err != nil {
				b.Fatal(err)
			}
		}
		put(0)
		b.ResetTimer()
		for i := 1; b.Loop(); i++ {
			put(i)
		}
	})
}

// BenchmarkRead is what a run's first look costs, less the network: the layer is verified, unpacked and parsed.
func BenchmarkRead(b *testing.B) {
	benchSized(b, func(b *testing.B, d *format.Document) {
		b.Helper()
		image, err := format.NewImage(d.Render())
		if err != nil {
			b.Fatal(err)
		}
		m, err := image.Manifest(oci.Repository{}, format.Header{Number: 1})
		if err != nil {
			b.Fatal(err)
		}
		remote := &memoryRemote{blobs: map[oci.Digest][]byte{oci.DigestOf(image.Layer): image.Layer}}
		b.ResetTimer()
		for b.Loop() {
			if _, err := readVersion(b.Context(), remote, m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
