package provider

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The functions below return null for the zero value.

func optionalString(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func optionalSize(size int64) types.Int64 {
	if size < 0 {
		return types.Int64Null()
	}
	return types.Int64Value(size)
}

func optionalTime(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

func optionalMap(values map[string]string) types.Map {
	if len(values) == 0 {
		return types.MapNull(types.StringType)
	}
	return mapValue(values)
}

// mapValue returns a map of strings; an empty one if values is empty.
func mapValue(values map[string]string) types.Map {
	elements := make(map[string]attr.Value, len(values))
	for key, value := range values {
		elements[key] = types.StringValue(value)
	}
	return types.MapValueMust(types.StringType, elements)
}

// stringsIn returns the elements of a list or set of known strings.
func stringsIn(elements []attr.Value) []string {
	var texts []string
	for _, element := range elements {
		if text, ok := element.(types.String); ok {
			texts = append(texts, text.ValueString())
		}
	}
	return texts
}

// textsOf returns the texts of a map of strings, nil if there are none.
func textsOf(m types.Map) map[string]string {
	var texts map[string]string
	for key, element := range m.Elements() {
		if text, ok := element.(types.String); ok {
			if texts == nil {
				texts = map[string]string{}
			}
			texts[key] = text.ValueString()
		}
	}
	return texts
}
