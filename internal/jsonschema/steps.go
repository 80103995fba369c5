package jsonschema

import (
	"errors"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/message"
)

// Bounds of one check. A recursive schema with alternatives doubles the work with each level of content that matches
// none, so that a few hundred bytes would take forever. The library keeps the errors of all alternatives, at half a
// kilobyte for a step; if they are collected, each also has a copy of its path.
const (
	decideSteps      = 200_000
	decideStepsValue = 4 // More for each value of the content.
	collectCost      = 10_000_000
	collectCostStep  = 16
)

// errTooManySteps ends a check. It travels as a panic, because the library cannot be interrupted otherwise.
var errTooManySteps = errors.New("too many steps")

// stepCounter adds up what applying schemas to values costs.
type stepCounter struct {
	cost, limit int
	// collecting means that errors are collected.
	collecting bool
}

// decide begins to count for a check that only finds out whether a content of some values is valid.
func (c *stepCounter) decide(values int) {
	*c = stepCounter{limit: decideSteps + values*decideStepsValue}
}

// collect begins to count for a check that collects errors.
func (c *stepCounter) collect() {
	*c = stepCounter{limit: collectCost, collecting: true}
}

// add counts the application of a schema to a value at a depth.
func (c *stepCounter) add(depth int) {
	if c.collecting {
		c.cost += collectCostStep + depth
	} else {
		c.cost++
	}
	if c.cost > c.limit {
		panic(errTooManySteps)
	}
}

// vocabulary returns an extension of all schemas that counts steps and checks propertyNames. The library's own check of
// propertyNames reports errors at places of other values.
func (c *stepCounter) vocabulary() *jsonschema.Vocabulary {
	return &jsonschema.Vocabulary{
		URL: "schema:///vocabulary",
		Compile: func(context *jsonschema.CompilerContext, object map[string]any) (jsonschema.SchemaExt, error) {
			step := &step{counter: c}
			switch object["propertyNames"].(type) {
			case map[string]any, bool:
				step.names = context.Enqueue([]string{"propertyNames"})
			}
			return step, nil
		},
	}
}

// step is what the vocabulary adds to one schema.
type step struct {
	counter *stepCounter
	// names is the schema of propertyNames; nil without one.
	names *jsonschema.Schema
}

// Validate implements jsonschema.SchemaExt.
func (s *step) Validate(context *jsonschema.ValidatorContext, value any) {
	s.counter.add(len(context.ValueLocation()))
	object, ok := value.(map[string]any)
	if !ok || s.names == nil || s.names.DraftVersion < 6 { // Draft 4 does not have the keyword.
		return
	}
	for name := range object {
		var found *jsonschema.ValidationError
		if err := context.Validate(s.names, name, []string{name}); errors.As(err, &found) {
			context.AddErr(&jsonschema.ValidationError{
				InstanceLocation: append(slices.Clone(context.ValueLocation()), name),
				ErrorKind:        &nameError{},
				Causes:           []*jsonschema.ValidationError{found},
			})
		}
	}
}

// nameError is the error of a property whose name does not match propertyNames.
type nameError struct{}

// KeywordPath implements jsonschema.ErrorKind.
func (*nameError) KeywordPath() []string { return []string{"propertyNames"} }

// LocalizedString implements jsonschema.ErrorKind.
func (*nameError) LocalizedString(*message.Printer) string { return "invalid property name" }
