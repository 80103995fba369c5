package manifesto

import (
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// Clone returns a copy that can be edited without changing d.
func (d *Document) Clone() *Document {
	c := &Document{fields: d.fields, images: slices.Clone(d.images), shards: d.shards.shared()}
	c.reindex()
	return c
}

// Set makes e the current entry of its type. An existing entry keeps its place and the fields that we
// do not know; a new one is appended to its image, and a new image to the document. The image's digest
// gets its prefix where a foreign writer left it out.
func (d *Document) Set(img oci.Digest, e Entry) {
	if i, j, ok := d.find(img, e.Type); ok {
		current := d.images[i].records[j]
		if current.entry().sameAs(e) {
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
	d.edited = true
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

// touch prepares an image for an edit: its records become the clone's own, its digest canonical, and
// a missing or null "manifesto" an array.
func (d *Document) touch(i int) {
	d.edited = true
	img := &d.images[i]
	img.records = slices.Clone(img.records)
	img.fields = img.fields.
		With(keyImageDigest, rawjson.Encode(img.digest.String())).
		With(keyManifesto, "[]")
}

// Delete removes every entry of a type, duplicates too: an older one would otherwise become current.
// An image without entries goes as well. It reports whether anything was removed.
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
		places := d.index[img]
		kept := d.images[:0:0]
		for i, image := range d.images {
			if len(image.records) > 0 || !slices.Contains(places, i) {
				kept = append(kept, image)
			}
		}
		d.images = kept
		d.reindex()
	}
	return removed
}

// unpin forgets which pin manifest an entry's content is in, so that the commit finds one anew.
func (d *Document) unpin(img oci.Digest, typ string) {
	i, j, ok := d.find(img, typ)
	if !ok {
		return
	}
	digest := d.images[i].records[j].digest
	d.repin(func(rec record) (record, bool) {
		return rec.pinned(noPin, 0), rec.digest == digest && rec.pin != noPin
	})
}

// repin replaces the records for which change says so, without touching anything else of the images.
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
			d.edited = true
			d.shards.replaced(rec, changed)
		}
	}
}
