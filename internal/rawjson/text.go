package rawjson

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Check returns an error unless encoding/json accepts data as one JSON value. The error matches ErrMalformed and
// wraps that of encoding/json.
func Check(data []byte) error {
	if json.Valid(data) {
		return nil
	}
	var raw json.RawMessage
	return fmt.Errorf("%w: %w", ErrMalformed, json.Unmarshal(data, &raw))
}

// Compact checks data like Check and returns it without the whitespace between tokens.
func Compact(data []byte) (string, error) {
	if isCompact(data) && json.Valid(data) {
		return string(data), nil // The usual case for our own documents: no second buffer.
	}
	if err := Check(data); err != nil {
		return "", err // Before any memory is allocated.
	}
	return compact(data), nil
}

// compact copies valid JSON without the whitespace between tokens: json.Compact needs a buffer besides the result.
func compact(data []byte) string {
	var out strings.Builder
	out.Grow(len(data))
	start := 0 // Of the bytes that are not copied yet.
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case ' ', '\t', '\r', '\n':
			out.Write(data[start:i])
			start = i + 1
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		}
	}
	out.Write(data[start:])
	return out.String()
}

// isCompact reports whether JSON has no whitespace outside its strings.
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

// ParseString decodes a JSON string. Bytes that are not UTF-8 stay as they are if the string has no escapes.
// Anything but a string, the empty text of an absent value included, is ErrMalformed.
func ParseString(value string) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", shapeError("is not a string")
	}
	if inner := value[1 : len(value)-1]; strings.IndexByte(inner, '\\') < 0 {
		return inner, nil // Most strings need no decoding.
	}
	var s string
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return s, nil
}

// Encode returns a string, a number or a map of strings as compact JSON. It leaves out the HTML escapes of
// json.Marshal, which would change what other tools display. It panics on a value that has no JSON form.
func Encode(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("encoding %T: %v", value, err))
	}
	return strings.TrimRight(out.String(), "\n")
}
