package provider

import (
	"bytes"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// metadataType is the resource that server answers for.
const metadataType = "manifesto_metadata"

// NewServer returns a function that creates a server of the provider. It is the framework's server with a shorter way
// for the three requests that make up the refresh and the plan of an unchanged resource.
func NewServer(version string) func() tfprotov6.ProviderServer {
	return func() tfprotov6.ProviderServer {
		p := &manifestoProvider{version: version}
		all := providerserver.NewProtocol6(p)()
		framework, ok := all.(frameworkServer)
		if !ok {
			return all // A server without the requests of frameworkServer; a test sees that it is none.
		}
		return newServer(newOpaqueServer(framework, p), p)
	}
}

// frameworkServer is all that the framework's server implements. Terraform must see the same of server.
type frameworkServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
	tfprotov6.StateStoreServer
}

// server passes requests to the framework's server. For the resource it does itself what the framework would do,
// without the framework's passes over every attribute for blocks, defaults, plan modifiers and semantic equality, which
// the schema does not have or which change nothing in these requests. Tests send the same requests to both and compare
// the answers.
type server struct {
	frameworkServer
	provider *manifestoProvider

	schema         schema.Schema
	identitySchema identityschema.Schema
	// typ and identityType are the types of the values of both schemas.
	typ, identityType tftypes.Type
	// defaults are the attributes that are false unless configured.
	defaults []string
}

func newServer(framework frameworkServer, p *manifestoProvider) *server {
	ctx := context.Background()
	var r metadataResource
	var schemaResponse resource.SchemaResponse
	r.Schema(ctx, resource.SchemaRequest{}, &schemaResponse)
	var identityResponse resource.IdentitySchemaResponse
	r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identityResponse)
	s := &server{
		frameworkServer: framework, provider: p,
		schema: schemaResponse.Schema, identitySchema: identityResponse.IdentitySchema,
	}
	s.typ = s.schema.Type().TerraformType(ctx)
	s.identityType = s.identitySchema.Type().TerraformType(ctx)
	for name, attribute := range s.schema.Attributes {
		if boolean, ok := attribute.(schema.BoolAttribute); ok && boolean.Default != nil {
			s.defaults = append(s.defaults, name)
		}
	}
	return s
}

// UpgradeResourceState implements tfprotov6.ResourceServer. It passes on a state of the current version.
func (s *server) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if req.TypeName == metadataType && req.Version == s.schema.Version && req.RawState != nil {
		options := tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}}
		if state, err := req.RawState.UnmarshalWithOpts(s.typ, options); err == nil {
			if upgraded, err := tfprotov6.NewDynamicValue(s.typ, state); err == nil {
				return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &upgraded}, nil
			}
		}
	}
	return s.frameworkServer.UpgradeResourceState(ctx, req)
}

// verifies reports whether a read or an apply may write to the private state, which the framework alone can do: it
// remembers the newest manifesto that was verified.
func (p *manifestoProvider) verifies() bool { return p.data != nil && p.data.verification != nil }

// ReadResource implements tfprotov6.ResourceServer. The framework handles the read that follows an import, and one that
// verifies signatures.
func (s *server) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	if req.TypeName == metadataType && !hasFrameworkKey(req.Private) && !s.provider.verifies() {
		state, stateErr := decode(req.CurrentState, s.typ)
		identity, identityErr := s.identity(req.CurrentIdentity)
		if stateErr == nil && identityErr == nil {
			return s.read(ctx, state, identity, req.Private)
		}
	}
	return s.frameworkServer.ReadResource(ctx, req)
}

func (s *server) read(
	ctx context.Context, state, identity tftypes.Value, private []byte,
) (*tfprotov6.ReadResourceResponse, error) {
	r := metadataResource{data: s.provider.data}
	req := resource.ReadRequest{
		State:    tfsdk.State{Schema: s.schema, Raw: state},
		Identity: &tfsdk.ResourceIdentity{Schema: s.identitySchema, Raw: identity},
	}
	resp := resource.ReadResponse{
		State:    req.State,
		Identity: &tfsdk.ResourceIdentity{Schema: s.identitySchema, Raw: identity},
	}
	r.Read(ctx, req, &resp)
	newState, newIdentity, err := s.encode(resp.State.Raw, resp.Identity)
	return &tfprotov6.ReadResourceResponse{
		NewState: newState, NewIdentity: newIdentity, Private: private, Diagnostics: diagnostics(resp.Diagnostics),
	}, err
}

// PlanResourceChange implements tfprotov6.ResourceServer. It plans a resource for which Terraform proposes no change.
func (s *server) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	unchanged := sameValue(req.PriorState, req.ProposedNewState)
	if req.TypeName == metadataType && unchanged && !hasFrameworkKey(req.PriorPrivate) {
		config, configErr := decode(req.Config, s.typ)
		state, stateErr := decode(req.PriorState, s.typ)
		identity, identityErr := s.identity(req.PriorIdentity)
		if configErr == nil && stateErr == nil && identityErr == nil && s.proposesNothing(config, state) {
			if resp, err := s.plan(ctx, config, state, identity, req.PriorPrivate); resp != nil || err != nil {
				return resp, err
			}
		}
	}
	return s.frameworkServer.PlanResourceChange(ctx, req)
}

// proposesNothing reports whether the framework, too, would leave a plan alone that equals the state: it is no
// destruction, no default replaces a value, and nothing is write-only, which would need the private state.
func (s *server) proposesNothing(config, state tftypes.Value) bool {
	var configured, stored map[string]tftypes.Value
	if config.IsNull() || state.IsNull() || config.As(&configured) != nil || state.As(&stored) != nil {
		return false
	}
	for _, name := range s.defaults {
		var value *bool
		if configured[name].IsNull() && (stored[name].As(&value) != nil || value == nil || *value) {
			return false
		}
	}
	return configured["content_wo"].IsNull() && stored["content_wo"].IsNull()
}

// plan returns nil for a plan that replaces the resource: that writes to the private state, which the framework alone
// can do.
func (s *server) plan(
	ctx context.Context, config, state, identity tftypes.Value, private []byte,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	r := metadataResource{data: s.provider.data}
	req := resource.ModifyPlanRequest{
		Config:   tfsdk.Config{Schema: s.schema, Raw: config},
		Plan:     tfsdk.Plan{Schema: s.schema, Raw: state},
		State:    tfsdk.State{Schema: s.schema, Raw: state},
		Identity: &tfsdk.ResourceIdentity{Schema: s.identitySchema, Raw: identity},
	}
	resp := resource.ModifyPlanResponse{
		Plan:     req.Plan,
		Identity: &tfsdk.ResourceIdentity{Schema: s.identitySchema, Raw: identity},
	}
	if r.ModifyPlan(ctx, req, &resp); len(resp.RequiresReplace) > 0 {
		return nil, nil
	}
	planned, plannedIdentity, err := s.encode(resp.Plan.Raw, resp.Identity)
	return &tfprotov6.PlanResourceChangeResponse{
		PlannedState: planned, PlannedIdentity: plannedIdentity, PlannedPrivate: private,
		Diagnostics: diagnostics(resp.Diagnostics),
	}, err
}

// identity decodes an identity; one that is missing is null.
func (s *server) identity(data *tfprotov6.ResourceIdentityData) (tftypes.Value, error) {
	if data == nil || data.IdentityData == nil {
		return tftypes.NewValue(s.identityType, nil), nil
	}
	return data.IdentityData.Unmarshal(s.identityType)
}

// encode returns a state, or a plan, and an identity as the protocol has them.
func (s *server) encode(
	raw tftypes.Value, identity *tfsdk.ResourceIdentity,
) (*tfprotov6.DynamicValue, *tfprotov6.ResourceIdentityData, error) {
	state, err := tfprotov6.NewDynamicValue(s.typ, raw)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := tfprotov6.NewDynamicValue(s.identityType, identity.Raw)
	if err != nil {
		return nil, nil, err
	}
	return &state, &tfprotov6.ResourceIdentityData{IdentityData: &encoded}, nil
}

// decode decodes a value of the protocol. A missing one is null.
func decode(value *tfprotov6.DynamicValue, typ tftypes.Type) (tftypes.Value, error) {
	if value == nil {
		return tftypes.NewValue(typ, nil), nil
	}
	return value.Unmarshal(typ)
}

// sameValue reports whether two values of the protocol have the same bytes.
func sameValue(a, b *tfprotov6.DynamicValue) bool {
	return a != nil && b != nil && len(a.MsgPack) > 0 && bytes.Equal(a.MsgPack, b.MsgPack)
}

// hasFrameworkKey reports whether private state has a key of the framework's own. They begin with a dot; the values are
// base64 and do not.
func hasFrameworkKey(private []byte) bool { return bytes.Contains(private, []byte(`".`)) }

// diagnostics returns diagnostics as the protocol has them.
func diagnostics(all diag.Diagnostics) []*tfprotov6.Diagnostic {
	var converted []*tfprotov6.Diagnostic
	for _, d := range all {
		result := &tfprotov6.Diagnostic{
			Severity: tfprotov6.DiagnosticSeverityError, Summary: d.Summary(), Detail: d.Detail(),
		}
		if d.Severity() == diag.SeverityWarning {
			result.Severity = tfprotov6.DiagnosticSeverityWarning
		}
		if located, ok := d.(diag.DiagnosticWithPath); ok {
			result.Attribute = attributePath(located.Path())
		}
		converted = append(converted, result)
	}
	return converted
}

// attributePath converts a path of attributes and keys of maps; the schema has no lists.
func attributePath(p path.Path) *tftypes.AttributePath {
	var steps []tftypes.AttributePathStep
	for _, step := range p.Steps() {
		switch step := step.(type) {
		case path.PathStepAttributeName:
			steps = append(steps, tftypes.AttributeName(step))
		case path.PathStepElementKeyString:
			steps = append(steps, tftypes.ElementKeyString(step))
		}
	}
	return tftypes.NewAttributePathWithSteps(steps)
}
