package jsonschema

import (
	"slices"
	"strings"
	"testing"
)

// compiled returns a schema that must be valid.
func compiled(t testing.TB, text string) *Schema {
	t.Helper()
	schema, err := Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return schema
}

// object is a schema of an object with one property, p.
func object(property string) string { return `{"properties":{"p":` + property + `}}` }

func TestCheck(t *testing.T) {
	t.Parallel()
	const draft4 = `"$schema":"http://json-schema.org/draft-04/schema#",`
	const draft7 = `"$schema":"http://json-schema.org/draft-07/schema#",`
	for _, test := range []struct {
		schema, content string
		want            []string
	}{
		{`{"type":"object"}`, `{}`, nil},
		{`true`, `null`, nil},
		{`false`, `null`, []string{`$: is not allowed`}},
		{`{"type":"object"}`, `[1]`, []string{`$: must be an object, not an array`}},
		{object(`{"type":["string","null"]}`), `{"p":1}`, []string{`$.p: must be null or a string, not a number`}},
		{object(`{"type":"integer"}`), `{"p":1.5}`, []string{`$.p: must be an integer, not a number`}},
		{object(`{"type":"integer"}`), `{"p":1e2}`, nil},
		{object(`{"enum":["a","<b>",null]}`), `{"p":"secret"}`, []string{`$.p: must be one of "a", "<b>", null`}},
		{object(`{"const":{"a":1}}`), `{"p":"secret"}`, []string{`$.p: must be {"a":1}`}},
		{object(`{"pattern":"^a+$"}`), `{"p":"secret"}`, []string{`$.p: must match the pattern "^a+$"`}},
		{object(`{"format":"date-time"}`), `{"p":"secret"}`, []string{`$.p: must have the format "date-time"`}},
		{object(`{"format":"unheard-of"}`), `{"p":"secret"}`, nil},
		{object(`{"minLength":9}`), `{"p":"secret"}`, []string{`$.p: must have at least 9 characters`}},
		{object(`{"maxLength":1}`), `{"p":"secret"}`, []string{`$.p: must have at most 1 character`}},
		{object(`{"minimum":0.5}`), `{"p":0.1}`, []string{`$.p: must be at least 0.5`}},
		{object(`{"maximum":5}`), `{"p":17}`, []string{`$.p: must be at most 5`}},
		{object(`{"exclusiveMinimum":5}`), `{"p":5}`, []string{`$.p: must be more than 5`}},
		{object(`{"exclusiveMaximum":5}`), `{"p":5}`, []string{`$.p: must be less than 5`}},
		{object(`{"multipleOf":5}`), `{"p":17}`, []string{`$.p: must be a multiple of 5`}},
		{object(`{"minItems":2}`), `{"p":[17]}`, []string{`$.p: must have at least 2 elements, not 1`}},
		{object(`{"maxItems":1}`), `{"p":[17,18]}`, []string{`$.p: must have at most 1 element, not 2`}},
		{object(`{"uniqueItems":true}`), `{"p":[17,18,17]}`,
			[]string{`$.p: must not have equal elements, such as those at 0 and 2`}},
		{object(`{"contains":{"const":1}}`), `{"p":[17]}`,
			[]string{`$.p: has no element that matches the schema in contains`}},
		{object(`{"contains":{"const":1},"minContains":2}`), `{"p":[1]}`,
			[]string{`$.p: must have at least 2 elements like the schema in contains, not 1`}},
		{object(`{"contains":{"const":1},"maxContains":1}`), `{"p":[1,1]}`,
			[]string{`$.p: must have at most 1 element like the schema in contains, not 2`}},
		{object(`{"minProperties":1}`), `{"p":{}}`, []string{`$.p: must have at least 1 property, not 0`}},
		{object(`{"maxProperties":0}`), `{"p":{"a":1}}`, []string{`$.p: must have at most 0 properties, not 1`}},
		{object(`{"required":["b","a"]}`), `{"p":{}}`, []string{`$.p: lacks "a", "b"`}},
		{object(`{"dependentRequired":{"a":["b"]}}`), `{"p":{"a":1}}`,
			[]string{`$.p: has "a" and lacks "b", which must be beside it`}},
		{`{` + draft7 + `"dependencies":{"a":["b"]}}`, `{"a":1}`,
			[]string{`$: has "a" and lacks "b", which must be beside it`}},
		{`{` + draft7 + `"items":[true],"additionalItems":false}`, `[1,2,3]`, []string{`$: has 2 elements too many`}},
		{object(`{"additionalProperties":false}`), `{"p":{"b":1,"a":"secret"}}`,
			[]string{`$.p: must not have "a", "b"`}},
		{object(`{"unevaluatedProperties":false}`), `{"p":{"b":1,"a":"secret"}}`,
			[]string{`$.p.a: is not allowed`, `$.p.b: is not allowed`}},
		{object(`{"not":{"type":"string"}}`), `{"p":"secret"}`, []string{`$.p: matches the schema in not, which forbids it`}},
		{object(`{"anyOf":[{"type":"number"},{"type":"object","required":["x"]},{"items":{"type":"null"}}]}`),
			`{"p":["secret"]}`, []string{`$.p: matches none of the 3 alternatives of anyOf: (1) must be a number, not an ` +
				`array; (2) must be an object, not an array; (3) $.p[0] must be null, not a string`}},
		{object(`{"oneOf":[{"type":"number"},{"type":"null"}]}`), `{"p":"secret"}`,
			[]string{`$.p: matches none of the 2 alternatives of oneOf: (1) must be a number, not a string; ` +
				`(2) must be null, not a string`}},
		{object(`{"oneOf":[{"type":"null"},{"type":"string"},true]}`), `{"p":"secret"}`,
			[]string{`$.p: matches the alternatives 2 and 3 of oneOf; only one may match`}},
		{object(`{"allOf":[{"minLength":9},{"pattern":"x"}]}`), `{"p":"secret"}`,
			[]string{`$.p: must have at least 9 characters`, `$.p: must match the pattern "x"`}},
		{`{"$ref":"#/$defs/a","$defs":{"a":{"type":"null"}}}`, `1`, []string{`$: must be null, not a number`}},
		{`{"$ref":"#"}`, `1`, []string{`$: cannot be checked: the schema refers to itself without an end`}},
		{`{"$schema":"https://json-schema.org/draft/2019-09/schema","if":{"type":"number"},"then":{"minimum":2}}`, `1`,
			[]string{`$: must be at least 2`}},
		{`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, `{"type":1}`, []string{
			`$.type: matches none of the 2 alternatives of anyOf: (1) must be one of "array", "boolean", "integer", "null", ` +
				`"number", "object", "string"; (2) must be an array, not a number`}},
		// Names of properties have the place of their own object, whatever is checked after them.
		{`{"additionalProperties":{"propertyNames":{"pattern":"^[a-z]+$"}}}`,
			`{"a":{"B":1},"c":{"D":1},"e":{"f":1},"g":{"h":1},"i":{"j":1}}`, []string{
				`$.a.B: has a name that must match the pattern "^[a-z]+$"`,
				`$.c.D: has a name that must match the pattern "^[a-z]+$"`}},
		{`{` + draft7 + `"propertyNames":{"maxLength":1}}`, `{"ab":1}`,
			[]string{`$.ab: has a name that must have at most 1 character`}},
		{`{"propertyNames":false}`, `{"a":1}`, []string{`$.a: has a name that is not allowed`}},
		{`{` + draft4 + `"propertyNames":{"maxLength":1}}`, `{"ab":1}`, nil},
		// Paths.
		{`{"additionalProperties":{"items":{"type":"null"}}}`, `{"a b":[0],"0":[null,0],"\u001b\"":[0]}`, []string{
			`$["0"][1]: must be null, not a number`, `$["\x1b\""][0]: must be null, not a number`,
			`$["a b"][0]: must be null, not a number`}},
		{`{"items":{"type":"null"}}`, `[0,null,0,null,null,null,null,null,null,null,0]`, []string{
			`$[0]: must be null, not a number`, `$[2]: must be null, not a number`, `$[10]: must be null, not a number`}},
		// Content that cannot be checked.
		{`true`, ``, []string{`$: the content is not JSON: it is empty`}},
		{`true`, "{\n \"ä\": secret}", []string{`$: the content is not JSON: there is an error at line 2, column 7`}},
		{`true`, `{"a":`, []string{`$: the content is not JSON: it ends too early`}},
		{`true`, "1\n2", []string{`$: the content is not JSON: there is more text after the value, which ends at line 1, ` +
			`column 2`}},
		{`true`, "\"\xff\"", []string{`$: the content is not JSON: it is not UTF-8`}},
		{object(`{"minimum":1}`), `{"p":1e99999999}`, []string{`$: the content has a number of more than 400 digits or ` +
			`with an exponent above 400, which cannot be checked`}},
		{`true`, strings.Repeat("[", 600) + strings.Repeat("]", 600), []string{`$: the content is nested more than 500 ` +
			`deep, which is too deep to check`}},
	} {
		got := compiled(t, test.schema).Check([]byte(test.content))
		if !slices.Equal(got, test.want) {
			t.Errorf("%s with %s:\n got %q\nwant %q", test.schema, test.content, got, test.want)
		}
		for _, message := range got {
			if strings.Contains(message, "secret") || strings.Contains(message, "17") {
				t.Errorf("%s with %s repeats a value: %s", test.schema, test.content, message)
			}
		}
	}
}

// The same content has the same messages in the same order, although the library looks at properties at random.
func TestCheckIsDeterministic(t *testing.T) {
	t.Parallel()
	const schema = `{
		"additionalProperties": {"propertyNames": {"maxLength": 1}, "additionalProperties": {"type": "null"}},
		"dependentRequired": {"a": ["x"], "b": ["y", "z"]},
		"anyOf": [{"additionalProperties": {"type": "string"}}, {"additionalProperties": false}]
	}`
	const content = `{"a":{"bb":1,"cc":2,"d":3},"b":{"bb":1,"cc":2},"c":{"aa":1}}`
	want := compiled(t, schema).Check([]byte(content))
	if len(want) < 10 {
		t.Errorf("only %q", want)
	}
	for range 50 {
		if got := compiled(t, schema).Check([]byte(content)); !slices.Equal(got, want) {
			t.Fatalf("got %q, then %q", want, got)
		}
	}
}

// Only the first of many errors are listed.
func TestCheckListsTheFirst(t *testing.T) {
	t.Parallel()
	content := "[" + strings.Repeat("1,", 500) + "1]"
	got := compiled(t, `{"items":{"type":"null"}}`).Check([]byte(content))
	if len(got) != maxMessages+1 || got[0] != "$[0]: must be null, not a number" ||
		got[maxMessages] != "$: there are more errors, which are not listed" {
		t.Errorf("%d messages: %q", len(got), got)
	}
}

// Alternatives that refer to each other double the work with each level of content that matches none.
func TestCheckStops(t *testing.T) {
	t.Parallel()
	const schema = `{"$defs":{"node":{"anyOf":[
		{"properties":{"next":{"$ref":"#/$defs/node"},"kind":{"const":"a"}},"required":["kind"]},
		{"properties":{"next":{"$ref":"#/$defs/node"},"kind":{"const":"b"}},"required":["kind"]}]}},"$ref":"#/$defs/node"}`
	const depth = 60
	content := strings.Repeat(`{"next":`, depth) + "{}" + strings.Repeat("}", depth)
	s := compiled(t, schema)
	got := s.Check([]byte(content))
	if want := "$: does not match the schema; there are too many errors to list them"; !slices.Equal(got, []string{want}) {
		t.Errorf("got %q", got)
	}
	if got := s.Check([]byte(`{"kind":"a"}`)); got != nil { // The next check starts anew.
		t.Errorf("got %q", got)
	}
}

// The same without an error on the way: only the time is bounded.
func TestCheckStopsToDecide(t *testing.T) {
	t.Parallel()
	const schema = `{"$defs":{"node":{"anyOf":[
		{"properties":{"next":{"$ref":"#/$defs/node"}},"maxProperties":1},
		{"properties":{"next":{"$ref":"#/$defs/node"}},"maxProperties":2}],"type":"object"}},"$ref":"#/$defs/node"}`
	const depth = 60
	content := strings.Repeat(`{"next":`, depth) + "1" + strings.Repeat("}", depth)
	got := compiled(t, schema).Check([]byte(content))
	if want := "$: the check takes too long and was stopped"; len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("got %q", got)
	}
}
