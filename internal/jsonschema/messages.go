package jsonschema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

const (
	// maxMessages bounds the messages of one check.
	maxMessages = 100
	// maxAlternatives bounds the alternatives of which a message says why they do not match.
	maxAlternatives = 5
)

// messages returns the messages of a failed validation: sorted by place, and without repetitions.
func messages(document any, failed *jsonschema.ValidationError) []string {
	errs := leaves(failed, nil)
	if len(errs) == 0 {
		return []string{"$: does not match the schema"}
	}
	slices.SortStableFunc(errs, func(a, b *jsonschema.ValidationError) int {
		return comparePaths(a.InstanceLocation, b.InstanceLocation)
	})
	var all []string
	for len(errs) > 0 && len(all) <= maxMessages {
		here := 1
		for here < len(errs) && slices.Equal(errs[0].InstanceLocation, errs[here].InstanceLocation) {
			here++
		}
		var texts []string
		for _, err := range errs[:here] {
			texts = append(texts, pathOf(document, err.InstanceLocation)+": "+rule(document, err, true))
		}
		slices.Sort(texts)
		all = append(all, slices.Compact(texts)...)
		errs = errs[here:]
	}
	if len(all) > maxMessages {
		return append(all[:maxMessages], "$: there are more errors, which are not listed")
	}
	return all
}

// leaves appends the errors that say something on their own.
func leaves(err *jsonschema.ValidationError, found []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch err.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range err.Causes {
			found = leaves(cause, found)
		}
		return found
	case *kind.PropertyNames:
		return found // Its place may be wrong. A nameError is beside it.
	}
	return append(found, err)
}

// alternatives says why each of the alternatives of anyOf or oneOf does not match.
func alternatives(document any, err *jsonschema.ValidationError, keyword string, detailed bool) string {
	text := fmt.Sprintf("matches none of the %d alternatives of %s", len(err.Causes), keyword)
	if !detailed {
		return text
	}
	for i, alternative := range err.Causes {
		if i == maxAlternatives {
			return text + "; …"
		}
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		text += fmt.Sprintf("%s(%d) %s", separator, i+1, first(document, alternative, err.InstanceLocation))
	}
	return text
}

// first returns the first message of a part of a failed validation, without the place if that is the given one.
func first(document any, err *jsonschema.ValidationError, place []string) string {
	var texts []string
	errs := leaves(err, nil)
	slices.SortStableFunc(errs, func(a, b *jsonschema.ValidationError) int {
		return comparePaths(a.InstanceLocation, b.InstanceLocation)
	})
	for _, leaf := range errs {
		if !slices.Equal(leaf.InstanceLocation, errs[0].InstanceLocation) {
			break
		}
		texts = append(texts, rule(document, leaf, false))
	}
	if len(texts) == 0 {
		return "does not match"
	}
	text := slices.Min(texts)
	if !slices.Equal(errs[0].InstanceLocation, place) {
		text = pathOf(document, errs[0].InstanceLocation) + " " + text
	}
	return text
}

// list joins names in quotes, sorted, and shows the first of many.
func list(names []string) string {
	const most = 10
	sorted := slices.Sorted(slices.Values(names))
	more := ""
	if len(sorted) > most {
		more = fmt.Sprintf(" and %d more", len(sorted)-most)
		sorted = sorted[:most]
	}
	for i, name := range sorted {
		sorted[i] = quote(name)
	}
	return strings.Join(sorted, ", ") + more
}
