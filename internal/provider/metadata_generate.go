package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// GetProviderSchema implements tfprotov6.ProviderServer. It announces GenerateResourceConfig, which the framework's
// server implements and does not announce.
func (s *server) GetProviderSchema(
	ctx context.Context, req *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	resp, err := s.frameworkServer.GetProviderSchema(ctx, req)
	if err == nil && resp.ServerCapabilities != nil {
		resp.ServerCapabilities.GenerateResourceConfig = true
	}
	return resp, err
}

// GenerateResourceConfig implements tfprotov6.ResourceServer. Terraform 1.14 and later ask it which attributes to write
// into a generated configuration. It leaves out of the framework's answer what has the same effect when it is not set.
func (s *server) GenerateResourceConfig(
	ctx context.Context, req *tfprotov6.GenerateResourceConfigRequest,
) (*tfprotov6.GenerateResourceConfigResponse, error) {
	resp, err := s.frameworkServer.GenerateResourceConfig(ctx, req)
	if err != nil || req.TypeName != metadataType || resp.Config == nil {
		return resp, err
	}
	config, err := resp.Config.Unmarshal(s.typ)
	if err != nil || config.IsNull() {
		return resp, err
	}
	short, err := s.withoutDefaults(ctx, config)
	if err != nil {
		return resp, err
	}
	encoded, err := tfprotov6.NewDynamicValue(s.typ, short)
	resp.Config = &encoded
	return resp, err
}

// withoutDefaults returns a configuration without the attributes that say what the provider would do anyway.
func (s *server) withoutDefaults(ctx context.Context, config tftypes.Value) (tftypes.Value, error) {
	values := map[string]tftypes.Value{}
	if err := config.As(&values); err != nil {
		return config, err
	}
	for _, name := range s.defaults {
		var value *bool
		if err := values[name].As(&value); err != nil {
			return config, err
		}
		if value != nil && !*value {
			values[name] = tftypes.NewValue(tftypes.Bool, nil)
		}
	}
	var diags diag.Diagnostics
	var model metadataModel
	model.decode(ctx, config, &diags)
	// Without content, the problem shows when the configuration is planned.
	content, known := model.content(&diags)
	if known && !diags.HasError() && model.MediaType.ValueString() == format.DetectMediaType(content) {
		values["media_type"] = tftypes.NewValue(tftypes.String, nil)
	}
	return tftypes.NewValue(config.Type(), values), nil
}
