//go:build !race

// The race detector makes these tests ten times slower and has nothing to find in one goroutine. make test runs them
// without it.

package jsonschema

import (
	"strings"
	"testing"
	"time"
)

// Content with as many values as are checked, all of them wrong, and schemas that make each value costly.
func TestLargeContent(t *testing.T) {
	t.Parallel()
	numbers := "[" + strings.Repeat("1,", contentLimits.values-1) + "1]"
	objects := "[" + strings.Repeat(`{"a":1},`, contentLimits.values/2-3) + `{"a":1}]`
	for name, test := range map[string]struct{ schema, content string }{
		"numbers":      {`{"items":{"type":"null"}}`, numbers},
		"objects":      {`{"items":{"required":["b"],"properties":{"a":{"const":2}}}}`, objects},
		"alternatives": {`{"items":{"anyOf":[{"const":2},{"const":3},{"const":4}]}}`, numbers},
		"text":         {`{"pattern":"^(a+)+$","minLength":1}`, `"` + strings.Repeat("a", MaxContent-3) + `b"`},
		"too large":    {`true`, strings.Repeat(" ", MaxContent) + "1"},
		"too many":     {`true`, "[" + strings.Repeat("[],", contentLimits.values) + "1]"},
	} {
		start := time.Now()
		if found := compiled(t, test.schema).Check([]byte(test.content)); len(found) == 0 {
			t.Errorf("%s: nothing is wrong", name)
		}
		t.Log(name, time.Since(start))
	}
}
