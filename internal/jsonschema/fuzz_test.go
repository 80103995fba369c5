package jsonschema

import (
	"slices"
	"testing"
)

// FuzzCheck looks for panics, and for messages that differ between two checks.
func FuzzCheck(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"type":"object","required":["a"],"additionalProperties":false}`, `{"b":1}`},
		{`{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"type":"null"},{"items":{"$ref":"#"}}]}}}`, `[[1],{}]`},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","propertyNames":{"pattern":"^a"}}`, `{"b":{"c":1}}`},
		{`{"$id":"https://example.com/a","$anchor":"x","items":{"$ref":"#x"}}`, `[1e400]`},
		{`{"$dynamicAnchor":"n","properties":{"a":{"$dynamicRef":"#n"}},"unevaluatedProperties":false}`, `{"a":{"b":1}}`},
		{`{"minimum":1e-3,"multipleOf":0.1,"uniqueItems":true,"contains":false}`, `[1,1.0]`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, schema, content string) {
		first, err := Compile(schema)
		if err != nil {
			return
		}
		found := first.Check([]byte(content))
		again, err := Compile(schema)
		if err != nil {
			t.Fatal(err)
		}
		if second := again.Check([]byte(content)); !slices.Equal(found, second) {
			t.Errorf("%q, then %q", found, second)
		}
	})
}
