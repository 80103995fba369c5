package jsonschema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxSchema is the size of the largest schema, in bytes.
const MaxSchema = 4 << 20

// schemaLimits bounds the values of a schema. The compiler looks each subschema up in a list of all of them.
var schemaLimits = limits{values: 100_000, depth: 200}

var (
	// ErrInvalid means that a text is not a JSON Schema.
	ErrInvalid = errors.New("not a JSON Schema")
	// ErrExternal means that a schema refers to another schema, which is not fetched. It wraps ErrInvalid.
	ErrExternal = fmt.Errorf("%w: no schema is fetched from the network or from files", ErrInvalid)
)

// Schema is a compiled JSON Schema. It must not be used by two goroutines at the same time.
type Schema struct {
	compiled *jsonschema.Schema
	// inverse matches what compiled does not match. Checking it collects no errors.
	inverse *jsonschema.Schema
	steps   *stepCounter
}

const (
	// base is the address of a schema without an $id. Relative references are resolved against it.
	base = "schema:///"
	// inverse is the address of a schema that matches what the schema at base does not.
	inverse = "schema:///?inverse"
)

// Compile reads a schema. Drafts 4 to 2020-12 are known; a schema without $schema is of 2020-12. Formats, such as
// date-time, are checked in all of them. References may lead to parts of the schema itself and to the drafts' own
// schemas. The error wraps ErrInvalid.
func Compile(text string) (schema *Schema, err error) {
	if len(text) > MaxSchema {
		return nil, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrInvalid, len(text), MaxSchema)
	}
	document, _, err := decode([]byte(text), schemaLimits)
	if err != nil {
		return nil, fmt.Errorf("%w: it %w", ErrInvalid, err)
	}
	switch document.(type) {
	case map[string]any, bool:
	default:
		return nil, fmt.Errorf("%w: it is %s; a schema is an object, or true or false", ErrInvalid, kindOf(document))
	}
	defer func() {
		if p := recover(); p != nil { // The library panics on some malformed schemas.
			schema, err = nil, fmt.Errorf("%w: it cannot be compiled: %v", ErrInvalid, p)
		}
	}()
	// With a vocabulary, the library checks only a part of a schema of draft 2019-09. So the schema is compiled without
	// one first.
	if _, err = compile(newCompiler(), base, document); err != nil {
		return nil, err
	}
	schema = &Schema{steps: &stepCounter{}}
	c := newCompiler()
	c.RegisterVocabulary(schema.steps.vocabulary())
	c.AssertVocabs()
	if schema.compiled, err = compile(c, base, document); err != nil {
		return nil, err
	}
	schema.inverse, err = compile(c, inverse, map[string]any{"not": map[string]any{"$ref": base}})
	return schema, err
}

func newCompiler() *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	return c
}

func compile(c *jsonschema.Compiler, address string, document any) (*jsonschema.Schema, error) {
	if err := c.AddResource(address, document); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	compiled, err := c.Compile(address)
	if err != nil {
		return nil, explain(document, err)
	}
	return compiled, nil
}

// noLoader refuses to load schemas.
type noLoader struct{}

var errNotLoaded = errors.New("not loaded")

// Load implements jsonschema.URLLoader.
func (noLoader) Load(string) (any, error) { return nil, errNotLoaded }

// explain says what is wrong with a schema.
func explain(document any, err error) error {
	if external, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return fmt.Errorf("%w, and it refers to %q; put that schema into $defs and refer to it by \"#/$defs/NAME\"",
			ErrExternal, shorten(strings.TrimPrefix(external.URL, base)))
	}
	if found, ok := errors.AsType[*jsonschema.ValidationError](metaError(err)); ok {
		return fmt.Errorf("%w: %s", ErrInvalid, strings.Join(messages(document, found), "; "))
	}
	return fmt.Errorf("%w: %s", ErrInvalid, shorten(strings.ReplaceAll(err.Error(), base, "")))
}

// metaError returns what the draft's own schema says of a whole schema; nil for other errors.
func metaError(err error) error {
	invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err)
	if !ok {
		return nil
	}
	if _, pointer, _ := strings.Cut(invalid.URL, "#"); pointer != "" {
		return nil // The paths would be those in a part of the schema.
	}
	return invalid.Err
}
