package format

import (
	"maps"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Assignment decides which pin manifest protects each blob that a document names. It knows the document that is stored
// now, the base, and its successor, because pin manifests must cover both while the commit is under way.
type Assignment struct {
	base, next *Document
	skip       map[oci.Digest]bool
	// shards maps a blob to the shard that was chosen for it; added maps a shard to its new blobs.
	shards map[oci.Digest]int
	added  map[int]map[oci.Digest]bool
	// fresh are the blobs without a shard, in the document's order. sizes has their sizes in bytes, UnknownSize if the
	// entries do not say.
	fresh []oci.Digest
	sizes map[oci.Digest]int64
}

// NewAssignment begins an assignment of the blobs that entries of next name without a pin. A blob that another entry
// names with a pin, or that known finds in a pin manifest, stays in that shard. The blobs in skip cannot be pinned:
// their entries lose their pins. known returns the shard that holds a blob, and the blob's size in bytes.
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

// Unsized returns the blobs that have no shard yet and whose size no entry has.
func (a *Assignment) Unsized() []oci.Digest {
	var unsized []oci.Digest
	for _, digest := range a.fresh {
		if a.sizes[digest] < 0 {
			unsized = append(unsized, digest)
		}
	}
	return unsized
}

// Place puts every blob whose size is known, from its entry or from sizes, into the first shard with room, and writes
// the pins into the next document. It returns what each shard with a new blob must hold: the blobs that either document
// names there, and their sizes in bytes, UnknownSize if no entry has one. Blobs without a size stay unpinned.
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

// hasRoom reports whether a shard can take one more blob. It holds the blobs that the next document names in it and,
// until the base is replaced, those that the base names in it.
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

// unassigned returns the blobs that entries without a pin name, and their sizes in bytes, UnknownSize if no entry has
// one. The blobs are in the document's order, so that equal documents get equal pins.
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

// PinLayers returns blobs as the layers of a pin manifest, sorted by digest. It leaves out blobs of unknown size,
// because a registry refuses a manifest with a wrong size.
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
