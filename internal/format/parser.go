package format

import (
	"fmt"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/rawjson"
)

// parser splits a document into its parts.
type parser struct {
	rawjson.Parser
	// records are the entries of the current image, in a slice that the next image reuses.
	records []record
}

// object splits an object into its fields. what describes the object in errors; known lists the keys that must be
// unique.
func (p *parser) object(value string, what func() string, known ...string) (rawjson.Object, error) {
	fields, err := p.Object(value, known...)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %w", ErrMalformed, what(), err)
	}
	return fields, nil
}

// eachElement calls visit with each element of an array. what describes the array in errors. It returns an error of
// visit as it is.
func eachElement(value string, what func() string, visit func(element string) error) error {
	var visitErr error
	err := rawjson.EachElement(value, func(element string, _ rawjson.Span) error {
		visitErr = visit(element)
		return visitErr
	})
	if err != nil && visitErr == nil {
		return fmt.Errorf("%w: %s %w", ErrMalformed, what(), err)
	}
	return err
}
