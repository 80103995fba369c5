package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

var (
	_ validator.String = hostValidator{}
	_ validator.String = referenceValidator{}
	_ validator.String = platformValidator{}
	_ validator.String = base64Validator{}
	_ validator.String = settleValidator{}
)

// hostValidator accepts a registry's host with an optional port.
type hostValidator struct{}

// Description implements validator.Describer.
func (hostValidator) Description(context.Context) string {
	return "value must be a registry's host with an optional port"
}

// MarkdownDescription implements validator.Describer.
func (v hostValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (hostValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	text := req.ConfigValue.ValueString()
	if _, err := registry.ParseHost(text); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid registry", hostHelp(text, err))
	}
}

// referenceValidator accepts a reference to an image.
type referenceValidator struct{}

// Description implements validator.Describer.
func (referenceValidator) Description(context.Context) string {
	return "value must be a reference to an image, by tag or digest"
}

// MarkdownDescription implements validator.Describer.
func (v referenceValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

// ValidateString implements validator.String.
func (referenceValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	text := req.ConfigValue.ValueString()
	ref, err := registry.ParseReference(text, "")
	if err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Malformed image reference", referenceHelp(text, err))
		return
	}
	if strings.HasPrefix(ref.Tag, manifesto.Tag) {
		resp.Diagnostics.AddAttributeError(req.Path, "Not an image to describe",
			fmt.Sprintf("The tag %q is where the provider keeps metadata; it changes whenever any does. Name the image that the metadata is about.", ref.Tag))
	}
}

func referenceHelp(text string, err error) string {
	return fmt.Sprintf("%q does not name an image: %v.\n\nWrite it as Docker does: REPOSITORY:TAG or "+
		"REPOSITORY@sha256:DIGEST, with the registry's host in front unless it is the default registry, "+
		"such as ghcr.io/org/app:1.2.", text, err)
}

// platformValidator accepts os/architecture[/variant].
type platformValidator struct{}

// Description implements validator.Describer.
func (platformValidator) Description(context.Context) string {
	return "value must be os/architecture[/variant]"
}

// MarkdownDescription implements validator.Describer.
func (v platformValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (platformValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := registry.ParsePlatform(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Malformed platform", sentence(err))
	}
}

// settleValidator accepts a duration that is not negative.
type settleValidator struct{}

// Description implements validator.Describer.
func (settleValidator) Description(context.Context) string {
	return "value must be a duration that is not negative"
}

// MarkdownDescription implements validator.Describer.
func (v settleValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (settleValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if settle, err := time.ParseDuration(req.ConfigValue.ValueString()); err != nil || settle < 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration",
			fmt.Sprintf("%q is not a duration such as 500ms or 2s, or 0s for no waiting.", req.ConfigValue.ValueString()))
	}
}

// base64Validator accepts standard base64.
type base64Validator struct{}

// Description implements validator.Describer.
func (base64Validator) Description(context.Context) string { return "value must be base64" }

// MarkdownDescription implements validator.Describer.
func (v base64Validator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (base64Validator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := base64.StdEncoding.DecodeString(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid base64",
			fmt.Sprintf("The value is not standard base64 with padding: %v.\n\nUse base64encode or filebase64.", err))
	}
}
