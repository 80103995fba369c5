package rawjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// Limits.Check counts values and not what strings look like. Text that is no JSON is left to the decoder.
func TestLimits(t *testing.T) {
	limits := rawjson.Limits{List: 3, Total: 8}
	for text, says := range map[string]string{
		`[1,2,3]`:                       "",
		`[1,2,3,4]`:                     "more than 3 values",
		`{"a":1,"b":2,"c":3}`:           "",
		`{"a":1,"b":2,"c":3,"d":4}`:     "a list or an object of more than 3 values",
		`[[1,2],[1,2],[1,2]]`:           "has more than 8 values",
		`[[1,2],[1,2],3]`:               "",
		`[",,,,[[[[","\",,,,","\\"]`:    "",
		`[",,,,[[[[","\",,,,","\\",1]`:  "more than 3 values",
		strings.Repeat("]", 200) + `[1`: "",
		`{"":`:                          "",
		`"\`:                            "",
		``:                              "",
		`1,2,3,4,5,6,7,8,9,10`:          "",
	} {
		err := limits.Check([]byte(text))
		if (err != nil) != (says != "") || err != nil &&
			(!strings.Contains(err.Error(), says) || !errors.Is(err, rawjson.ErrTooMany)) {
			t.Errorf("%.50s: %v, want %q", text, err, says)
		}
	}
	deep := []byte(strings.Repeat(`{"":`, 101))
	if err := (rawjson.Limits{}).Check(deep); !errors.Is(err, rawjson.ErrTooMany) {
		t.Errorf("an object in 100 others: %v", err)
	}
	many := []byte("[" + strings.Repeat("{},", 1<<20) + "{}]")
	if n := testing.AllocsPerRun(1, func() {
		if err := (rawjson.Limits{}).Check(many); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
