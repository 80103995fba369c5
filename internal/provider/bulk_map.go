package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// textMap is a map of texts with many elements. The framework never converts it: attributes of this kind are opaque.
type textMap struct {
	null, unknown bool
	// texts are the known elements.
	texts map[string]string
	// unknowns and nulls are the keys of the other elements.
	unknowns map[string]bool
	nulls    []string
}

// textMapType is the type of a textMap in the protocol.
var textMapType = tftypes.Map{ElementType: tftypes.String}

// textMapAttribute is an attribute with a textMap. Its schema has no validators and no plan modifiers.
func textMapAttribute(description string, computed bool) schema.MapAttribute {
	return schema.MapAttribute{
		MarkdownDescription: description,
		ElementType:         types.StringType,
		CustomType:          opaqueMapType{basetypes.MapType{ElemType: types.StringType}},
		Optional:            !computed,
		Computed:            computed,
	}
}

// newTextMap returns a known map.
func newTextMap(texts map[string]string) textMap {
	if texts == nil {
		texts = map[string]string{}
	}
	return textMap{texts: texts}
}

// textMap decodes an attribute.
func (d *objectDecoder) textMap(name string) (m textMap) {
	switch value := d.values[name]; {
	case !value.IsKnown():
		return textMap{unknown: true}
	case value.IsNull():
		return textMap{null: true}
	}
	var elements map[string]tftypes.Value
	d.known(name, &elements)
	m.texts = make(map[string]string, len(elements))
	for key, element := range elements {
		switch {
		case !element.IsKnown():
			m.setUnknown(key)
		case element.IsNull():
			m.nulls = append(m.nulls, key)
		default:
			var text string
			if err := element.As(&text); err != nil && d.err == nil {
				d.err = err
			}
			m.texts[key] = text
		}
	}
	slices.Sort(m.nulls)
	return m
}

// setUnknown makes an element unknown.
func (m *textMap) setUnknown(key string) {
	if m.unknowns == nil {
		m.unknowns = map[string]bool{}
	}
	m.unknowns[key] = true
}

// len returns the number of elements; 0 for a map that is null or unknown.
func (m textMap) len() int { return len(m.texts) + len(m.unknowns) + len(m.nulls) }

// value returns the map as the protocol has it.
func (m textMap) value() tftypes.Value {
	switch {
	case m.unknown:
		return tftypes.NewValue(textMapType, tftypes.UnknownValue)
	case m.null:
		return tftypes.NewValue(textMapType, nil)
	}
	elements := make(map[string]tftypes.Value, m.len())
	for key, text := range m.texts {
		elements[key] = tftypes.NewValue(tftypes.String, text)
	}
	for key := range m.unknowns {
		elements[key] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	}
	for _, key := range m.nulls {
		elements[key] = tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(textMapType, elements)
}
