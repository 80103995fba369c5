package rawjson_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// decoded is a member of an object, or an element of an array with an empty name, as encoding/json splits them.
type decoded struct {
	name, value string
}

// split is what the walks of this package do, done by encoding/json.
func split(t *testing.T, text string) []decoded {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	token, err := decoder.Token()
	if err != nil {
		t.Fatal(err)
	}
	var out []decoded
	for decoder.More() {
		var d decoded
		if token == json.Delim('{') {
			key, err := decoder.Token()
			if err != nil {
				t.Fatal(err)
			}
			d.name, _ = key.(string)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		d.value = string(value)
		out = append(out, d)
	}
	return out
}

// walk splits a text with EachField or EachElement and checks the spans.
func walk(t *testing.T, text string) []decoded {
	t.Helper()
	var out []decoded
	add := func(name, value string, at rawjson.Span) {
		if there := text[at.Start:at.End]; there != value {
			t.Fatalf("%q: the span of %q covers %q", text, value, there)
		}
		out = append(out, decoded{name, value})
	}
	var err error
	switch first(text) {
	case '{':
		err = rawjson.EachField(text, func(f rawjson.Field, at rawjson.Span) error {
			add(string(bytes.ToValidUTF8([]byte(f.Name()), nil)), f.Value, at)
			return nil
		})
	case '[':
		err = rawjson.EachElement(text, func(element string, at rawjson.Span) error {
			add("", element, at)
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// first returns the first byte of JSON that is not whitespace.
func first(text string) byte { return bytes.TrimLeft([]byte(text), " \t\r\n")[0] }

// FuzzWalk compares the walks with encoding/json on the text as it is, on its compact form and on every value in it.
func FuzzWalk(f *testing.F) {
	for _, seed := range []string{
		spaced, `{}`, `null`, `[]`, `[[1,"a\\"],{"b":{"c":"\u0064"}}]`, "{\"\xff\":\"\xff\"}", `"\"{"`, ` [ 1 , 2 ] `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := rawjson.Check(data)
		compact, compactErr := rawjson.Compact(data)
		if valid := json.Valid(data); (err == nil) != valid || (compactErr == nil) != valid {
			t.Fatalf("Check %v, Compact %v; valid: %t", err, compactErr, valid)
		}
		if err != nil {
			return
		}
		var want bytes.Buffer
		if err := json.Compact(&want, data); err != nil || want.String() != compact {
			t.Fatalf("Compact(%q) = %q, want %q", data, compact, want.String())
		}
		compareAll(t, string(data), 0)
		compareAll(t, compact, 0)
	})
}

// compareAll compares the walk of a value, and of the values in it, with encoding/json. It goes a few levels deep.
func compareAll(t *testing.T, text string, depth int) {
	t.Helper()
	if c := first(text); depth > 4 || (c != '{' && c != '[') {
		return
	}
	got, want := walk(t, text), split(t, text)
	for i := range want { // The decoder replaces bytes that are not UTF-8; Name keeps them.
		want[i].name = string(bytes.ReplaceAll([]byte(want[i].name), []byte("\uFFFD"), nil))
	}
	for i := range got {
		got[i].name = string(bytes.ReplaceAll([]byte(got[i].name), []byte("\uFFFD"), nil))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%q: got %q, want %q", text, got, want)
	}
	for _, d := range got {
		compareAll(t, d.value, depth+1)
	}
}

// FuzzEdit checks that edits change their field and leave the others byte for byte.
func FuzzEdit(f *testing.F) {
	for _, seed := range []string{spaced, `{}`, `null`, `{"a":1,"b":[{}],"\u0061":2}`, "{\"\xff\":1}"} {
		f.Add([]byte(seed), "a")
	}
	f.Fuzz(func(t *testing.T, data []byte, key string) {
		if rawjson.Check(data) != nil || !plain(key) {
			return
		}
		o, err := rawjson.ParseObject(string(data))
		if err != nil {
			return
		}
		reparsed := func(edited rawjson.Object) rawjson.Object {
			text := edited.AppendTo(nil)
			if err := rawjson.Check(text); err != nil {
				t.Fatalf("%q became %q: %v", data, text, err)
			}
			again, err := rawjson.ParseObject(string(text))
			if err != nil || !slices.Equal(again, edited) {
				t.Fatalf("%q reads as %q, %v", text, again, err)
			}
			return again
		}
		reparsed(o)
		with, without := reparsed(o.With(key, "[7]")), reparsed(o.Without(key))
		if with.Get(key) != "[7]" || without.Get(key) != "" {
			t.Fatalf("With: %q, Without: %q", with.Get(key), without.Get(key))
		}
		isKey := func(f rawjson.Field) bool { return f.Is(key) }
		others := slices.DeleteFunc(slices.Clone(o), isKey)
		if !slices.Equal(without, others) || !slices.Equal(with.Without(key), others) {
			t.Fatalf("other fields changed: %q, %q, want %q", with, without, others)
		}
	})
}

// plain reports whether a key needs no escapes, as With wants it.
func plain(key string) bool {
	encoded, err := json.Marshal(key)
	return err == nil && string(encoded) == `"`+key+`"`
}
