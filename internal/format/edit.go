package format

import (
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// Clone returns a copy that can be edited without changing d. It is not safe for concurrent use, because the copies
// share the index of pinned blobs.
func (d *Document) Clone() *Document {
	images := slices.Clone(d.images)
	if d.removed {
		images = slices.DeleteFunc(images, func(img image) bool { return img.removed })
	}
	c := &Document{fields: d.fields, images: images, shards: d.shardsOf().shared()}
	c.reindex()
	return c
}

// Set makes e the current entry of its type. An existing entry keeps its position and its unknown fields. A new entry
// is appended to its image, and a new image to the document. If a foreign writer has left out the prefix of the image's
// digest, Set adds it.
func (d *Document) Set(img oci.Digest, e Entry) {
	if i, j, ok := d.find(img, e.Type); ok {
		current := d.images[i].records[j]
		if current.entry().Equal(e) {
			return
		}
		d.touch(i)
		updated := current.updated(e)
		d.images[i].records[j] = updated
		d.shards.replaced(current, updated)
		return
	}
	rec := record{}.updated(e)
	if places := d.index[img]; len(places) > 0 {
		d.touch(places[0])
		d.images[places[0]].records = append(d.images[places[0]].records, rec)
		return
	}
	d.changed = true
	if d.index == nil {
		d.index = map[oci.Digest][]int{}
	}
	d.index[img] = append(d.index[img], len(d.images))
	d.images = append(d.images, image{
		fields: rawjson.Object{
			rawjson.NewField(keyImageDigest, rawjson.Encode(img.String())),
			rawjson.NewField(keyManifesto, "[]"),
		},
		digest:  img,
		records: []record{rec},
	})
}

// touch prepares an image for an edit. It copies the records, which the original document shares, makes the digest
// canonical, and replaces a missing or null "manifesto" by an array.
func (d *Document) touch(i int) {
	d.changed = true
	img := &d.images[i]
	img.records = slices.Clone(img.records)
	img.fields = img.fields.
		With(keyImageDigest, rawjson.Encode(img.digest.String())).
		With(keyManifesto, "[]")
}

// Delete removes every entry of a type. If it left duplicates, an older one would become current. It also removes the
// image if that has no entries left. It reports whether it has removed anything.
func (d *Document) Delete(img oci.Digest, typ string) bool {
	removed, emptied := false, false
	for _, i := range d.index[img] {
		if !slices.ContainsFunc(d.images[i].records, func(rec record) bool { return rec.typ == typ }) {
			continue
		}
		removed = true
		d.touch(i)
		kept := d.images[i].records[:0]
		for _, rec := range d.images[i].records {
			if rec.typ == typ {
				d.shards.count(rec, -1)
			} else {
				kept = append(kept, rec)
			}
		}
		d.images[i].records = kept
		emptied = emptied || len(d.images[i].records) == 0
	}
	if emptied {
		d.removeEmpty(img)
	}
	return removed
}

// removeEmpty marks the objects of an image that have no entries as removed. Taking them out of the list would cost as
// much as the document is large, for each of the images that a change may remove.
func (d *Document) removeEmpty(img oci.Digest) {
	var kept []int
	for _, i := range d.index[img] {
		if len(d.images[i].records) > 0 {
			kept = append(kept, i)
			continue
		}
		d.images[i].removed = true
		d.removed = true
	}
	if d.index[img] = kept; len(kept) == 0 {
		delete(d.index, img)
	}
}

// Unpin removes the pins of all entries with the given contents, so that the next Assignment pins these again.
func (d *Document) Unpin(contents map[oci.Digest]bool) {
	d.repin(func(rec record) (record, bool) {
		return rec.pinned(0, UnknownSize), rec.pin != 0 && contents[rec.digest]
	})
}

// Trusting returns a copy without the pins, and sizes beside them, that confirms denies. A tool that changes a digest
// and keeps our fields leaves the pin and the size of the content before.
func (d *Document) Trusting(confirms func(shard int, digest oci.Digest) bool) *Document {
	c := d.Clone()
	c.changed = d.changed
	c.repin(func(rec record) (record, bool) {
		shard, ok := rec.pin.Shard()
		if !ok || confirms(shard, rec.digest) {
			return record{}, false
		}
		return newRecord(rec.fields.Without(keyPin).Without(keySize)), true
	})
	return c
}

// repin replaces the records for which change returns true, and leaves the rest of the images as it is.
func (d *Document) repin(change func(record) (record, bool)) {
	for i := range d.images {
		cloned := false
		for j, rec := range d.images[i].records {
			changed, ok := change(rec)
			if !ok {
				continue
			}
			if !cloned {
				d.images[i].records = slices.Clone(d.images[i].records)
				cloned = true
			}
			d.images[i].records[j] = changed
			d.changed = true
			d.shards.replaced(rec, changed)
		}
	}
}
