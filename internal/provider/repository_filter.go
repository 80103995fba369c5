package provider

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"golang.org/x/text/unicode/norm"
)

// typeFilter says which images of a repository, and which of their metadata, a look-up is about. The zero value lets
// everything pass.
type typeFilter struct {
	// has is a type that an image must have, and lacks one that it must not have; empty for none.
	has, lacks string
	// typ is the only type to show; empty for all.
	typ string
	// patterns are the types to show, if restricted; a type must match one of them.
	patterns   []string
	restricted bool
}

// selects reports whether the filter lets an image pass.
func (f typeFilter) selects(image manifesto.Image) bool {
	have := func(typ string) bool {
		return slices.ContainsFunc(image.Entries, func(e format.Entry) bool { return e.Type == typ })
	}
	return (f.has == "" || have(f.has)) && (f.lacks == "" || !have(f.lacks))
}

// shows reports whether metadata of a type is shown.
func (f typeFilter) shows(typ string) bool {
	if f.typ != "" && typ != f.typ {
		return false
	}
	return !f.restricted || slices.ContainsFunc(f.patterns, func(pattern string) bool { return matchType(pattern, typ) })
}

// decides reports whether it depends on metadata of a type which images are listed.
func (f typeFilter) decides(typ string) bool { return typ != "" && (typ == f.has || typ == f.lacks) }

// matchType reports whether a type matches a pattern, as path.Match does, but a slash is a character like any other:
// types are no paths. Terraform normalises the pattern, so that the normal form of the type is what it can mean.
func matchType(pattern, typ string) bool {
	matched, err := path.Match(withoutSlashes.Replace(pattern), withoutSlashes.Replace(norm.NFC.String(typ)))
	return err == nil && matched
}

// withoutSlashes replaces slashes by a character that no type should have.
var withoutSlashes = strings.NewReplacer("/", "\x00")

// isTypePattern accepts a pattern that matchType understands.
func isTypePattern() validator.String {
	return textValidator{"a type, or a pattern of types", func(text string) (string, string) {
		if text == "" {
			return "Empty type", "A type has at least one character. Write * to match all types."
		}
		if _, err := path.Match(withoutSlashes.Replace(text), ""); err != nil {
			return "Malformed pattern", fmt.Sprintf("%q is not a pattern of types: a bracket is not closed, a range has no "+
				"end, or nothing follows a backslash. * matches any text, ? one character, [a-z] one of a range; a backslash "+
				"before one of them takes away its meaning.", text)
		}
		return "", ""
	}}
}
