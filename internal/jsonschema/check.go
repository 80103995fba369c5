package jsonschema

import (
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxContent is the size of the largest content that is checked, in bytes.
const MaxContent = 32 << 20

// contentLimits bounds the values of a content. At the limit, a check of values that are all wrong takes some hundred
// megabytes of memory.
var contentLimits = limits{values: 500_000, depth: 500}

// Check returns what is wrong with a content, in the order of its places; nothing if it is valid. A message begins with
// a JSONPath, such as "$.owners[0].email: must be a string, not a number". Content that is not JSON is one message. The
// same content has the same messages.
func (s *Schema) Check(content []byte) (found []string) {
	if len(content) > MaxContent {
		return []string{fmt.Sprintf("$: the content has %d bytes; at most %d can be checked", len(content), MaxContent)}
	}
	document, values, err := decode(content, contentLimits)
	if err != nil {
		return []string{fmt.Sprintf("$: the content %v", err)}
	}
	defer func() {
		if p := recover(); p != nil {
			found = []string{s.stopped(p)}
		}
	}()
	s.steps.decide(values)
	if s.inverse.Validate(document) != nil {
		return nil
	}
	s.steps.collect()
	var failed *jsonschema.ValidationError
	if err := s.compiled.Validate(document); errors.As(err, &failed) {
		return messages(document, failed)
	}
	return nil
}

// stopped says why a check ended in a panic.
func (s *Schema) stopped(p any) string {
	err, ok := p.(error)
	switch {
	case !ok || !errors.Is(err, errTooManySteps):
		return "$: the content cannot be checked against this schema" // A panic of the library.
	case s.steps.collecting:
		return "$: does not match the schema; there are too many errors to list them"
	}
	return "$: the check takes too long and was stopped; the schema has alternatives that this content makes expensive"
}
