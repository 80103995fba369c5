package rawjson

import "strings"

// Field is one member of an object. Both parts are JSON as it is written in the source, the key with its quotes:
// bytes that are not UTF-8 would not survive decoding.
type Field struct {
	Key, Value string
}

// NewField returns a field with a key that needs no escapes and a value in JSON.
func NewField(key, value string) Field { return Field{`"` + key + `"`, value} }

// Name returns the key without quotes and escapes.
func (f Field) Name() string {
	name, err := ParseString(f.Key)
	if err != nil {
		return f.Key // The field does not come from JSON text.
	}
	return name
}

// Is reports whether the field has a key, with or without escapes. It compares case.
func (f Field) Is(key string) bool {
	if inner := f.Key[1 : len(f.Key)-1]; inner == key || strings.IndexByte(inner, '\\') < 0 {
		return inner == key
	}
	return f.Name() == key
}

// EqualFold reports whether the field has a key, with or without escapes, in upper or lower case. encoding/json matches
// keys with the fields of a struct in the same way.
func (f Field) EqualFold(key string) bool { return strings.EqualFold(f.Name(), key) }

// AppendTo appends the field as JSON.
func (f Field) AppendTo(out []byte) []byte {
	return append(append(append(out, f.Key...), ':'), f.Value...)
}

// Object is a JSON object whose fields keep their order. The zero value stands for null; an object without fields
// is not nil. Methods leave the object as it is and return a copy.
type Object []Field

// Get returns the value of the first field with a key, or "" if there is none.
func (o Object) Get(key string) string {
	for _, f := range o {
		if f.Is(key) {
			return f.Value
		}
	}
	return ""
}

// With returns a copy in which the first field with a key has a value. Without such a field the copy has a new one
// at its end, whose key must need no escapes.
func (o Object) With(key, value string) Object {
	out := make(Object, len(o), len(o)+1)
	copy(out, o)
	for i := range out {
		if out[i].Is(key) {
			out[i].Value = value
			return out
		}
	}
	return append(out, NewField(key, value))
}

// Without returns a copy without any field that has the key.
func (o Object) Without(key string) Object {
	out := make(Object, 0, len(o))
	for _, f := range o {
		if !f.Is(key) {
			out = append(out, f)
		}
	}
	return out
}

// AppendTo appends the object as JSON without whitespace between its fields, or null for the zero value.
func (o Object) AppendTo(out []byte) []byte {
	if o == nil {
		return append(out, "null"...)
	}
	return append(appendSeparated(append(out, '{'), o, Field.AppendTo), '}')
}

// AppendWith appends the object like AppendTo, but calls value to append the value of each field with the key. The
// zero value is appended as {}.
func (o Object) AppendWith(out []byte, key string, value func([]byte) []byte) []byte {
	out = appendSeparated(append(out, '{'), o, func(f Field, out []byte) []byte {
		if !f.Is(key) {
			return f.AppendTo(out)
		}
		return value(append(append(out, f.Key...), ':'))
	})
	return append(out, '}')
}

// AppendArray appends a JSON array. It calls each to append one element.
func AppendArray[T any](out []byte, elements []T, each func(T, []byte) []byte) []byte {
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
