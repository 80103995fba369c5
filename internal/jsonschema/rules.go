package jsonschema

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// rule says which rule of the schema a value breaks. The library's own text repeats the value, which may be a secret;
// this one has values of the schema and names of properties only. The text of alternatives is detailed on request.
func rule(document any, err *jsonschema.ValidationError, detailed bool) string {
	switch k := err.ErrorKind.(type) {
	case *kind.AnyOf:
		return alternatives(document, err, "anyOf", detailed)
	case *kind.OneOf:
		if len(k.Subschemas) > 1 {
			return fmt.Sprintf("matches the alternatives %d and %d of oneOf; only one may match",
				k.Subschemas[0]+1, k.Subschemas[1]+1)
		}
		return alternatives(document, err, "oneOf", detailed)
	case *kind.Not:
		return "matches the schema in not, which forbids it"
	case *kind.FalseSchema:
		return "is not allowed"
	case *kind.RefCycle:
		return "cannot be checked: the schema refers to itself without an end"
	case *nameError:
		return "has a name that " + first(document, err.Causes[0], err.InstanceLocation)
	}
	for _, rule := range []func(jsonschema.ErrorKind) string{valueRule, containerRule, scalarRule} {
		if text := rule(err.ErrorKind); text != "" {
			return text
		}
	}
	return "does not match the schema"
}

// valueRule is rule for all kinds of values. It returns "" for other rules.
func valueRule(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("must be %s, not %s", strings.Join(articles(k.Want), " or "), article(k.Got))
	case *kind.Enum:
		if len(k.Want) == 1 {
			return "must be " + value(k.Want[0])
		}
		return "must be one of " + values(k.Want)
	case *kind.Const:
		return "must be " + value(k.Want)
	case *kind.Format:
		return "must have the format " + quote(k.Want)
	case *kind.Pattern:
		return "must match the pattern " + quote(k.Want)
	}
	return ""
}

// containerRule is rule for objects and arrays. It returns "" for other rules.
func containerRule(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Required:
		return "lacks " + list(k.Missing)
	case *kind.Dependency:
		return fmt.Sprintf("has %s and lacks %s, which must be beside it", quote(k.Prop), list(k.Missing))
	case *kind.DependentRequired:
		return fmt.Sprintf("has %s and lacks %s, which must be beside it", quote(k.Prop), list(k.Missing))
	case *kind.AdditionalProperties:
		return "must not have " + list(k.Properties)
	case *kind.MinProperties:
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "property", "properties"), k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "property", "properties"), k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %s, not %d", count(k.Want, "element", "elements"), k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %s, not %d", count(k.Want, "element", "elements"), k.Got)
	case *kind.AdditionalItems:
		return "has " + count(k.Count, "element", "elements") + " too many"
	case *kind.UniqueItems:
		return fmt.Sprintf("must not have equal elements, such as those at %d and %d", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return "has no element that matches the schema in contains"
	case *kind.MinContains:
		return fmt.Sprintf("must have at least %s like the schema in contains, not %d",
			count(k.Want, "element", "elements"), len(k.Got))
	case *kind.MaxContains:
		return fmt.Sprintf("must have at most %s like the schema in contains, not %d",
			count(k.Want, "element", "elements"), len(k.Got))
	}
	return ""
}

// scalarRule is rule for texts and numbers. It returns "" for other rules.
func scalarRule(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MinLength:
		return "must have at least " + count(k.Want, "character", "characters")
	case *kind.MaxLength:
		return "must have at most " + count(k.Want, "character", "characters")
	case *kind.Minimum:
		return "must be at least " + number(k.Want)
	case *kind.Maximum:
		return "must be at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + number(k.Want)
	}
	return ""
}

// article puts an article before the name of a type of JSON.
func article(typ string) string {
	switch typ {
	case "null":
		return typ
	case "array", "object", "integer":
		return "an " + typ
	}
	return "a " + typ
}

func articles(types []string) []string {
	with := make([]string, len(types))
	for i, typ := range types {
		with[i] = article(typ)
	}
	return with
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func number(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// value shows a value of the schema as JSON.
func value(v any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "a value of the schema"
	}
	return oci.Printable(shorten(strings.TrimSpace(text.String())))
}

func values(all []any) string {
	const most = 10
	more := ""
	if len(all) > most {
		more = fmt.Sprintf(" and %d more", len(all)-most)
		all = all[:most]
	}
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = value(v)
	}
	return strings.Join(texts, ", ") + more
}
