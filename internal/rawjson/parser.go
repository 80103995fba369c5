package rawjson

import "fmt"

// Parser splits many objects into fields with few allocations: the objects that it returns share memory, so each of
// them keeps that of its neighbors alive. The zero value is ready to use. A Parser is not safe for concurrent use.
type Parser struct {
	// MaxObject bounds the fields of one object, and MaxTotal those of all objects together. Zero sets no bound. An
	// object beyond a bound is ErrTooMany, before memory is allocated for its fields.
	MaxObject, MaxTotal int

	fields []Field
	total  int
	// scratch has the fields of the latest object until their number is known.
	scratch []Field
}

// fieldsAtOnce is the number of fields for which a Parser allocates memory at a time.
const fieldsAtOnce = 1024

// Object splits the object in value into its fields. Null and the empty text of an absent value are the zero Object.
// The keys in once must not be repeated, because readers disagree on which of two fields counts. Other keys may be.
// ErrMalformed means that value is not an object or repeats one of those keys.
func (p *Parser) Object(value string, once ...string) (Object, error) {
	if p.scratch == nil { // A nil slice would stand for null.
		p.scratch = make([]Field, 0, 16)
	}
	fields, err := splitObject(p.scratch[:0], value, once, p.MaxObject)
	if err == nil {
		err = p.Count(len(fields))
	}
	if fields == nil || err != nil {
		return nil, err
	}
	p.scratch = fields
	if p.fields == nil || len(p.fields)+len(fields) > cap(p.fields) {
		p.fields = make([]Field, 0, max(fieldsAtOnce, len(fields)))
	}
	start := len(p.fields)
	p.fields = append(p.fields, fields...)
	return p.fields[start:len(p.fields):len(p.fields)], nil // An append to it does not reach its neighbor.
}

// Count adds fields to those that count against MaxTotal: fields that the caller decodes without the Parser. The error
// is ErrTooMany.
func (p *Parser) Count(fields int) error {
	if p.total += fields; p.MaxTotal > 0 && p.total > p.MaxTotal {
		return tooMany(fmt.Sprintf("is beyond the limit of %d fields in total", p.MaxTotal))
	}
	return nil
}

// ParseObject is Parser.Object for a single object, whose memory it shares with no other.
func ParseObject(value string, once ...string) (Object, error) {
	return splitObject(make([]Field, 0, 8), value, once, 0)
}

// splitObject appends the fields of the object in value, of which there may be limit at most; 0 is no limit. It returns
// nil for null.
func splitObject(fields []Field, value string, once []string, limit int) ([]Field, error) {
	i, err := enter(value, '{', "is not an object")
	if err != nil {
		return nil, err
	}
	if i == len(value) {
		return nil, nil
	}
	for {
		f, _, next := nextField(value, i)
		if next < 0 {
			break
		}
		if limit > 0 && len(fields) == limit {
			return nil, tooMany(fmt.Sprintf("has more than %d fields", limit))
		}
		fields, i = append(fields, f), next
	}
	for _, key := range once {
		if repeats(fields, key) {
			return nil, shapeError(fmt.Sprintf("has the field %q twice", key))
		}
	}
	return fields, nil
}

// repeats reports whether more than one field has a key.
func repeats(fields []Field, key string) bool {
	seen := false
	for _, f := range fields {
		if !f.Is(key) {
			continue
		}
		if seen {
			return true
		}
		seen = true
	}
	return false
}
