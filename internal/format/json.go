package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// The document is edited as a foreign writer left it: unknown fields, their order and the spelling of
// their values stay. So objects are kept as lists of fields over the compacted source instead of as Go
// structs: every key and value is a part of one string. The functions here walk JSON that encoding/json has
// already accepted and compacted, which is why they need not look for syntax errors.

// field is one member of a JSON object; value is compact JSON, and so is the key, with its quotes: bytes that
// are not UTF-8 do not survive decoding.
type field struct {
	key, value string
}

// newField returns a field with a key of ours, none of which needs escapes.
func newField(key, value string) field { return field{`"` + key + `"`, value} }

// is reports whether the field has a key, however it is spelled.
func (f field) is(key string) bool {
	if inner := f.key[1 : len(f.key)-1]; inner == key || strings.IndexByte(inner, '\\') < 0 {
		return inner == key
	}
	decoded, err := parseString(f.key)
	return err == nil && decoded == key
}

// appendTo appends the field as compact JSON.
func (f field) appendTo(out []byte) []byte {
	return append(append(append(out, f.key...), ':'), f.value...)
}

// object is a JSON object whose members keep their order.
type object []field

// compactJSON validates data and returns it without insignificant whitespace. encoding/json bounds the
// depth of what it accepts.
func compactJSON(data []byte) (string, error) {
	if isCompact(data) && json.Valid(data) {
		return string(data), nil // As our own writer leaves it: without a second buffer.
	}
	var out bytes.Buffer
	out.Grow(len(data))
	if err := json.Compact(&out, data); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return out.String(), nil
}

// isCompact reports whether JSON has no whitespace outside of its strings.
func isCompact(data []byte) bool {
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case ' ', '\t', '\r', '\n':
			return false
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
	}
	return true
}

// parser splits JSON. It allocates the fields of many objects at once.
type parser struct {
	fields []field
	// records are those of the image that is being read.
	records []record
}

// fieldsAtOnce is how many fields a parser allocates at once.
const fieldsAtOnce = 1024

// keep returns fields as an object that shares its memory with others' and cannot grow into it.
func (p *parser) keep(fields []field) object {
	if len(p.fields)+len(fields) > cap(p.fields) {
		p.fields = make([]field, 0, max(fieldsAtOnce, len(fields)))
	}
	start := len(p.fields)
	p.fields = append(p.fields, fields...)
	return object(p.fields[start:len(p.fields):len(p.fields)])
}

// object splits an object into its fields. Null is an object without fields. what names it in errors; known
// lists the keys that must not be repeated, since readers disagree on which one counts.
func (p *parser) object(value string, what func() string, known ...string) (object, error) {
	if value == "null" {
		return nil, nil
	}
	if value == "" || value[0] != '{' {
		return nil, fmt.Errorf("%w: %s is not an object", ErrMalformed, what())
	}
	var few [16]field
	fields := few[:0]
	for i := 1; value[i] != '}'; {
		if value[i] == ',' {
			i++
		}
		end := valueEnd(value, i)
		key := value[i:end]
		if _, err := parseString(key); err != nil {
			return nil, fmt.Errorf("%w: %s has an unreadable key", ErrMalformed, what())
		}
		i = end + 1 // The colon.
		end = valueEnd(value, i)
		fields = append(fields, field{key, value[i:end]})
		i = end
	}
	for _, key := range known {
		seen := false
		for _, f := range fields {
			if !f.is(key) {
				continue
			}
			if seen {
				return nil, fmt.Errorf("%w: %s has the field %q twice", ErrMalformed, what(), key)
			}
			seen = true
		}
	}
	return p.keep(fields), nil // Not nil: null and {} render as they were.
}

// parseArray calls visit with each element of an array. Null is an empty array.
func parseArray(value string, what func() string, visit func(element string) error) error {
	if value == "" || value == "null" {
		return nil
	}
	if value[0] != '[' {
		return fmt.Errorf("%w: %s is not an array", ErrMalformed, what())
	}
	for i := 1; value[i] != ']'; {
		if value[i] == ',' {
			i++
		}
		end := valueEnd(value, i)
		if err := visit(value[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// valueEnd returns where the value that starts at i ends.
func valueEnd(data string, i int) int {
	depth := 0
	for ; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// parseString decodes a JSON string. Most need no decoding.
func parseString(value string) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", fmt.Errorf("%w: not a string", ErrMalformed)
	}
	if inner := value[1 : len(value)-1]; strings.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	var s string
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return s, nil
}

// get returns the value of a field, or "" where there is none.
func (o object) get(key string) string {
	for _, f := range o {
		if f.is(key) {
			return f.value
		}
	}
	return ""
}

// with returns a copy of the object where key has value: in its place, or at the end.
func (o object) with(key, value string) object {
	out := make(object, len(o), len(o)+1)
	copy(out, o)
	for i := range out {
		if out[i].is(key) {
			out[i].value = value
			return out
		}
	}
	return append(out, newField(key, value))
}

// without returns a copy of the object that lacks key.
func (o object) without(key string) object {
	out := make(object, 0, len(o))
	for _, f := range o {
		if !f.is(key) {
			out = append(out, f)
		}
	}
	return out
}

// appendTo appends the object as compact JSON, or null.
func (o object) appendTo(out []byte) []byte {
	if o == nil {
		return append(out, "null"...)
	}
	return append(appendSeparated(append(out, '{'), o, field.appendTo), '}')
}

// appendWith appends the object with another value for key than its own.
func (o object) appendWith(out []byte, key string, value func([]byte) []byte) []byte {
	out = appendSeparated(append(out, '{'), o, func(f field, out []byte) []byte {
		if !f.is(key) {
			return f.appendTo(out)
		}
		return value(append(append(out, f.key...), ':'))
	})
	return append(out, '}')
}

// appendList appends an array.
func appendList[T any](out []byte, elements []T, each func(T, []byte) []byte) []byte {
	return append(appendSeparated(append(out, '['), elements, each), ']')
}

func appendSeparated[T any](out []byte, elements []T, each func(T, []byte) []byte) []byte {
	for i, element := range elements {
		if i > 0 {
			out = append(out, ',')
		}
		out = each(element, out)
	}
	return out
}

// encodeJSON returns a string, number or map as JSON, without the HTML escapes that would change what
// other tools display.
func encodeJSON(value any) string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		// Strings, integers and maps of strings always encode.
		panic(fmt.Sprintf("encoding %T: %v", value, err))
	}
	return strings.TrimRight(out.String(), "\n")
}
