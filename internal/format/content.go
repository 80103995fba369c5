package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxContent is the largest content of a piece of metadata, in bytes.
const MaxContent = 16 << 20

// CheckContent returns an error if content cannot be stored: ErrEmpty if it has no bytes, one that wraps ErrTooLarge if
// it has more than MaxContent.
func CheckContent(content []byte) error {
	switch size := len(content); {
	case size == 0:
		return ErrEmpty
	case size > MaxContent:
		return fmt.Errorf("%w: the content has %d bytes, the limit is %d", ErrTooLarge, size, MaxContent)
	}
	return nil
}

// Media types that DetectMediaType tells apart.
const (
	mediaTypeJSON  = "application/json"
	mediaTypeText  = "text/plain"
	mediaTypeBytes = "application/octet-stream"
)

// DetectMediaType returns the media type of content: application/json for a JSON object or array, text/plain for other
// UTF-8 text, including a single JSON number or string, and application/octet-stream for anything else.
func DetectMediaType(content []byte) string {
	trimmed := bytes.TrimSpace(content)
	if len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Valid(trimmed) {
		return mediaTypeJSON
	}
	if utf8.Valid(content) && bytes.IndexByte(content, 0) < 0 {
		return mediaTypeText
	}
	return mediaTypeBytes
}

// IsText reports whether Terraform can hold content in a string without changing it: UTF-8 in normalisation form C.
func IsText(content []byte) bool {
	return utf8.Valid(content) && norm.NFC.IsNormal(content)
}
