package format

import (
	"maps"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// shardIndex counts the blobs that a document's entries name in each pin manifest. It is updated with every edit, so
// that a commit that changes a few of a hundred thousand entries does not count them all. Clones of a document share
// the map of a shard until one of them changes it.
type shardIndex struct {
	// blobs maps a shard to the blobs that entries name in it.
	blobs map[int]map[oci.Digest]use
	// own is the set of shards whose map no clone shares.
	own map[int]bool
}

// use sums up the entries that name one blob in one shard.
type use struct {
	// entries is the number of entries.
	entries int
	// size is the largest size in the entries, in bytes; UnknownSize if none has one.
	size int64
}

// shardsOf returns the index of the document's shards. The first call builds it.
func (d *Document) shardsOf() *shardIndex {
	if d.shards == nil {
		d.shards = &shardIndex{blobs: map[int]map[oci.Digest]use{}, own: map[int]bool{}}
		d.eachBlob(func(rec record) { d.shards.count(rec, 1) })
	}
	return d.shards
}

// shared returns a copy. The copy and s share their maps; either of them clones a map before it changes it.
func (s *shardIndex) shared() *shardIndex {
	s.own = map[int]bool{}
	return &shardIndex{blobs: maps.Clone(s.blobs), own: map[int]bool{}}
}

// count adds a record if delta is 1, and removes it if delta is -1.
func (s *shardIndex) count(rec record, delta int) {
	shard, pinned := rec.pin.Shard()
	if s == nil || !pinned || rec.digest == "" {
		return
	}
	blobs := s.blobs[shard]
	switch {
	case blobs == nil:
		blobs = map[oci.Digest]use{}
	case !s.own[shard]:
		blobs = maps.Clone(blobs)
	}
	s.blobs[shard], s.own[shard] = blobs, true
	blob, known := blobs[rec.digest]
	if !known {
		blob.size = UnknownSize
	}
	blob.entries += delta
	blob.size = max(blob.size, rec.size)
	if blob.entries > 0 {
		blobs[rec.digest] = blob
		return
	}
	if delete(blobs, rec.digest); len(blobs) == 0 {
		delete(s.blobs, shard)
	}
}

// replaced counts rec instead of old.
func (s *shardIndex) replaced(old, rec record) {
	s.count(old, -1)
	s.count(rec, 1)
}

// holder returns the lowest-numbered shard in which entries name a blob.
func (s *shardIndex) holder(digest oci.Digest) (shard int, ok bool) {
	for candidate, blobs := range s.blobs {
		if _, names := blobs[digest]; names && (!ok || candidate < shard) {
			shard, ok = candidate, true
		}
	}
	return shard, ok
}

// NamedShards returns one more than the highest shard that an entry names, and whether every entry names a shard.
// Another tool may have removed the field.
func (d *Document) NamedShards() (count int, all bool) {
	all = true
	d.eachBlob(func(rec record) {
		shard, ok := rec.pin.Shard()
		all = all && ok
		if ok {
			count = max(count, shard+1)
		}
	})
	return count, all
}

// HasPins reports whether any entry names a pin manifest.
func (d *Document) HasPins() bool { return len(d.shardsOf().blobs) > 0 }

// ShardBlobs returns the blobs that entries name in a shard and their sizes in bytes, UnknownSize if no entry says.
func (d *Document) ShardBlobs(shard int) map[oci.Digest]int64 {
	sizes := make(map[oci.Digest]int64, len(d.shardsOf().blobs[shard]))
	for digest, blob := range d.shardsOf().blobs[shard] {
		sizes[digest] = blob.size
	}
	return sizes
}

// eachBlob calls visit with every record that has a digest, including duplicates.
func (d *Document) eachBlob(visit func(record)) {
	for _, img := range d.images {
		for _, rec := range img.records {
			if rec.digest != "" {
				visit(rec)
			}
		}
	}
}
