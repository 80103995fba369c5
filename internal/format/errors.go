package format

import "errors"

// Errors of a stored manifesto, and of content that is to be stored.
var (
	// ErrMalformed: the document is not the JSON that the stored format describes.
	ErrMalformed = errors.New("malformed manifesto")
	// ErrNotManifesto: the tag does not hold an image with a file /data.
	ErrNotManifesto = errors.New("not a manifesto")
	// ErrTooLarge: a document, a layer or the content of a piece of metadata exceeds its limit.
	ErrTooLarge = errors.New("over the limit")
	// ErrEmpty: the content of a piece of metadata has no bytes.
	ErrEmpty = errors.New("content is empty")
)
