package format

import (
	"maps"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Assignment decides which pin manifest protects each blob that a document names. It is made from the document that is
// stored now and its successor: while the commit is under way, pin manifests must cover both.
type Assignment struct {
	base, next *Document
	skip       map[oci.Digest]bool
	// shards is what was decided; added are the blobs that a shard gains by it.
	shards map[oci.Digest]int
	added  map[int]map[oci.Digest]bool
	// fresh are the blobs without a place yet, in the document's order; sizes are theirs, where known.
	fresh []oci.Digest
	sizes map[oci.Digest]int64
}

// NewAssignment begins an assignment of the blobs that entries of next name without a pin. A blob that another entry
// pins, or that known finds in a pin manifest, goes there. The blobs in skip cannot be pinned: their entries lose
// their pins. known returns the shard that holds a blob, and the blob's size in bytes.
func NewAssignment(
	base, next *Document, skip map[oci.Digest]bool, known func(oci.Digest) (shard int, size int64, ok bool),
) *Assignment {
	if len(skip) > 0 {
		next.repin(func(rec record) (record, bool) {
			return rec.pinned(0, UnknownSize), rec.pin != 0 && skip[rec.digest]
		})
	}
	a := &Assignment{
		base: base, next: next, skip: skip,
		shards: map[oci.Digest]int{}, added: map[int]map[oci.Digest]bool{},
	}
	var order []oci.Digest
	order, a.sizes = next.unassigned(skip)
	for _, digest := range order {
		if shard, ok := next.shardsOf().holder(digest); ok {
			a.shards[digest] = shard
		} else if shard, size, ok := known(digest); ok {
			a.assign(digest, shard)
			a.sizes[digest] = size
		} else {
			a.fresh = append(a.fresh, digest)
		}
	}
	return a
}

// Unsized returns the blobs that have no place yet and whose size no entry gives.
func (a *Assignment) Unsized() []oci.Digest {
	var unsized []oci.Digest
	for _, digest := range a.fresh {
		if a.sizes[digest] < 0 {
			unsized = append(unsized, digest)
		}
	}
	return unsized
}

// Place gives every blob whose size is known, from its entry or from sizes, the first shard that has room, and writes
// the pins into the next document. It returns what each shard that gains such a blob must hold: the blobs that either
// document names there, with their sizes in bytes, UnknownSize if no entry says. Blobs without a size stay unpinned.
func (a *Assignment) Place(sizes map[oci.Digest]int64) map[int]map[oci.Digest]int64 {
	maps.Copy(a.sizes, sizes)
	touched := map[int]map[oci.Digest]int64{}
	shard := 0
	for _, digest := range a.fresh {
		if a.sizes[digest] < 0 {
			continue
		}
		for !a.hasRoom(shard) {
			shard++
		}
		a.assign(digest, shard)
		touched[shard] = nil
	}
	if len(a.shards) == 0 {
		return nil
	}
	a.next.repin(func(rec record) (record, bool) {
		if rec.pin != 0 || rec.digest == "" {
			return record{}, false
		}
		shard, ok := a.shards[rec.digest]
		if !ok {
			return record{}, false
		}
		return rec.pinned(PinTo(shard), a.sizes[rec.digest]), true
	})
	for shard := range touched {
		touched[shard] = a.union(shard)
	}
	return touched
}

// union returns the blobs that the base or the next document names in a shard, and their sizes.
func (a *Assignment) union(shard int) map[oci.Digest]int64 {
	union := map[oci.Digest]int64{}
	for _, document := range []*Document{a.base, a.next} {
		for digest, blob := range document.shardsOf().blobs[shard] {
			if a.skip[digest] {
				continue
			}
			if size, ok := union[digest]; !ok || blob.size > size {
				union[digest] = blob.size
			}
		}
	}
	return union
}

func (a *Assignment) assign(digest oci.Digest, shard int) {
	a.shards[digest] = shard
	if a.added[shard] == nil {
		a.added[shard] = map[oci.Digest]bool{}
	}
	a.added[shard][digest] = true
}

// hasRoom reports whether a shard can take one more blob beside those that the next document names in it and, until
// the base is replaced, those that the base names.
func (a *Assignment) hasRoom(shard int) bool {
	next, added := a.next.shardsOf().blobs[shard], a.added[shard]
	count := len(next) + len(added)
	if count >= MaxNext {
		return false
	}
	for digest := range a.base.shardsOf().blobs[shard] {
		if _, ok := next[digest]; !ok && !added[digest] {
			count++
		}
	}
	return count < MaxUnion
}

// HasUnpinned reports whether an entry whose blob is not in skip names no pin manifest.
func (d *Document) HasUnpinned(skip map[oci.Digest]bool) bool {
	order, _ := d.unassigned(skip)
	return len(order) > 0
}

// unassigned returns the blobs that entries without a pin name, in the document's order, so that equal documents get
// equal pins, and their sizes, UnknownSize if no entry says.
func (d *Document) unassigned(skip map[oci.Digest]bool) (order []oci.Digest, sizes map[oci.Digest]int64) {
	sizes = map[oci.Digest]int64{}
	d.eachBlob(func(rec record) {
		if rec.pin != 0 || skip[rec.digest] {
			return
		}
		size, ok := sizes[rec.digest]
		if !ok {
			order, size = append(order, rec.digest), UnknownSize
		}
		sizes[rec.digest] = max(size, rec.size)
	})
	return order, sizes
}

// PinLayers returns blobs of known sizes as the layers of a pin manifest, sorted by digest. Blobs of unknown size are
// left out: a registry refuses a manifest with a wrong size.
func PinLayers(sizes map[oci.Digest]int64) []oci.Descriptor {
	layers := make([]oci.Descriptor, 0, len(sizes))
	for digest, size := range sizes {
		if size >= 0 {
			layers = append(layers, oci.Descriptor{MediaType: oci.MediaTypeOctetStream, Digest: digest, Size: size})
		}
	}
	slices.SortFunc(layers, func(a, b oci.Descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	return layers
}
