package manifesto

import (
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func layersOf(sizes map[oci.Digest]int64) []oci.Descriptor {
	var layers []oci.Descriptor
	for digest, size := range sizes {
		layers = append(layers, oci.Descriptor{Digest: digest, Size: size})
	}
	return layers
}

// finds checks which shard the index finds for a blob; -1 means none.
func finds(t *testing.T, x *pinIndex, digest oci.Digest, wantShard int, wantSize int64) {
	t.Helper()
	shard, size, ok := x.find(digest)
	if !ok {
		shard = -1
	}
	if shard != wantShard || size != wantSize {
		t.Errorf("blob %s is in shard %d with %d bytes, want %d and %d", digest, shard, size, wantShard, wantSize)
	}
}

func TestPinIndexFindsTheLowestShard(t *testing.T) {
	x := newPinIndex()
	finds(t, x, dig("a"), -1, 0)
	x.read(2, map[oci.Digest]int64{dig("a"): 1, dig("b"): 0}, 7)
	x.read(1, map[oci.Digest]int64{dig("a"): 1}, 5)
	finds(t, x, dig("a"), 1, 1)
	finds(t, x, dig("b"), 2, 0)
	if x.latest() != 7 {
		t.Errorf("the largest version number is %d, want 7", x.latest())
	}
	if size, ok := x.size(2, dig("b")); !ok || size != 0 || x.contains(1, dig("b")) {
		t.Errorf("the empty blob has %d bytes, %t", size, ok)
	}
	x.read(1, map[oci.Digest]int64{dig("c"): 3}, 8) // A later look: the other shard still has the blob.
	finds(t, x, dig("a"), 2, 1)
	finds(t, x, dig("c"), 1, 3)
}

func TestPinIndexPrefersWhatThisRunHasPut(t *testing.T) {
	x := newPinIndex()
	x.put(0, layersOf(map[oci.Digest]int64{dig("a"): 1}), 3)
	x.read(0, map[oci.Digest]int64{dig("b"): 2}, 2)
	finds(t, x, dig("a"), 0, 1)
	finds(t, x, dig("b"), -1, 0)
	x.put(0, layersOf(map[oci.Digest]int64{dig("c"): 3}), 4)
	finds(t, x, dig("a"), -1, 0)
	finds(t, x, dig("c"), 0, 3)
	if x.latest() != 4 {
		t.Errorf("the largest version number is %d, want 4", x.latest())
	}
}

func TestPinIndexForgetsBlobs(t *testing.T) {
	x := newPinIndex()
	x.read(0, map[oci.Digest]int64{dig("a"): 1, dig("b"): 2}, 1)
	x.read(1, map[oci.Digest]int64{dig("a"): 1}, 1)
	x.forget(map[oci.Digest]bool{dig("a"): true})
	finds(t, x, dig("a"), -1, 0)
	finds(t, x, dig("b"), 0, 2)
	if x.contains(0, dig("a")) || x.contains(1, dig("a")) {
		t.Error("a shard still has a blob that is gone")
	}
}

func TestPinIndexKnowsWhatWasRead(t *testing.T) {
	x := newPinIndex()
	x.read(1, nil, 0)
	if !x.knows(1) || x.knows(0) || x.knowsAll() {
		t.Error("an empty shard that was read is not known, or others are")
	}
	if x.markComplete(); !x.knows(0) || !x.knowsAll() {
		t.Error("not all shards are known after all were read")
	}
}
