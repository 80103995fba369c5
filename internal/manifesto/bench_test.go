package manifesto

import (
	"fmt"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// benchSizes are the numbers of entries that the benchmarks run with.
var benchSizes = []int{1_000, 10_000, 100_000}

// largeDocument has n entries, five for each image, as our own writer leaves them.
func largeDocument(n int) *Document {
	d := &Document{}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range n {
		image := registry.DigestOf(fmt.Append(nil, "image", i/5))
		d.Set(image, Entry{
			Type: fmt.Sprint("type", i%5), Digest: registry.DigestOf(fmt.Append(nil, "content", i)), Size: 1000,
			MediaType: "application/json", Created: created,
		})
	}
	pin := 0
	d.repin(func(rec record) (record, bool) {
		pin++
		return rec.pinned((pin-1)/maxNext, 0), true
	})
	return d
}

func benchSized(b *testing.B, run func(b *testing.B, d *Document)) {
	b.Helper()
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := largeDocument(n)
			b.ReportAllocs()
			b.ResetTimer()
			run(b, d)
		})
	}
}

func BenchmarkParse(b *testing.B) {
	benchSized(b, func(b *testing.B, d *Document) {
		b.Helper()
		data := d.Render()
		b.SetBytes(int64(len(data)))
		b.ResetTimer()
		for b.Loop() {
			if _, err := ParseDocument(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEdit is what a commit of ten new entries does to a document, without rendering it.
func BenchmarkEdit(b *testing.B) {
	benchSized(b, func(b *testing.B, d *Document) {
		b.Helper()
		for b.Loop() {
			next := d.Clone()
			for i := range 10 {
				next.Set(registry.DigestOf(fmt.Append(nil, "new", i)), Entry{Type: "t", Digest: registry.DigestOf(fmt.Append(nil, i)), Size: 1})
			}
			if _, err := planPins(b.Context(), nil, d, next, newPins().holds, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRender(b *testing.B) {
	benchSized(b, func(b *testing.B, d *Document) {
		b.Helper()
		for b.Loop() {
			b.SetBytes(int64(len(d.Render())))
		}
	})
}

// BenchmarkImage is the tar, gzip and digests around a rendered document: what the format forces.
func BenchmarkImage(b *testing.B) {
	benchSized(b, func(b *testing.B, d *Document) {
		b.Helper()
		data := d.Render()
		b.SetBytes(int64(len(data)))
		b.ResetTimer()
		for b.Loop() {
			if _, err := newImage(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
