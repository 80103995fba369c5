package jsonschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// limits bounds a JSON text before memory is allocated for its values: Go's decoder spends a hundred bytes and more on
// an element such as {}, which takes three bytes of text.
type limits struct {
	// values bounds the elements of all arrays and the fields of all objects together.
	values int
	// depth bounds how deep arrays and objects may be nested.
	depth int
}

// Bounds of a number, which is compared without loss of precision. JSON's own advice (RFC 8259) is to expect no more
// than a double holds: an exponent of at most 308.
const (
	maxDigits   = 400
	maxExponent = 400
)

// decode reads one JSON value. count is about the number of values in it. The errors complete a sentence about the
// text, and do not repeat a part of it.
func decode(text []byte, l limits) (value any, count int, err error) {
	if count, err = l.check(text); err != nil {
		return nil, count, err
	}
	if !utf8.Valid(text) {
		return nil, count, errors.New("is not JSON: it is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, count, malformed(text, err)
	}
	end := decoder.InputOffset()
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, count, fmt.Errorf("is not JSON: there is more text after the value, which ends at %s", place(text, end))
	}
	return value, count, checkNumbers(value)
}

// check counts values and depth. It accepts any text: whether it is JSON is for the decoder to say.
func (l limits) check(text []byte) (values int, err error) {
	depth := 0
	for c := range rawjson.Structure(text) {
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			continue
		}
		if values++; values > l.values {
			return values, fmt.Errorf("has more than %d values, which is too much to check", l.values)
		}
		if depth > l.depth {
			return values, fmt.Errorf("is nested more than %d deep, which is too deep to check", l.depth)
		}
	}
	return values, nil
}

// malformed says where a text stops being JSON. The decoder's own error repeats a character of the text.
func malformed(text []byte, err error) error {
	var syntax *json.SyntaxError
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return errors.New("is not JSON: it is empty")
	case errors.As(err, &syntax) && syntax.Offset > 0 && syntax.Offset <= int64(len(text)):
		return fmt.Errorf("is not JSON: there is an error at %s", place(text, syntax.Offset-1))
	}
	return errors.New("is not JSON: it ends too early")
}

// place names an offset in a text for people.
func place(text []byte, offset int64) string {
	before := text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

// checkNumbers refuses numbers that are expensive to compare. 1e1000000 is nine bytes of text and half a megabyte of
// memory, and the library panics beyond that.
func checkNumbers(value any) error {
	switch value := value.(type) {
	case json.Number:
		digits, exponent, _ := strings.Cut(strings.ToLower(value.String()), "e")
		power := 0
		if exponent != "" {
			var err error
			if power, err = strconv.Atoi(exponent); err != nil {
				power = maxExponent + 1
			}
		}
		if len(digits) > maxDigits || power > maxExponent || power < -maxExponent {
			return fmt.Errorf("has a number of more than %d digits or with an exponent above %d, which cannot be checked",
				maxDigits, maxExponent)
		}
	case []any:
		for _, element := range value {
			if err := checkNumbers(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, field := range value {
			if err := checkNumbers(field); err != nil {
				return err
			}
		}
	}
	return nil
}

// kindOf names the type of a decoded value, with an article where one belongs.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
