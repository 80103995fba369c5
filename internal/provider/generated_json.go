package provider

import (
	"bytes"
	"encoding/json"
	"regexp"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// Terraform writes a text that is JSON as jsonencode(…) when it generates a configuration. That has other bytes unless
// the text is what jsonencode writes: then its digest would change, and with it whatever relies on the digest.

// plainNumber matches numbers that jsonencode writes as they are. It also refuses some that it would not change.
var plainNumber = regexp.MustCompile(`^(0|-?[1-9]\d{0,14}|-?(0|[1-9]\d{0,14})\.\d{0,14}[1-9])$`)

// isRewrittenJSON reports whether a content is JSON text that a generated configuration may change. For numbers of
// unusual form it may report so in vain.
func isRewrittenJSON(content []byte) bool {
	if !json.Valid(content) || !format.IsText(content) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return true
	}
	encoded, err := json.Marshal(value) // It sorts the names and escapes <, > and &, as jsonencode does.
	return err != nil || !bytes.Equal(encoded, content) || !hasPlainNumbers(value)
}

// hasPlainNumbers reports whether jsonencode writes all numbers of a JSON value as they are.
func hasPlainNumbers(value any) bool {
	switch value := value.(type) {
	case json.Number:
		return plainNumber.MatchString(value.String())
	case []any:
		for _, element := range value {
			if !hasPlainNumbers(element) {
				return false
			}
		}
	case map[string]any:
		for _, element := range value {
			if !hasPlainNumbers(element) {
				return false
			}
		}
	}
	return true
}
