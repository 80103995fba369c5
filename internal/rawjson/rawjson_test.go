package rawjson_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// spaced is an object as a person may write it: with whitespace, escapes, a repeated key and other values.
const spaced = " {\n\t" + `"a" : 1.50 , "\u0062":[ 1, {"x" : "]}" } ],` + "\r\n" +
	` "a" : "\"" , "C" : {} ,"e":null, "":true } ` + "\n"

func parse(t *testing.T, text string) rawjson.Object {
	t.Helper()
	if err := rawjson.Check([]byte(text)); err != nil {
		t.Fatal(err)
	}
	o, err := rawjson.ParseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func render(o rawjson.Object) string { return string(o.AppendTo(nil)) }

func TestEachField(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		spaced: {
			`"a" 1.50`, `"\u0062" [ 1, {"x" : "]}" } ]`, `"a" "\""`, `"C" {}`, `"e" null`, `"" true`,
		},
		`{"a":{"b":[{}]},"c":-0e+1}`: {`"a" {"b":[{}]}`, `"c" -0e+1`},
		`{}`:                         nil,
		" {\n} ":                     nil,
		`null`:                       nil,
		" null ":                     nil,
		``:                           nil,
	}
	for text, want := range tests {
		var got []string
		err := rawjson.EachField(text, func(f rawjson.Field, at rawjson.Span) error {
			got = append(got, f.Key+" "+f.Value)
			if there := text[at.Start:at.End]; there != f.Value {
				t.Errorf("EachField(%q): the span of %s covers %q, want %q", text, f.Key, there, f.Value)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("EachField(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestEachElement(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		" [ 1 ,\n\"a,]\\\\\" ,[ 2,3 ] , {\"b\" : [ ] },null,true ] ": {
			`1`, `"a,]\\"`, `[ 2,3 ]`, `{"b" : [ ] }`, `null`, `true`,
		},
		`[1]`:     {`1`},
		`[[],{}]`: {`[]`, `{}`},
		`[]`:      nil,
		"[ \n ]":  nil,
		`null`:    nil,
		``:        nil,
	}
	for text, want := range tests {
		var got []string
		err := rawjson.EachElement(text, func(element string, at rawjson.Span) error {
			got = append(got, element)
			if there := text[at.Start:at.End]; there != element {
				t.Errorf("EachElement(%q): a span covers %q, want %q", text, there, element)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("EachElement(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestVisitorsErrorEndsTheWalk(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	visits := 0
	err := rawjson.EachField(`{"a":1,"b":2}`, func(rawjson.Field, rawjson.Span) error { visits++; return stop })
	if !errors.Is(err, stop) || visits != 1 {
		t.Errorf("EachField: %d visits, %v", visits, err)
	}
	err = rawjson.EachElement(`[1,2]`, func(string, rawjson.Span) error { visits++; return stop })
	if !errors.Is(err, stop) || visits != 2 {
		t.Errorf("EachElement: %d visits, %v", visits-1, err)
	}
}

func TestOtherShapesAreMalformed(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`[]`, `"{}"`, `1`, `-1`, `true`, `false`, ` []`} {
		if _, err := rawjson.ParseObject(text); !errors.Is(err, rawjson.ErrMalformed) {
			t.Errorf("ParseObject(%q) = %v, want ErrMalformed", text, err)
		}
		err := rawjson.EachField(text, func(rawjson.Field, rawjson.Span) error { return nil })
		if !errors.Is(err, rawjson.ErrMalformed) {
			t.Errorf("EachField(%q) = %v, want ErrMalformed", text, err)
		}
	}
	for _, text := range []string{`{}`, `"[]"`, `1`, `true`, ` {}`} {
		err := rawjson.EachElement(text, func(string, rawjson.Span) error { return nil })
		if !errors.Is(err, rawjson.ErrMalformed) {
			t.Errorf("EachElement(%q) = %v, want ErrMalformed", text, err)
		}
	}
}

func TestParserRefusesRepeatedKeys(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		`{"a":1,"b":2}`:            true,
		`{"a":1,"A":2}`:            true,
		`{"x":1,"x":2}`:            true,
		`{"a":1,"a":1}`:            false,
		`{"b":1,"\u0062":1}`:       false,
		`{"a":1,"b":2,"\u0061":3}`: false,
	}
	for text, want := range tests {
		var p rawjson.Parser
		_, err := p.Object(text, "a", "b")
		if (err == nil) != want || (err != nil && !errors.Is(err, rawjson.ErrMalformed)) {
			t.Errorf("Object(%q) = %v, want success: %t", text, err, want)
		}
	}
}

// An edit of one object of a Parser must not reach the next one, whose fields are behind it in memory.
func TestParserObjectsAreApart(t *testing.T) {
	t.Parallel()
	var p rawjson.Parser
	var objects []rawjson.Object
	var want []string
	for i := range 3000 {
		text := fmt.Sprintf(`{"n":%d,"x":[]}`, i)
		if i%7 == 0 {
			text = fmt.Sprintf(`{%s"n":%d}`, strings.Repeat(`"y":null,`, i), i)
		}
		o, err := p.Object(text)
		if err != nil {
			t.Fatal(err)
		}
		objects, want = append(objects, o), append(want, text)
	}
	for _, o := range objects {
		_ = append(o, rawjson.NewField("appended", "1"))
		_, _, _ = o.With("n", "0"), o.With("new", "0"), o.Without("n")
	}
	for i, o := range objects {
		if got := render(o); got != want[i] {
			t.Fatalf("object %d is now %s, want %s", i, got, want[i])
		}
	}
}

// Null and an object without fields render as what they were, from the first object of a Parser on.
func TestNullAndEmpty(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`null`, `{}`} {
		var p rawjson.Parser
		o, err := p.Object(text)
		if got := render(o); err != nil || got != text {
			t.Errorf("%s became %s, %v", text, got, err)
		}
		if got := render(parse(t, text)); got != text {
			t.Errorf("%s became %s", text, got)
		}
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	o := parse(t, spaced)
	const same = `{"a":1.50,"\u0062":[ 1, {"x" : "]}" } ],"a":"\"","C":{},"e":null,"":true}`
	tests := map[string]struct{ got, want string }{
		"AppendTo":                 {render(o), same},
		"Get, the first counts":    {o.Get("a"), `1.50`},
		"Get, escaped key":         {o.Get("b"), `[ 1, {"x" : "]}" } ]`},
		"Get, empty key":           {o.Get(""), `true`},
		"Get, other case":          {o.Get("c"), ``},
		"Get, absent":              {o.Get("z"), ``},
		"With, in its place":       {render(o.With("b", "7")), strings.Replace(same, `[ 1, {"x" : "]}" } ]`, "7", 1)},
		"With, the first of two":   {render(o.With("a", "7")), strings.Replace(same, `1.50`, "7", 1)},
		"With, at the end":         {render(o.With("z", "7")), strings.Replace(same, `true}`, `true,"z":7}`, 1)},
		"With, of null":            {render(rawjson.Object(nil).With("z", "7")), `{"z":7}`},
		"Without, all of them":     {render(o.Without("a")), `{"\u0062":[ 1, {"x" : "]}" } ],"C":{},"e":null,"":true}`},
		"Without, escaped key":     {render(o.Without("b")), `{"a":1.50,"a":"\"","C":{},"e":null,"":true}`},
		"Without, absent":          {render(o.Without("z")), same},
		"Without, the last":        {render(parse(t, `{"a":1}`).Without("a")), `{}`},
		"AppendWith":               {string(o.AppendWith(nil, "C", seven)), strings.Replace(same, `{}`, "7", 1)},
		"AppendWith, absent":       {string(o.AppendWith(nil, "z", seven)), same},
		"AppendWith, null":         {string(rawjson.Object(nil).AppendWith(nil, "z", seven)), `{}`},
		"AppendArray":              {string(rawjson.AppendArray([]byte("x"), []string{"1", "2"}, element)), `x[1,2]`},
		"AppendArray, no elements": {string(rawjson.AppendArray(nil, nil, element)), `[]`},
		"unchanged":                {render(o), same},
	}
	for name, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", name, test.got, test.want)
		}
	}
}

func seven(out []byte) []byte { return append(out, '7') }

func element(text string, out []byte) []byte { return append(out, text...) }

func TestFieldKeys(t *testing.T) {
	t.Parallel()
	tests := []struct {
		key, name     string
		is, equalFold bool // Of "size".
	}{
		{`"size"`, "size", true, true},
		{`"\u0073ize"`, "size", true, true},
		{`"Size"`, "Size", false, true},
		{`"\u0053IZE"`, "SIZE", false, true},
		{`"ſize"`, "ſize", false, true}, // Unicode's folding, like encoding/json.
		{`"sizes"`, "sizes", false, false},
		{`"\ud800"`, "\uFFFD", false, false},
		{"\"\xff\"", "\xff", false, false},
		{`""`, "", false, false},
	}
	for _, test := range tests {
		f := parse(t, `{`+test.key+`:1}`)[0]
		if f.Name() != test.name || f.Is("size") != test.is || f.EqualFold("size") != test.equalFold || !f.Is(test.name) {
			t.Errorf("%s: Name %q, Is %t, EqualFold %t", test.key, f.Name(), f.Is("size"), f.EqualFold("size"))
		}
	}
}

func TestParseString(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`""`: "", `"a"`: "a", `"\u0061\n\"\\"`: "a\n\"\\", `"\ud83d\ude00"`: "😀", "\"\xff\"": "\xff", `"\ud800"`: "\uFFFD",
	}
	for value, want := range tests {
		if got, err := rawjson.ParseString(value); err != nil || got != want {
			t.Errorf("ParseString(%s) = %q, %v; want %q", value, got, err, want)
		}
	}
	for _, value := range []string{``, `"`, `1`, `null`, `{}`, `["a"]`} {
		if got, err := rawjson.ParseString(value); !errors.Is(err, rawjson.ErrMalformed) {
			t.Errorf("ParseString(%s) = %q, %v; want ErrMalformed", value, got, err)
		}
	}
}

func TestCheckAndCompact(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`{"a":1}`:                         `{"a":1}`,
		" {\r\n\t\"a b\" : \"\\\" c\"}\n": `{"a b":"\" c"}`,
		`"a\\"`:                           `"a\\"`,
		"\"\xff \" ":                      "\"\xff \"",
		` 1e2 `:                           `1e2`,
	}
	for text, want := range tests {
		got, err := rawjson.Compact([]byte(text))
		if err = errors.Join(err, rawjson.Check([]byte(text))); err != nil || got != want {
			t.Errorf("Compact(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		``, ` `, `{`, `{"a"}`, `{"a":1}{}`, `"`, `"\`, `"a\"`, `{'a':1}`, strings.Repeat(`[`, 20000),
	} {
		got, err := rawjson.Compact([]byte(text))
		if !errors.Is(err, rawjson.ErrMalformed) {
			t.Errorf("Compact(%.40q) = %q, %v; want ErrMalformed", text, got, err)
		}
		if err := rawjson.Check([]byte(text)); !errors.Is(err, rawjson.ErrMalformed) {
			t.Errorf("Check(%.40q) = %v; want ErrMalformed", text, err)
		}
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	tests := map[string]any{
		`"a<b>&\"c"`:         `a<b>&"c`,
		`7`:                  7,
		`9007199254740993`:   int64(9007199254740993),
		`{"a":"<","b":"\""}`: map[string]string{"b": "\"", "a": "<"},
	}
	for want, value := range tests {
		if got := rawjson.Encode(value); got != want {
			t.Errorf("Encode(%v) = %s, want %s", value, got, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a function was encoded")
		}
	}()
	rawjson.Encode(func() {})
}

func TestShift(t *testing.T) {
	t.Parallel()
	if got, want := (rawjson.Span{Start: 1, End: 3}).Shift(10), (rawjson.Span{Start: 11, End: 13}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
