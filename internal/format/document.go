package format

import (
	"fmt"
	"iter"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// Keys of the document. The first five are those of the original manifesto of 2017. The others are our additions to an
// entry, and optional. DESIGN.md describes them under "Stored format".
const (
	keyImages      = "images"
	keyImageDigest = "image_digest"
	keyManifesto   = "manifesto"
	keyType        = "type"
	keyDigest      = "digest"
	keySize        = "size"
	keyPin         = "pin"
	keyMediaType   = "media_type"
	keyCreated     = "created"
	keyAnnotations = "annotations"
	keyDeclaredBy  = "declared_by"
	keyArtifact    = "artifact"
)

// image is one element of the document's "images".
type image struct {
	fields rawjson.Object
	// digest is canonical. It is empty if the document has no valid digest there.
	digest  oci.Digest
	records []record
	// removed says that Delete has removed the image.
	removed bool
}

// Document is the content of /data under the tag _manifesto. The zero value is an empty document. Once other goroutines
// may see a Document, nobody edits it: edits go to a Clone.
type Document struct {
	fields rawjson.Object
	images []image
	// index maps an image's digest to its positions in images. A foreign writer may repeat an image.
	index map[oci.Digest][]int
	// changed says that the document may differ from the one that it was cloned from.
	changed bool
	// removed says that images has removed ones.
	removed bool
	// shards is nil until shardsOf builds it.
	shards *shardIndex
}

// ParseDocument reads a document. It refuses structure that readers could disagree on, such as a repeated field or an
// object in place of an array; the error then wraps ErrMalformed. It wraps ErrTooLarge if the document has more images,
// entries or fields than an honest one. ParseDocument keeps an entry with invalid values and ignores it.
func ParseDocument(data []byte) (*Document, error) {
	compact, err := rawjson.Compact(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	d, p := &Document{}, newParser()
	if d.fields, err = p.object(compact, func() string { return "the document" }, keyImages); err != nil {
		return nil, err
	}
	err = eachElement(d.fields.Get(keyImages), func() string { return "images" }, func(element string) error {
		if len(d.images) == maxImages {
			return fmt.Errorf("%w: the document has more than %d images", ErrTooLarge, maxImages)
		}
		img, imageErr := p.image(element, len(d.images))
		d.images = append(d.images, img)
		return imageErr
	})
	if err != nil {
		return nil, err
	}
	d.reindex()
	return d, nil
}

func (p *parser) image(value string, position int) (image, error) {
	what := func() string { return fmt.Sprintf("images[%d]", position) }
	fields, err := p.object(value, what, keyImageDigest, keyManifesto)
	if err != nil {
		return image{}, err
	}
	img := image{fields: fields}
	img.digest = parseDigest(fields.Get(keyImageDigest))
	p.records = p.records[:0]
	entries := func() string { return what() + ".manifesto" }
	err = eachElement(fields.Get(keyManifesto), entries, func(element string) error {
		entry := func() string { return fmt.Sprintf("%s[%d]", entries(), len(p.records)) }
		rec, entryErr := p.record(element, entry)
		p.records = append(p.records, rec)
		return entryErr
	})
	img.records = slices.Clone(p.records)
	return img, err
}

func (d *Document) reindex() {
	d.index = make(map[oci.Digest][]int, len(d.images))
	for i, img := range d.images {
		if img.digest != "" {
			d.index[img.digest] = append(d.index[img.digest], i)
		}
	}
}

// Changed reports whether the document may differ from the one that it was cloned from.
func (d *Document) Changed() bool { return d.changed }

// Lookup returns the current entry of a type, which is the first one. It searches all image objects with the digest,
// however each spells it. False means that there is none.
func (d *Document) Lookup(img oci.Digest, typ string) (Entry, bool) {
	i, j, ok := d.find(img, typ)
	if !ok {
		return Entry{}, false
	}
	return d.images[i].records[j].entry(), true
}

func (d *Document) find(img oci.Digest, typ string) (i, j int, ok bool) {
	for _, i := range d.index[img] {
		for j := range d.images[i].records {
			if d.images[i].records[j].typ == typ {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// Entries returns the current entries of an image in the document's order, possibly none.
func (d *Document) Entries(img oci.Digest) []Entry {
	var entries []Entry
	seen := map[string]bool{}
	for _, i := range d.index[img] {
		for _, rec := range d.images[i].records {
			if rec.typ == "" || seen[rec.typ] {
				continue
			}
			seen[rec.typ] = true
			entries = append(entries, rec.entry())
		}
	}
	return entries
}

// Images yields the images that have current entries, each once, in the document's order.
func (d *Document) Images() iter.Seq2[oci.Digest, []Entry] {
	return func(yield func(oci.Digest, []Entry) bool) {
		for i, img := range d.images {
			if img.digest == "" || img.removed || d.index[img.digest][0] != i {
				continue
			}
			if entries := d.Entries(img.digest); len(entries) > 0 && !yield(img.digest, entries) {
				return
			}
		}
	}
}

// ArtifactDigest returns the digest of the artifact of the current entry of a type; empty if there is none. Unlike
// Lookup, it decodes nothing else: every commit asks for each of its entries.
func (d *Document) ArtifactDigest(img oci.Digest, typ string) oci.Digest {
	i, j, ok := d.find(img, typ)
	if !ok {
		return ""
	}
	return parseArtifact(d.images[i].records[j].fields.Get(keyArtifact)).Digest
}

// HasArtifacts reports whether an entry says that it is published.
func (d *Document) HasArtifacts() bool {
	return slices.ContainsFunc(d.images, func(img image) bool {
		return slices.ContainsFunc(img.records, func(rec record) bool { return rec.fields.Get(keyArtifact) != "" })
	})
}

// Types returns the types of an image's current entries, in the document's order.
func (d *Document) Types(img oci.Digest) []string {
	var types []string
	for _, entry := range d.Entries(img) {
		types = append(types, entry.Type)
	}
	return types
}

// Render returns the document as compact JSON. The same document renders to the same bytes.
func (d *Document) Render() []byte {
	size := 64
	for _, f := range d.fields {
		if !f.Is(keyImages) {
			size += len(f.Key) + len(f.Value) + 4
		}
	}
	for _, img := range d.images {
		size += 128
		for _, rec := range img.records {
			for _, f := range rec.fields {
				size += len(f.Key) + len(f.Value) + 4
			}
		}
	}
	fields := d.fields
	if fields.Get(keyImages) == "" {
		fields = fields.With(keyImages, "[]")
	}
	images := d.images
	if d.removed {
		images = slices.DeleteFunc(slices.Clone(images), func(img image) bool { return img.removed })
	}
	return fields.AppendWith(make([]byte, 0, size), keyImages, func(out []byte) []byte {
		return rawjson.AppendArray(out, images, image.appendTo)
	})
}

func (img image) appendTo(out []byte) []byte {
	if img.fields == nil || len(img.records) == 0 {
		return img.fields.AppendTo(out)
	}
	return img.fields.AppendWith(out, keyManifesto, func(out []byte) []byte {
		return rawjson.AppendArray(out, img.records, func(rec record, out []byte) []byte {
			return rec.fields.AppendTo(out)
		})
	})
}
