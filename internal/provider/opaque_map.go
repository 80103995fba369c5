package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

var (
	_ basetypes.MapTypable  = opaqueMapType{}
	_ basetypes.MapValuable = opaqueMap{}
)

// opaqueMapType is the type of a large computed map. Its values stay in the form in which the protocol carries them, so
// that the framework does not convert and compare hundreds of thousands of elements that it has nothing to do for.
type opaqueMapType struct {
	basetypes.MapType
}

// opaqueMap is a value of an opaqueMapType. To the framework it looks like a null map.
type opaqueMap struct {
	basetypes.MapValue
	typ opaqueMapType
	// raw is nil in the zero value only.
	raw *tftypes.Value
}

// Equal implements attr.Type.
func (t opaqueMapType) Equal(other attr.Type) bool {
	o, ok := other.(opaqueMapType)
	return ok && t.MapType.Equal(o.MapType)
}

// String implements attr.Type.
func (t opaqueMapType) String() string { return "opaque " + t.MapType.String() }

// ValueType implements attr.Type.
func (t opaqueMapType) ValueType(context.Context) attr.Value { return opaqueMap{} }

// ValueFromMap implements basetypes.MapTypable.
func (t opaqueMapType) ValueFromMap(
	ctx context.Context, value basetypes.MapValue,
) (basetypes.MapValuable, diag.Diagnostics) {
	var diags diag.Diagnostics
	raw, err := value.ToTerraformValue(ctx)
	if err != nil {
		diags.AddError("Unreadable value", sentence(err))
	}
	return opaqueMap{basetypes.NewMapNull(t.ElemType), t, &raw}, diags
}

// ValueFromTerraform implements attr.Type.
func (t opaqueMapType) ValueFromTerraform(_ context.Context, raw tftypes.Value) (attr.Value, error) {
	return opaqueMap{basetypes.NewMapNull(t.ElemType), t, &raw}, nil
}

// Type implements attr.Value.
func (v opaqueMap) Type(context.Context) attr.Type { return v.typ }

// ToTerraformValue implements attr.Value.
func (v opaqueMap) ToTerraformValue(ctx context.Context) (tftypes.Value, error) {
	if v.raw == nil {
		return v.MapValue.ToTerraformValue(ctx)
	}
	return *v.raw, nil
}

// Equal implements attr.Value.
func (v opaqueMap) Equal(other attr.Value) bool {
	o, ok := other.(opaqueMap)
	switch {
	case !ok:
		return false
	case v.raw == o.raw: // The framework compares a value with itself.
		return true
	}
	return v.raw != nil && o.raw != nil && v.raw.Equal(*o.raw)
}
