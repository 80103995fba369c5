package provider

import (
	"context"
	"fmt"
	"math/big"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// decode sets the model to a configuration, a plan or a state. It does what the framework's Get does, which finds the
// fields by reflection and compiles a regular expression for each: a tenth of the time of a plan.
func (m *metadataModel) decode(ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics) {
	d := objectDecoder{ctx: ctx}
	d.err = raw.As(&d.values)
	*m = metadataModel{
		subjectModel: d.subject(),
		entryModel: entryModel{
			Digest: d.text("digest"), Size: d.integer("size"), MediaType: d.text("media_type"), Created: d.text("created"),
			Annotations: decodeAs[types.Map](&d, "annotations", types.MapType{ElemType: types.StringType}),
			Content:     d.text("content"), ContentBase64: d.text("content_base64"),
		},
		signatureModel: d.signature(),
		Type:           d.text("type"), Source: d.text("source"), JSONSchema: d.text("json_schema"),
		ContentWO: d.text("content_wo"), ContentWOVersion: d.integer("content_wo_version"),
		OnTagMove: d.text("on_tag_move"), Overwrite: d.boolean("overwrite"), KeepOnDestroy: d.boolean("keep_on_destroy"),
		Timeouts: decodeAs[timeouts.Value](&d, "timeouts", timeoutsType()), Pinned: d.boolean("pinned"),
	}
	d.report(diags)
}

// timeoutsType is the type of the attribute timeouts.
var timeoutsType = sync.OnceValue(func() attr.Type { return timeoutsAttribute(context.Background()).GetType() })

// objectDecoder decodes the attributes of an object. It keeps the first error.
type objectDecoder struct {
	ctx    context.Context //nolint:containedctx // It lives as long as one call of decode.
	values map[string]tftypes.Value
	err    error
}

// report adds the first error to diagnostics.
func (d *objectDecoder) report(diags *diag.Diagnostics) {
	if d.err != nil {
		diags.AddError("Unreadable value", sentence(d.err)+" This is a bug of the provider.")
	}
}

// subject decodes the attributes that say which image an object is about.
func (d *objectDecoder) subject() subjectModel {
	return subjectModel{
		Image: d.text("image"), Platform: d.text("platform"), ID: d.text("id"), Registry: d.text("registry"),
		Repository: d.text("repository"), ImageDigest: d.text("image_digest"),
	}
}

// signature decodes the attributes that say how a piece is published and signed.
func (d *objectDecoder) signature() signatureModel {
	return signatureModel{
		ArtifactType: d.text("artifact_type"), ArtifactDigest: d.text("artifact_digest"), Sign: d.boolean("sign"),
		SignatureDigest: d.text("signature_digest"), SignedBy: d.text("signed_by"), SignedAt: d.text("signed_at"),
		ExpiresAt: d.text("expires_at"),
	}
}

// known decodes an attribute that is neither null nor unknown.
func (d *objectDecoder) known(name string, target any) {
	if err := d.values[name].As(target); err != nil && d.err == nil {
		d.err = fmt.Errorf("%s: %w", name, err)
	}
}

func (d *objectDecoder) text(name string) types.String {
	switch value := d.values[name]; {
	case !value.IsKnown():
		return types.StringUnknown()
	case value.IsNull():
		return types.StringNull()
	}
	var text string
	d.known(name, &text)
	return types.StringValue(text)
}

func (d *objectDecoder) boolean(name string) types.Bool {
	switch value := d.values[name]; {
	case !value.IsKnown():
		return types.BoolUnknown()
	case value.IsNull():
		return types.BoolNull()
	}
	var boolean bool
	d.known(name, &boolean)
	return types.BoolValue(boolean)
}

func (d *objectDecoder) integer(name string) types.Int64 {
	switch value := d.values[name]; {
	case !value.IsKnown():
		return types.Int64Unknown()
	case value.IsNull():
		return types.Int64Null()
	}
	var number big.Float
	d.known(name, &number)
	integer, accuracy := number.Int64()
	if accuracy != big.Exact && d.err == nil {
		d.err = fmt.Errorf("%s: %s is not a 64-bit integer", name, number.String())
	}
	return types.Int64Value(integer)
}

// decodeAs decodes an attribute of a type that the framework decodes.
func decodeAs[T attr.Value](d *objectDecoder, name string, typ attr.Type) (value T) {
	decoded, err := typ.ValueFromTerraform(d.ctx, d.values[name])
	if err == nil {
		var ok bool
		if value, ok = decoded.(T); !ok {
			err = fmt.Errorf("it is a %T", decoded)
		}
	}
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("%s: %w", name, err)
	}
	return value
}
