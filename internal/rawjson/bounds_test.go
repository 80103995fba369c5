package rawjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// A Parser with bounds refuses an object with too many fields, and one beyond the total. The error is not ErrMalformed.
func TestParserBounds(t *testing.T) {
	p := rawjson.Parser{MaxObject: 2, MaxTotal: 5}
	for _, step := range []struct {
		value, says string
	}{
		{`{"a":1,"b":2}`, ""},
		{`{"a":1,"b":2,"c":3}`, "more than 2 fields"},
		{`null`, ""},
		{`{}`, ""},
		{`{"a":1,"b":2}`, ""},
		{`{"a":1,"b":2}`, "5 fields in total"},
	} {
		o, err := p.Object(step.value)
		if step.says == "" {
			if err != nil || (o == nil) != (step.value == "null") || step.value != string(o.AppendTo(nil)) {
				t.Errorf("%s: %v, %v", step.value, o, err)
			}
			continue
		}
		if !errors.Is(err, rawjson.ErrTooMany) || errors.Is(err, rawjson.ErrMalformed) ||
			!strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: %v, want %q", step.value, err, step.says)
		}
	}
	if err := new(rawjson.Parser).Count(1 << 30); err != nil {
		t.Errorf("a Parser without bounds: %v", err)
	}
}
