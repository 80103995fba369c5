package jsonschema

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// plainName matches a name that needs no quotes in a JSONPath.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)

// pathOf returns the JSONPath of a place, which the library names by fields and indexes alike.
func pathOf(document any, tokens []string) string {
	var text strings.Builder
	text.WriteByte('$')
	for _, token := range tokens {
		switch around := document.(type) {
		case []any:
			text.WriteString("[" + token + "]")
			document = nil
			if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(around) {
				document = around[i]
			}
			continue
		case map[string]any:
			document = around[token]
		}
		if plainName.MatchString(token) {
			text.WriteString("." + token)
		} else {
			text.WriteString("[" + quote(token) + "]")
		}
	}
	return text.String()
}

// comparePaths orders places: elements by their index, fields by their name, and a value before what is in it.
func comparePaths(a, b []string) int {
	return slices.CompareFunc(a, b, func(a, b string) int {
		i, errA := strconv.Atoi(a)
		j, errB := strconv.Atoi(b)
		switch {
		case errA == nil && errB == nil && i != j:
			return cmp.Compare(i, j)
		case (errA == nil) != (errB == nil):
			if errA == nil {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}

// quote returns a text in quotes, in a form that is safe to show on a terminal.
func quote(text string) string { return strconv.Quote(shorten(text)) }

// shorten cuts a long text.
func shorten(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
