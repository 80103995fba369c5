package provider

import (
	"encoding/json"
	"math/big"
	"strings"
	"unicode"
)

// Terraform and OpenTofu generate configurations for what an import or a query has found. They write a text that is a
// JSON document as a call of jsonencode, which gives the same values in a spelling of its own: other bytes have another
// digest, and a signature of them is void. This file finds out which texts such a configuration gives back unchanged.

const (
	// maxGenerated is the size in bytes up to which a JSON document may become a call of jsonencode.
	maxGenerated = 1 << 20
	// maxNesting is how deep the lists and objects of such a document may be nested.
	maxNesting = 100
)

// survivesGeneration reports whether a generated configuration gives a text back unchanged, as far as that can be
// proved.
func survivesGeneration(text string) bool {
	trimmed := strings.TrimSpace(text) // OpenTofu trims a text before it looks for JSON, Terraform does not.
	if trimmed == "null" || isDocument(trimmed) {
		return trimmed == text && isCanonical(text)
	}
	return true
}

// isDocument reports whether a generator may take a text for a JSON object or array: it reads one value, with a
// tokenizer that is more lenient than the grammar of JSON, and then asks whether another one follows.
func isDocument(text string) bool {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return !decoder.More()
		}
	}
}

// isCanonical reports whether jsonencode gives back exactly this JSON document when it gets the value that the document
// stands for: without spaces, with the keys of each object in order and different, and with the same spelling of
// strings and numbers.
func isCanonical(text string) bool {
	if len(text) > maxGenerated {
		return false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document any
	if decoder.Decode(&document) != nil {
		return false
	}
	// Like jsonencode, Marshal sorts keys and escapes <, > and &. It keeps numbers as they are spelled.
	encoded, err := json.Marshal(document)
	return err == nil && string(encoded) == text && isPlain(document, maxNesting)
}

// isPlain reports whether the parts of a JSON document are spelled alike by every version of the generators and of
// jsonencode.
func isPlain(value any, nesting int) bool {
	switch value := value.(type) {
	case json.Number:
		return isPlainNumber(value.String())
	case string:
		return isPlainString(value)
	case []any:
		for _, element := range value {
			if nesting == 0 || !isPlain(element, nesting-1) {
				return false
			}
		}
	case map[string]any:
		for key, element := range value {
			// A generated object that begins with the key "for" reads as a for expression.
			if nesting == 0 || key == "for" || !isPlainString(key) || !isPlain(element, nesting-1) {
				return false
			}
		}
	}
	return true
}

// isPlainString reports whether a string of a JSON document has no control character but those with a common escape.
// Versions of Go, and so of jsonencode, spell the others differently.
func isPlainString(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}

// isPlainNumber reports whether Terraform's numbers, which have 512 bits, give back a number as it is spelled: without
// an exponent, superfluous zeros, or digits beyond that precision.
func isPlainNumber(text string) bool {
	const maxDigits = 150
	if len(text) > maxDigits || strings.ContainsAny(text, "eE") || text == "-0" {
		return false
	}
	number, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	return err == nil && number.Text('f', -1) == text
}
