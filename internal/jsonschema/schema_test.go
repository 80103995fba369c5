package jsonschema

import (
	"errors"
	"strings"
	"testing"
)

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	const draft2019 = `"$schema":"https://json-schema.org/draft/2019-09/schema",`
	for text, want := range map[string]string{
		``:            `not a JSON Schema: it is not JSON: it is empty`,
		`{"type":`:    `not a JSON Schema: it is not JSON: it ends too early`,
		`"./a.json"`:  `not a JSON Schema: it is a string; a schema is an object, or true or false`,
		`{"type":17}`: `not a JSON Schema: $.type: matches none of the 2 alternatives of anyOf`,
		`{"properties":{"a":{"minLength":-1}},"required":["a","a"]}`: `not a JSON Schema: $.properties.a.minLength: must ` +
			`be at least 0; $.required: must not have equal elements`,
		`{` + draft2019 + `"properties":{"a":{"type":"text"}}}`: `$.properties.a.type: matches none of the 2 alternatives`,
		`{"pattern":"("}`:                                   `$.pattern: must have the format "regex"`,
		`{"pattern":"(?=a)"}`:                               `$.pattern: must have the format "regex"`,
		`{"$ref":"#/$defs/none"}`:                           `"#/$defs/none" not found`,
		`{"$ref":"#none"}`:                                  `anchor in "#none" not found`,
		`{"minimum":1e999999}`:                              `has a number of more than 400 digits`,
		`{"$ref":"::"}`:                                     `not a JSON Schema`,
		`{"$schema":"schema:///"}`:                          `not a JSON Schema`,
		strings.Repeat("[", 1_000_000):                      `is nested more than 200 deep`,
		`"` + strings.Repeat("a", MaxSchema):                `it has 4194305 bytes, the limit is 4194304`,
		`{"enum":[` + strings.Repeat("1,", 200_000) + `1]}`: `has more than 100000 values`,
	} {
		_, err := Compile(text)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// References to other schemas are errors, whatever they name; nothing is read or fetched.
func TestCompileFetchesNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"$ref":"https://example.com/a.json"}`:                               `"https://example.com/a.json"`,
		`{"$ref":"http://127.0.0.1/a.json#/x"}`:                               `"http://127.0.0.1/a.json"`,
		`{"$ref":"file:///etc/hostname"}`:                                     `"file:///etc/hostname"`,
		`{"$ref":"schema.go"}`:                                                `"schema.go"`,
		`{"$ref":"/etc/hostname"}`:                                            `"etc/hostname"`,
		`{"$id":"https://example.com/a.json","items":{"$ref":"b.json"}}`:      `"https://example.com/b.json"`,
		`{"$schema":"https://example.com/meta.json"}`:                         `"https://example.com/meta.json"`,
		`{"$ref":"https://json-schema.org/draft/none/schema"}`:                `"https://json-schema.org/draft/none/schema"`,
		`{"properties":{"a":{"$dynamicRef":"https://example.com/a.json#x"}}}`: `"https://example.com/a.json"`,
	} {
		_, err := Compile(text)
		if !errors.Is(err, ErrExternal) || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "no schema is fetched") {
			t.Errorf("%s: %v", text, err)
		}
	}
	// An embedded schema with an address of its own is no other schema.
	schema := compiled(t, `{"$ref":"https://example.com/a.json","$defs":{"a":{"$id":"https://example.com/a.json",
		"type":"null"}}}`)
	if got := schema.Check([]byte("1")); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}
