package manifesto

import (
	"fmt"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// Keys of the document. The first five are the original manifesto's (2017); the entry's further ones
// are ours and optional (section 3 of the design).
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
)

// Key identifies an entry.
type Key struct {
	// Repository holds the image, the content and the manifesto.
	Repository registry.Repository
	// Image is the digest of the image that the metadata is about.
	Image registry.Digest
	// Type is the type of metadata, an arbitrary text that is not empty.
	Type string
}

// String is the entry's id: REPOSITORY@DIGEST#TYPE.
func (k Key) String() string {
	return k.Repository.Digested(k.Image).String() + "#" + k.Type
}

// Entry is what the manifesto says of one piece of metadata.
type Entry struct {
	// Type is the type of metadata.
	Type string
	// Digest is that of the content. It is empty where the document holds something else in its place.
	Digest registry.Digest
	// Size of the content in bytes; 0 where the document does not say.
	Size int64
	// MediaType of the content; empty where the document does not say.
	MediaType string
	// Created is when the content was put; zero where the document does not say.
	Created time.Time
	// Annotations are nil where there are none.
	Annotations map[string]string
}

// noPin is the pin of an entry that names no pin manifest.
const noPin = -1

// record is an entry as it stands in the document: its fields and what is often asked of them.
type record struct {
	fields object
	typ    string
	digest registry.Digest
	size   int64
	pin    int
}

// image is one element of the document's "images".
type image struct {
	fields object
	// digest is canonical; empty where the document holds something else in its place.
	digest  registry.Digest
	records []record
}

// Document is the content of /data under the tag _manifesto. The zero value is an empty document. A
// Document that others may see is not changed: edits go to a Clone.
type Document struct {
	fields object
	images []image
	// index maps an image's digest to its places in images: foreign writers may repeat an image.
	index map[registry.Digest][]int
}

// ParseDocument reads a document. Structure that readers could disagree on (a field twice, an array
// that is none) is refused with ErrMalformed; an entry that makes no sense by itself is kept and not
// looked at.
func ParseDocument(data []byte) (*Document, error) {
	compact, err := compactJSON(data)
	if err != nil {
		return nil, err
	}
	d := &Document{}
	if d.fields, err = parseObject(compact, "the document", keyImages); err != nil {
		return nil, err
	}
	elements, err := parseArray(d.fields.get(keyImages), "images")
	if err != nil {
		return nil, err
	}
	d.images = make([]image, 0, len(elements))
	for i, element := range elements {
		img, err := parseImage(element, i)
		if err != nil {
			return nil, err
		}
		d.images = append(d.images, img)
	}
	d.reindex()
	return d, nil
}

func parseImage(value []byte, position int) (image, error) {
	what := fmt.Sprintf("images[%d]", position)
	fields, err := parseObject(value, what, keyImageDigest, keyManifesto)
	if err != nil {
		return image{}, err
	}
	img := image{fields: fields}
	if s, err := parseString(fields.get(keyImageDigest)); err == nil {
		if digest, err := registry.ParseDigest(s); err == nil {
			img.digest = digest
		}
	}
	elements, err := parseArray(fields.get(keyManifesto), what+".manifesto")
	if err != nil {
		return image{}, err
	}
	img.records = make([]record, 0, len(elements))
	for i, element := range elements {
		fields, err := parseObject(element, fmt.Sprintf("%s.manifesto[%d]", what, i), keyType, keyDigest)
		if err != nil {
			return image{}, err
		}
		img.records = append(img.records, newRecord(fields))
	}
	return img, nil
}

func (d *Document) reindex() {
	d.index = make(map[registry.Digest][]int, len(d.images))
	for i, img := range d.images {
		if img.digest != "" {
			d.index[img.digest] = append(d.index[img.digest], i)
		}
	}
}

// Lookup returns the current entry of a type: the first one, across repeated image objects and
// spellings of the digest.
func (d *Document) Lookup(img registry.Digest, typ string) (Entry, bool) {
	i, j, ok := d.find(img, typ)
	if !ok {
		return Entry{}, false
	}
	return d.images[i].records[j].entry(), true
}

func (d *Document) find(img registry.Digest, typ string) (i, j int, ok bool) {
	for _, i := range d.index[img] {
		for j := range d.images[i].records {
			if d.images[i].records[j].typ == typ {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// Entries returns the current entries of an image in the document's order.
func (d *Document) Entries(img registry.Digest) []Entry {
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

// Types returns the types that an image has, in the document's order.
func (d *Document) Types(img registry.Digest) []string {
	var types []string
	for _, entry := range d.Entries(img) {
		types = append(types, entry.Type)
	}
	return types
}

// Render returns the document as compact JSON. The same document renders to the same bytes.
func (d *Document) Render() []byte {
	size := 64
	for _, img := range d.images {
		size += 96
		for _, rec := range img.records {
			for _, f := range rec.fields {
				size += len(f.key) + len(f.value) + 4
			}
		}
	}
	list := append(make([]byte, 0, size), '[')
	for i, img := range d.images {
		if i > 0 {
			list = append(list, ',')
		}
		list = img.appendTo(list)
	}
	list = append(list, ']')
	return d.fields.with(keyImages, list).appendTo(make([]byte, 0, len(list)+64))
}

func (img image) appendTo(out []byte) []byte {
	if img.fields == nil {
		return append(out, "null"...)
	}
	if img.fields.get(keyManifesto) == nil && len(img.records) == 0 {
		return img.fields.appendTo(out)
	}
	out = append(out, '{')
	for i, f := range img.fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = f.appendKey(out)
		if f.key != keyManifesto || len(img.records) == 0 {
			out = append(out, f.value...)
			continue
		}
		out = append(out, '[')
		for j, rec := range img.records {
			if j > 0 {
				out = append(out, ',')
			}
			if rec.fields == nil {
				out = append(out, "null"...)
				continue
			}
			out = rec.fields.appendTo(out)
		}
		out = append(out, ']')
	}
	return append(out, '}')
}
