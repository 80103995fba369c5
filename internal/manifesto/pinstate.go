package manifesto

import (
	"maps"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// What this run remembers of a repository's pins.

// skipped returns the blobs that cannot be pinned.
func (r *repository) skipped() map[registry.Digest]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.unpinnable)
}

// skip remembers blobs that cannot be pinned.
func (r *repository) skip(digests []registry.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, digest := range digests {
		r.unpinnable[digest] = true
	}
}

// uploaded forgets that a blob could not be pinned: it is there now.
func (r *repository) uploaded(digest registry.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.unpinnable, digest)
}

// report has the first edit of a batch report missing blobs that nobody was told about.
func (r *repository) report(missing []registry.Digest, batch []*edit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, digest := range missing {
		if !r.reported[digest] && len(batch) > 0 {
			r.reported[digest] = true
			batch[0].missing = append(batch[0].missing, digest)
		}
	}
}

// rememberPins keeps what was put, where the pins were read at all.
func (r *repository) rememberPins(shard int, layers []descriptor, number int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pins == nil {
		return
	}
	blobs := make(map[registry.Digest]int64, len(layers))
	for _, layer := range layers {
		blobs[layer.Digest] = layer.Size
	}
	shards := maps.Clone(r.pins.shards)
	shards[shard] = blobs
	r.pins = &pins{shards: shards, version: max(r.pins.version, number)}
}

// forgetPins removes blobs that are gone from what the pin manifests are known to hold.
func (r *repository) forgetPins(gone map[registry.Digest]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pins == nil {
		return
	}
	shards := make(map[int]map[registry.Digest]int64, len(r.pins.shards))
	for shard, blobs := range r.pins.shards {
		kept := maps.Clone(blobs)
		for digest := range gone {
			delete(kept, digest)
		}
		shards[shard] = kept
	}
	r.pins = &pins{shards: shards, version: r.pins.version}
}

// without returns the pins less the content of the entries that a batch repairs: those must be put.
func (p pins) without(batch []*edit, d *Document) pins {
	repaired := map[registry.Digest]bool{}
	for _, e := range batch {
		if entry, ok := d.Lookup(e.key.Image, e.key.Type); ok && e.repair {
			repaired[entry.Digest] = true
		}
	}
	if len(repaired) == 0 {
		return p
	}
	result := pins{shards: map[int]map[registry.Digest]int64{}, version: p.version}
	for shard, blobs := range p.shards {
		kept := maps.Clone(blobs)
		for digest := range repaired {
			delete(kept, digest)
		}
		result.shards[shard] = kept
	}
	return result
}

// hasPins reports whether any entry names a pin manifest.
func (d *Document) hasPins() bool {
	found := false
	d.eachBlob(func(rec record) { found = found || rec.pin != noPin })
	return found
}

// hasUnpinned reports whether an entry that can be pinned names no pin manifest.
func (d *Document) hasUnpinned(skip map[registry.Digest]bool) bool {
	found := false
	d.eachBlob(func(rec record) { found = found || (rec.pin == noPin && !skip[rec.digest]) })
	return found
}

// trustingOnly returns the document without the pins and sizes that the pin manifests do not bear out: a
// tool that changed a digest and kept our fields left those of the content before.
func (d *Document) trustingOnly(known pins) *Document {
	c := d.Clone()
	c.repin(func(rec record) (record, bool) {
		if rec.pin == noPin {
			return record{}, false
		}
		if _, ok := known.shards[rec.pin][rec.digest]; ok {
			return record{}, false
		}
		return newRecord(rec.fields.without(keyPin).without(keySize)), true
	})
	return c
}
