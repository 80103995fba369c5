package manifesto

import (
	"maps"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// shards says which blobs a document's entries name in which pin manifest. It follows the edits of the
// document, so that a commit need not count a hundred thousand entries for the few that it changes. Copies
// of a document share a shard until one of them changes it.
type shards struct {
	blobs map[int]map[oci.Digest]named
	own   map[int]bool
}

// named is what entries of one pin manifest say of a blob.
type named struct {
	// entries are how many name it.
	entries int
	// size is the largest that they give, 0 where they give none, in bytes.
	size int64
}

// shardIndex returns the document's shards, counting them when asked for the first time. Only the committer
// asks.
func (d *Document) shardIndex() *shards {
	if d.shards == nil {
		d.shards = &shards{blobs: map[int]map[oci.Digest]named{}, own: map[int]bool{}}
		d.eachBlob(func(rec record) { d.shards.count(rec, 1) })
	}
	return d.shards
}

// shared returns a copy; neither it nor the original changes what they share.
func (s *shards) shared() *shards {
	if s == nil {
		return nil
	}
	s.own = map[int]bool{}
	return &shards{blobs: maps.Clone(s.blobs), own: map[int]bool{}}
}

// count adds a record, or takes it away where delta is -1.
func (s *shards) count(rec record, delta int) {
	if s == nil || rec.pin == noPin || rec.digest == "" {
		return
	}
	blobs := s.blobs[rec.pin]
	switch {
	case blobs == nil:
		blobs = map[oci.Digest]named{}
	case !s.own[rec.pin]:
		blobs = maps.Clone(blobs)
	}
	s.blobs[rec.pin], s.own[rec.pin] = blobs, true
	blob := blobs[rec.digest]
	blob.entries += delta
	blob.size = max(blob.size, rec.size)
	if blob.entries > 0 {
		blobs[rec.digest] = blob
		return
	}
	if delete(blobs, rec.digest); len(blobs) == 0 {
		delete(s.blobs, rec.pin)
	}
}

// replaced counts a record in the place of another.
func (s *shards) replaced(old, rec record) {
	s.count(old, -1)
	s.count(rec, 1)
}

// holder returns the first shard in which entries name a blob.
func (s *shards) holder(digest oci.Digest) (shard int, ok bool) {
	for candidate, blobs := range s.blobs {
		if _, names := blobs[digest]; names && (!ok || candidate < shard) {
			shard, ok = candidate, true
		}
	}
	return shard, ok
}
