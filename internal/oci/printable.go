package oci

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns foreign text, of a registry, an image or a bundle, in a form that a terminal shows as one line.
// White space becomes a space. Everything else that does not print becomes a question mark: control characters and the
// escape sequences that they begin, characters that change the direction of text or are invisible, and bytes that are
// not UTF-8.
func Printable(s string) string {
	if isPrintable(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != nextLine:
			return ' '
		case unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		}
		return '?'
	}, s)
}

// nextLine is a C1 control character that counts as white space.
const nextLine = '\u0085'

func isPrintable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return false
		}
	}
	return true
}
