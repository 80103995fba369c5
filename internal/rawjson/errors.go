package rawjson

import "errors"

// ErrMalformed matches every error of this package: the text is not JSON, or the value has another shape than the
// caller asked for.
var ErrMalformed = errors.New("malformed JSON")

// shapeError says what is wrong with the shape of a value. Its text is a predicate without the text of ErrMalformed:
// callers put the name of the value in front of it.
type shapeError string

func (e shapeError) Error() string { return string(e) }

func (shapeError) Is(target error) bool { return target == ErrMalformed }
