package format_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func unknown(oci.Digest) (int, int64, bool) { return 0, 0, false }

// pinnedDocument has n entries, five an image, whose contents of a thousand bytes are pinned.
func pinnedDocument(n int) *format.Document {
	d := &format.Document{}
	for i := range n {
		d.Set(imageOf(i/5), format.Entry{
			Type: fmt.Sprint("type", i%5), Digest: oci.DigestOf(fmt.Append(nil, "content", i)), Size: 1000,
		})
	}
	format.NewAssignment(&format.Document{}, d, nil, unknown).Place(nil)
	return d
}

func imageOf(i int) oci.Digest { return oci.DigestOf(fmt.Append(nil, "image", i)) }

// blobsOf returns the blobs of each shard.
func blobsOf(d *format.Document) map[int]map[oci.Digest]int64 {
	blobs := map[int]map[oci.Digest]int64{}
	count, _ := d.NamedShards()
	for shard := range count {
		if sizes := d.ShardBlobs(shard); len(sizes) > 0 {
			blobs[shard] = sizes
		}
	}
	return blobs
}

func sameBlobs(a, b map[int]map[oci.Digest]int64) bool {
	return maps.EqualFunc(a, b, maps.Equal[map[oci.Digest]int64, map[oci.Digest]int64])
}

// The count of pins follows every kind of edit, in the copy only.
func TestShardsFollowEdits(t *testing.T) {
	original := pinnedDocument(600)
	before := blobsOf(original)
	edited := original.Clone()
	for i := range 100 {
		edited.Delete(imageOf(i), "type1")
		content := oci.DigestOf(fmt.Append(nil, "edited", i))
		edited.Set(imageOf(i), format.Entry{Type: "type2", Digest: content, Size: 7})
		edited.Set(imageOf(i), format.Entry{Type: "new", Digest: dig("e"), Size: 7})
		repaired, _ := edited.Lookup(imageOf(i), "type3")
		edited.Unpin(map[oci.Digest]bool{repaired.Digest: true})
	}
	for _, typ := range []string{"type0", "type1", "type2", "type3", "type4"} {
		edited.Delete(imageOf(7), typ)
	}
	format.NewAssignment(original, edited, nil, unknown).Place(nil)
	further := edited.Clone()
	further.Delete(imageOf(8), "new")
	for name, d := range map[string]*format.Document{"original": original, "edited": edited, "further": further} {
		if got, want := blobsOf(d), blobsOf(mustParse(t, string(d.Render()))); !sameBlobs(got, want) {
			t.Errorf("%s: the count has %v, the document %v", name, got, want)
		}
	}
	if !sameBlobs(before, blobsOf(original)) {
		t.Error("editing the copy changed the original's count")
	}
}

func TestAssignmentKeepsTheBoundsOfShards(t *testing.T) {
	d := pinnedDocument(2*format.MaxNext + 1)
	for shard, want := range []int{format.MaxNext, format.MaxNext, 1, 0} {
		if got := len(d.ShardBlobs(shard)); got != want {
			t.Errorf("shard %d has %d blobs, want %d", shard, got, want)
		}
	}
	// A commit that replaces every entry must leave room for what the base still names.
	next := d.Clone()
	for i := range 2*format.MaxNext + 1 {
		content := oci.DigestOf(fmt.Append(nil, "replaced", i))
		next.Set(imageOf(i/5), format.Entry{Type: fmt.Sprint("type", i%5), Digest: content, Size: 1})
	}
	for shard, union := range format.NewAssignment(d, next, nil, unknown).Place(nil) {
		if len(union) > format.MaxUnion || len(next.ShardBlobs(shard)) > format.MaxNext {
			t.Errorf("shard %d has %d blobs, %d of the next document", shard, len(union), len(next.ShardBlobs(shard)))
		}
	}
	if next.HasUnpinned(nil) {
		t.Error("blobs stay without a pin")
	}
}

func TestAssignment(t *testing.T) {
	entry := func(typ string, digest oci.Digest, size int64) format.Entry {
		return format.Entry{Type: typ, Digest: digest, Size: size}
	}
	base := &format.Document{}
	base.Set(imageOf(1), entry("pinned", dig("a"), 1))
	format.NewAssignment(&format.Document{}, base, nil, unknown).Place(nil)
	next := base.Clone()
	next.Set(imageOf(2), entry("same content", dig("a"), 1))
	next.Set(imageOf(2), entry("held elsewhere", dig("b"), format.UnknownSize))
	next.Set(imageOf(2), entry("not pinnable", dig("c"), 1))
	next.Set(imageOf(2), entry("no size", dig("d"), format.UnknownSize))
	next.Set(imageOf(2), entry("gone", dig("e"), format.UnknownSize))
	next.Set(imageOf(2), entry("empty", dig("f"), 0))
	held := func(digest oci.Digest) (int, int64, bool) { return 5, 9, digest == dig("b") }
	assignment := format.NewAssignment(base, next, map[oci.Digest]bool{dig("c"): true}, held)
	if got := fmt.Sprint(assignment.Unsized()); got != fmt.Sprint([]oci.Digest{dig("d"), dig("e")}) {
		t.Errorf("unsized: %s", got)
	}
	touched := assignment.Place(map[oci.Digest]int64{dig("d"): 4})
	want := map[int]map[oci.Digest]int64{0: {dig("a"): 1, dig("d"): 4, dig("f"): 0}}
	if !sameBlobs(touched, want) {
		t.Errorf("touched: %v, want %v", touched, want)
	}
	for typ, want := range map[string]format.Entry{
		"same content":   {Pin: format.PinTo(0), Size: 1},
		"held elsewhere": {Pin: format.PinTo(5), Size: 9},
		"not pinnable":   {Size: 1},
		"no size":        {Pin: format.PinTo(0), Size: 4},
		"gone":           {Size: format.UnknownSize},
		"empty":          {Pin: format.PinTo(0), Size: 0},
	} {
		if got, ok := next.Lookup(imageOf(2), typ); !ok || got.Pin != want.Pin || got.Size != want.Size {
			t.Errorf("%s: pin %d and size %d, want %d and %d", typ, got.Pin, got.Size, want.Pin, want.Size)
		}
	}
}

func TestPin(t *testing.T) {
	if _, ok := format.Pin(0).Shard(); ok {
		t.Error("the zero pin names a shard")
	}
	if shard, ok := format.PinTo(0).Shard(); !ok || shard != 0 {
		t.Errorf("the pin to shard 0 is to %d, %t", shard, ok)
	}
}
