package format

import (
	"errors"
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// parser splits a document into its parts.
type parser struct {
	rawjson.Parser
	// entries counts the entries of all images so far.
	entries int
	// records are the entries of the current image, in a slice that the next image reuses.
	records []record
}

// Bounds of a document. An entry takes a hundred bytes of text at least, and a hostile element only three: without
// bounds, memory for the elements would exceed the text a hundredfold.
const (
	// maxImages and maxEntries bound the elements of "images", and those of all "manifesto" together. Pin manifests
	// protect about a million blobs.
	maxImages  = 1_000_000
	maxEntries = 1_000_000
	// maxObjectFields bounds the fields of one object; we write eight at most.
	maxObjectFields = 256
	// maxFields bounds the fields of all objects and annotations. A document of maxEntries entries with all our fields
	// stays below.
	maxFields = 10_000_000
)

// MaxAnnotations bounds the annotations of one entry. More are ignored, because an error would keep everybody from the
// document.
const MaxAnnotations = 1024

func newParser() *parser {
	return &parser{Parser: rawjson.Parser{MaxObject: maxObjectFields, MaxTotal: maxFields}}
}

// object splits an object into its fields. what describes the object in errors; known lists the keys that must be
// unique.
func (p *parser) object(value string, what func() string, known ...string) (rawjson.Object, error) {
	fields, err := p.Object(value, known...)
	if err != nil {
		return nil, bounded(what(), err)
	}
	return fields, nil
}

// bounded returns the error of an object: ErrTooLarge beyond a bound, and otherwise ErrMalformed.
func bounded(what string, err error) error {
	if errors.Is(err, rawjson.ErrTooMany) {
		return fmt.Errorf("%w: %s %w", ErrTooLarge, what, err)
	}
	return fmt.Errorf("%w: %s %w", ErrMalformed, what, err)
}

// countAnnotations returns the number of an entry's annotations. ok is false if they are no object, or too many.
func countAnnotations(fields rawjson.Object) (n int, ok bool) {
	err := rawjson.EachField(fields.Get(keyAnnotations), func(rawjson.Field, rawjson.Span) error {
		if n++; n > MaxAnnotations {
			return rawjson.ErrTooMany
		}
		return nil
	})
	return n, err == nil
}

// record reads the fields of an entry, and counts its annotations: they are decoded when the entry is looked up.
func (p *parser) record(element string, what func() string) (record, error) {
	if p.entries++; p.entries > maxEntries {
		return record{}, fmt.Errorf("%w: the document has more than %d entries", ErrTooLarge, maxEntries)
	}
	fields, err := p.object(element, what, keyType, keyDigest)
	if err != nil {
		return record{}, err
	}
	if annotations, ok := countAnnotations(fields); ok {
		if err := p.Count(annotations); err != nil {
			return record{}, bounded(what()+".annotations", err)
		}
	}
	return newRecord(fields), nil
}

// eachElement calls visit with each element of an array. what describes the array in errors. It returns an error of
// visit as it is.
func eachElement(value string, what func() string, visit func(element string) error) error {
	var visitErr error
	err := rawjson.EachElement(value, func(element string, _ rawjson.Span) error {
		visitErr = visit(element)
		return visitErr
	})
	if err != nil && visitErr == nil {
		return fmt.Errorf("%w: %s %w", ErrMalformed, what(), err)
	}
	return err
}
