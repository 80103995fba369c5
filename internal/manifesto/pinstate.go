package manifesto

import (
	"maps"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// What this run remembers of a repository's pins.

// skipped returns the blobs that cannot be pinned.
func (r *repository) skipped() map[oci.Digest]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.unpinnable)
}

// skip remembers blobs that cannot be pinned.
func (r *repository) skip(digests []oci.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, digest := range digests {
		r.unpinnable[oci.Digest(strings.Clone(digest.String()))] = true // Not a part of a whole document.
	}
}

// uploaded forgets that a blob could not be pinned: it is there now.
func (r *repository) uploaded(digest oci.Digest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.unpinnable, digest)
}

// report has the first edit of a batch report missing blobs that nobody was told about.
func (r *repository) report(missing []oci.Digest, batch []*edit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, digest := range missing {
		if !r.reported[digest] && len(batch) > 0 {
			r.reported[oci.Digest(strings.Clone(digest.String()))] = true
			batch[0].missing = append(batch[0].missing, digest)
		}
	}
}

// repaired returns the content of the entries that a batch repairs: it must be put, whatever is known of it.
func repaired(batch []*edit, d *Document) map[oci.Digest]bool {
	digests := map[oci.Digest]bool{}
	for _, e := range batch {
		if entry, ok := d.Lookup(e.key.Image, e.key.Type); ok && e.repair {
			digests[entry.Digest] = true
		}
	}
	return digests
}

// hasPins reports whether any entry names a pin manifest.
func (d *Document) hasPins() bool { return len(d.shardIndex().blobs) > 0 }

// hasUnpinned reports whether an entry that can be pinned names no pin manifest.
func (d *Document) hasUnpinned(skip map[oci.Digest]bool) bool {
	order, _ := d.unassigned(skip)
	return len(order) > 0
}

// trustingOnly returns the document without the pins and sizes that the pin manifests do not bear out: a
// tool that changed a digest and kept our fields left those of the content before.
func (d *Document) trustingOnly(known *pins) *Document {
	c := d.Clone()
	c.edited = d.edited
	c.repin(func(rec record) (record, bool) {
		if rec.pin == noPin {
			return record{}, false
		}
		if _, ok := known.size(rec.pin, rec.digest); ok {
			return record{}, false
		}
		return newRecord(rec.fields.Without(keyPin).Without(keySize)), true
	})
	return c
}
