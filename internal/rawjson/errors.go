package rawjson

import "errors"

// ErrMalformed matches every error of this package but ErrTooMany: the text is not JSON, or the value has another shape
// than the caller asked for.
var ErrMalformed = errors.New("malformed JSON")

// ErrTooMany matches the error of an object with more fields than a Parser may read. Callers put the name of the object
// in front of its text.
var ErrTooMany = errors.New("too many fields")

// tooMany says which bound of a Parser an object exceeds, as a predicate.
type tooMany string

func (e tooMany) Error() string { return string(e) }

func (tooMany) Is(target error) bool { return target == ErrTooMany }

// shapeError says what is wrong with the shape of a value. Its text is a predicate without the text of ErrMalformed:
// callers put the name of the value in front of it.
type shapeError string

func (e shapeError) Error() string { return string(e) }

func (shapeError) Is(target error) bool { return target == ErrMalformed }
