package provider

import (
	"bytes"
	"context"
	"errors"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// opaqueResource is a resource with maps of many elements. Its ModifyPlan sets every computed attribute and says itself
// what replaces the resource, and its defaults are false.
type opaqueResource interface {
	resource.ResourceWithConfigure
	resource.ResourceWithIdentity
	resource.ResourceWithModifyPlan
}

// opaqueServer passes requests to the framework's server, but answers itself for opaqueResources. The framework would
// visit every element of every map a dozen times in each request, for blocks, defaults, plan modifiers and write-only
// attributes, which the elements do not have. Tests send the same requests to both and compare the answers.
type opaqueServer struct {
	frameworkServer
	provider *manifestoProvider
	types    map[string]opaqueType
}

// opaqueType is what the server knows of an opaqueResource.
type opaqueType struct {
	create         func() resource.Resource
	schema         schema.Schema
	identitySchema identityschema.Schema
	// typ and identityType are the types of the values of both schemas.
	typ, identityType tftypes.Type
	// defaults are the attributes that are false unless configured.
	defaults []string
}

func newOpaqueServer(framework frameworkServer, p *manifestoProvider) *opaqueServer {
	s := &opaqueServer{frameworkServer: framework, provider: p, types: map[string]opaqueType{}}
	ctx := context.Background()
	for name, create := range map[string]func() resource.Resource{
		"manifesto_repository_metadata": newRepositoryMetadataResource,
	} {
		r, ok := create().(opaqueResource)
		if !ok {
			continue // The framework answers for it; a test sees that.
		}
		var schemaResponse resource.SchemaResponse
		r.Schema(ctx, resource.SchemaRequest{}, &schemaResponse)
		var identityResponse resource.IdentitySchemaResponse
		r.IdentitySchema(ctx, resource.IdentitySchemaRequest{}, &identityResponse)
		t := opaqueType{create: create, schema: schemaResponse.Schema, identitySchema: identityResponse.IdentitySchema}
		t.typ = t.schema.Type().TerraformType(ctx)
		t.identityType = t.identitySchema.Type().TerraformType(ctx)
		for attributeName, attribute := range t.schema.Attributes {
			if boolean, ok := attribute.(schema.BoolAttribute); ok && boolean.Default != nil {
				t.defaults = append(t.defaults, attributeName)
			}
		}
		s.types[name] = t
	}
	return s
}

// known returns what the server knows of a type. It is false for a request with private state that only the framework
// can read.
func (s *opaqueServer) known(
	ctx context.Context, name string, private []byte,
) (opaqueType, opaqueResource, bool) {
	t, ok := s.types[name]
	if !ok || hasFrameworkKey(private) || bytes.Contains(private, []byte(privateImage)) {
		return opaqueType{}, nil, false
	}
	r, ok := t.create().(opaqueResource)
	if ok {
		r.Configure(ctx, resource.ConfigureRequest{ProviderData: s.provider.data}, nil)
	}
	return t, r, ok
}

// UpgradeResourceState implements tfprotov6.ResourceServer. It passes on a state of the current version.
func (s *opaqueServer) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if t, ok := s.types[req.TypeName]; ok && req.Version == t.schema.Version && req.RawState != nil {
		options := tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}}
		if state, err := req.RawState.UnmarshalWithOpts(t.typ, options); err == nil {
			if upgraded, err := tfprotov6.NewDynamicValue(t.typ, state); err == nil {
				return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &upgraded}, nil
			}
		}
	}
	return s.frameworkServer.UpgradeResourceState(ctx, req)
}

// ReadResource implements tfprotov6.ResourceServer. The framework handles the read that follows an import, and one that
// verifies signatures.
func (s *opaqueServer) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	if t, r, ok := s.known(ctx, req.TypeName, req.Private); ok && !s.provider.verifies() {
		state, stateErr := decode(req.CurrentState, t.typ)
		identity, identityErr := t.identity(req.CurrentIdentity)
		if stateErr == nil && identityErr == nil {
			resp := resource.ReadResponse{State: t.state(state), Identity: identity}
			r.Read(ctx, resource.ReadRequest{State: t.state(state), Identity: t.copied(identity)}, &resp)
			newState, newIdentity, err := t.encode(resp.State.Raw, resp.Identity)
			return &tfprotov6.ReadResourceResponse{
				NewState: newState, NewIdentity: newIdentity, Private: req.Private, Diagnostics: diagnostics(resp.Diagnostics),
			}, err
		}
	}
	return s.frameworkServer.ReadResource(ctx, req)
}

// PlanResourceChange implements tfprotov6.ResourceServer. The framework handles plans that create, destroy or replace:
// they write to the private state.
func (s *opaqueServer) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	if t, r, ok := s.known(ctx, req.TypeName, req.PriorPrivate); ok {
		if resp, err := t.plan(ctx, r, req); resp != nil || err != nil {
			return resp, err
		}
	}
	return s.frameworkServer.PlanResourceChange(ctx, req)
}

// plan returns nil for a plan that the framework handles.
func (t opaqueType) plan(
	ctx context.Context, r opaqueResource, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	config, configErr := decode(req.Config, t.typ)
	prior, priorErr := decode(req.PriorState, t.typ)
	proposed, proposedErr := decode(req.ProposedNewState, t.typ)
	identity, identityErr := t.identity(req.PriorIdentity)
	err := errors.Join(configErr, priorErr, proposedErr, identityErr)
	if err != nil || prior.IsNull() || proposed.IsNull() {
		return nil, nil //nolint:nilerr // The framework reports it.
	}
	proposed, ok := t.withDefaults(config, proposed)
	if !ok {
		return nil, nil
	}
	plan := tfsdk.Plan{Schema: t.schema, Raw: proposed}
	resp := resource.ModifyPlanResponse{Plan: plan, Identity: identity}
	r.ModifyPlan(ctx, resource.ModifyPlanRequest{
		Config: tfsdk.Config{Schema: t.schema, Raw: config}, Plan: plan, State: t.state(prior), Identity: t.copied(identity),
	}, &resp)
	if len(resp.RequiresReplace) > 0 {
		return nil, nil
	}
	planned, plannedIdentity, err := t.encode(resp.Plan.Raw, resp.Identity)
	return &tfprotov6.PlanResourceChangeResponse{
		PlannedState: planned, PlannedIdentity: plannedIdentity, PlannedPrivate: req.PriorPrivate,
		Diagnostics: diagnostics(resp.Diagnostics),
	}, err
}

// withDefaults gives attributes that are not configured their defaults. It is false for a value that is no object.
func (t opaqueType) withDefaults(config, proposed tftypes.Value) (tftypes.Value, bool) {
	var configured, all map[string]tftypes.Value
	if config.IsNull() || config.As(&configured) != nil || proposed.As(&all) != nil {
		return proposed, false
	}
	all = maps.Clone(all)
	for _, name := range t.defaults {
		if configured[name].IsNull() {
			all[name] = tftypes.NewValue(tftypes.Bool, false)
		}
	}
	return tftypes.NewValue(t.typ, all), true
}

// ApplyResourceChange implements tfprotov6.ResourceServer. The framework handles deletions, and changes of what the
// refresh verifies.
func (s *opaqueServer) ApplyResourceChange(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	if t, r, ok := s.known(ctx, req.TypeName, req.PlannedPrivate); ok && !s.provider.verifies() {
		if resp, err := t.apply(ctx, r, req); resp != nil || err != nil {
			return resp, err
		}
	}
	return s.frameworkServer.ApplyResourceChange(ctx, req)
}

// apply returns nil for a change that the framework handles.
func (t opaqueType) apply(
	ctx context.Context, r opaqueResource, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	config, configErr := decode(req.Config, t.typ)
	prior, priorErr := decode(req.PriorState, t.typ)
	planned, plannedErr := decode(req.PlannedState, t.typ)
	identity, identityErr := t.identity(req.PlannedIdentity)
	if err := errors.Join(configErr, priorErr, plannedErr, identityErr); err != nil || planned.IsNull() {
		return nil, nil //nolint:nilerr // The framework reports it.
	}
	plan, configured := tfsdk.Plan{Schema: t.schema, Raw: planned}, tfsdk.Config{Schema: t.schema, Raw: config}
	var created resource.CreateResponse
	created.State, created.Identity = t.state(prior), identity
	if prior.IsNull() {
		r.Create(ctx, resource.CreateRequest{Config: configured, Plan: plan, Identity: t.copied(identity)}, &created)
	} else {
		updated := resource.UpdateResponse{State: created.State, Identity: identity}
		r.Update(ctx, resource.UpdateRequest{
			Config: configured, Plan: plan, State: t.state(prior), Identity: t.copied(identity),
		}, &updated)
		created = resource.CreateResponse{State: updated.State, Identity: updated.Identity, Diagnostics: updated.Diagnostics}
	}
	state, newIdentity, err := t.encode(created.State.Raw, created.Identity)
	return &tfprotov6.ApplyResourceChangeResponse{
		NewState: state, NewIdentity: newIdentity, Private: req.PlannedPrivate, Diagnostics: diagnostics(created.Diagnostics),
	}, err
}

func (t opaqueType) state(raw tftypes.Value) tfsdk.State {
	return tfsdk.State{Schema: t.schema, Raw: raw}
}

// identity decodes an identity; one that is missing is null.
func (t opaqueType) identity(data *tfprotov6.ResourceIdentityData) (*tfsdk.ResourceIdentity, error) {
	raw := tftypes.NewValue(t.identityType, nil)
	if data != nil && data.IdentityData != nil {
		var err error
		if raw, err = data.IdentityData.Unmarshal(t.identityType); err != nil {
			return nil, err
		}
	}
	return &tfsdk.ResourceIdentity{Schema: t.identitySchema, Raw: raw}, nil
}

// copied returns a copy of an identity, so that a request keeps it when the response changes.
func (t opaqueType) copied(identity *tfsdk.ResourceIdentity) *tfsdk.ResourceIdentity {
	return &tfsdk.ResourceIdentity{Schema: t.identitySchema, Raw: identity.Raw}
}

// encode returns a state, or a plan, and an identity as the protocol has them.
func (t opaqueType) encode(
	raw tftypes.Value, identity *tfsdk.ResourceIdentity,
) (*tfprotov6.DynamicValue, *tfprotov6.ResourceIdentityData, error) {
	state, err := tfprotov6.NewDynamicValue(t.typ, raw)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := tfprotov6.NewDynamicValue(t.identityType, identity.Raw)
	if err != nil {
		return nil, nil, err
	}
	return &state, &tfprotov6.ResourceIdentityData{IdentityData: &encoded}, nil
}
