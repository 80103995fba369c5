package manifesto

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxContent is the largest content of a piece of metadata, in bytes (section 9 of the design).
const MaxContent = 16 << 20

// Media types that DetectMediaType tells apart.
const (
	mediaTypeJSON  = "application/json"
	mediaTypeText  = "text/plain"
	mediaTypeBytes = "application/octet-stream"
)

// DetectMediaType says what content is: JSON objects and arrays are recognised, other UTF-8 text is
// plain text, and anything else is bytes. A lone JSON number or string reads as text.
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

// IsText reports whether content survives as a Terraform string, which is UTF-8 in normalisation form
// C: anything else would come back changed.
func IsText(content []byte) bool {
	return utf8.Valid(content) && norm.NFC.IsNormal(content)
}
