package manifesto

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The document is edited as a foreign writer left it: unknown fields, their order and the spelling of
// their values stay. So objects are kept as lists of fields over the compacted source instead of as Go
// structs. The functions here walk JSON that encoding/json has already accepted and compacted, which is
// why they need not look for syntax errors.

// field is one member of a JSON object; value is compact JSON.
type field struct {
	key string
	// spelled is the key as the source has it, nil in a new field: bytes that are not UTF-8 do not survive
	// decoding.
	spelled []byte
	value   []byte
}

// appendKey appends the key and its colon.
func (f field) appendKey(out []byte) []byte {
	if f.spelled != nil {
		out = append(out, f.spelled...)
	} else {
		out = appendJSON(out, f.key)
	}
	return append(out, ':')
}

// object is a JSON object whose members keep their order.
type object []field

// compactJSON validates data and returns it without insignificant whitespace. encoding/json bounds the
// depth of what it accepts.
func compactJSON(data []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(data))
	if err := json.Compact(&out, data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return out.Bytes(), nil
}

// parseObject splits an object into its fields. Null is an object without fields. what names it in
// errors; known lists the keys that must not be repeated, since readers disagree on which one counts.
func parseObject(value []byte, what string, known ...string) (object, error) {
	if string(value) == "null" {
		return nil, nil
	}
	if len(value) == 0 || value[0] != '{' {
		return nil, fmt.Errorf("%w: %s is not an object", ErrMalformed, what)
	}
	fields := object{} // Not nil: null and {} render as they were.
	for i := 1; value[i] != '}'; {
		if value[i] == ',' {
			i++
		}
		end := valueEnd(value, i)
		key, err := parseString(value[i:end])
		if err != nil {
			return nil, fmt.Errorf("%w: %s has an unreadable key", ErrMalformed, what)
		}
		spelled := value[i:end:end]
		i = end + 1 // The colon.
		end = valueEnd(value, i)
		fields = append(fields, field{key: key, spelled: spelled, value: value[i:end:end]})
		i = end
	}
	for _, key := range known {
		seen := false
		for _, f := range fields {
			if f.key != key {
				continue
			}
			if seen {
				return nil, fmt.Errorf("%w: %s has the field %q twice", ErrMalformed, what, key)
			}
			seen = true
		}
	}
	return fields, nil
}

// parseArray splits an array into its elements. Null is an empty array.
func parseArray(value []byte, what string) ([][]byte, error) {
	if len(value) == 0 || string(value) == "null" {
		return nil, nil
	}
	if value[0] != '[' {
		return nil, fmt.Errorf("%w: %s is not an array", ErrMalformed, what)
	}
	var elements [][]byte
	for i := 1; value[i] != ']'; {
		if value[i] == ',' {
			i++
		}
		end := valueEnd(value, i)
		elements = append(elements, value[i:end:end])
		i = end
	}
	return elements, nil
}

// valueEnd returns where the value that starts at i ends.
func valueEnd(data []byte, i int) int {
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
func parseString(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", fmt.Errorf("%w: not a string", ErrMalformed)
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), nil
	}
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return s, nil
}

// get returns the value of a field, or nil.
func (o object) get(key string) []byte {
	for _, f := range o {
		if f.key == key {
			return f.value
		}
	}
	return nil
}

// with returns a copy of the object where key has value: in its place, or at the end.
func (o object) with(key string, value []byte) object {
	out := make(object, len(o), len(o)+1)
	copy(out, o)
	for i := range out {
		if out[i].key == key {
			out[i].value = value
			return out
		}
	}
	return append(out, field{key: key, value: value})
}

// without returns a copy of the object that lacks key.
func (o object) without(key string) object {
	out := make(object, 0, len(o))
	for _, f := range o {
		if f.key != key {
			out = append(out, f)
		}
	}
	return out
}

// appendTo appends the object as compact JSON.
func (o object) appendTo(out []byte) []byte {
	out = append(out, '{')
	for i, f := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(f.appendKey(out), f.value...)
	}
	return append(out, '}')
}

// appendJSON appends a string, number or map as JSON, without the HTML escapes that would change what
// other tools display.
func appendJSON(out []byte, value any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		// Strings, integers and maps of strings always encode.
		panic(fmt.Sprintf("encoding %T: %v", value, err))
	}
	return append(out, bytes.TrimRight(buf.Bytes(), "\n")...)
}
