package provider

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// BenchmarkPlan measures what a plan costs for each unchanged resource, a refresh and a plan over the protocol, in the
// provider, in the provider as the framework alone serves it, and in noopProvider.
func BenchmarkPlan(b *testing.B) {
	for name, create := range map[string]func() tfprotov6.ProviderServer{
		"manifesto": NewServer("test"),
		"framework": providerserver.NewProtocol6(New("test")()),
		"noop":      providerserver.NewProtocol6(&noopProvider{}),
	} {
		b.Run(name, func(b *testing.B) {
			server := registrytest.New(b, registrytest.Options{})
			digest := server.Image(b, "app", "1", "one")
			configured := map[string]tftypes.Value{
				"image":   tftypes.NewValue(tftypes.String, fmt.Sprintf("%s/app@%s", server.Host(), digest)),
				"type":    tftypes.NewValue(tftypes.String, "contact"),
				"content": tftypes.NewValue(tftypes.String, "team@example.com"),
			}
			c := newCaller(b, create())
			config := c.resource(configured)
			planned := c.plan(config, c.null(), c.unknown(configured))
			state, identity := c.apply(config, c.null(), planned)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				c.read(state, identity)
				c.plan(config, state, state)
			}
		})
	}
}

// caller is Terraform's side of the protocol.
type caller struct {
	t        testing.TB
	name     string
	server   tfprotov6.ProviderServer
	resource func(map[string]tftypes.Value) *tfprotov6.DynamicValue
	typ      tftypes.Object
	computed []string
}

// newCaller calls manifesto_metadata.
func newCaller(t testing.TB, server tfprotov6.ProviderServer) *caller {
	t.Helper()
	return newCallerOf(t, server, metadataType)
}

// newCallerOf calls a type of resource.
func newCallerOf(t testing.TB, server tfprotov6.ProviderServer, name string) *caller {
	t.Helper()
	c := &caller{t: t, name: name, server: server}
	ctx := context.Background()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	block := schemas.ResourceSchemas[name].Block
	c.typ = objectType(t, block.ValueType())
	for _, attribute := range block.Attributes {
		if attribute.Computed {
			c.computed = append(c.computed, attribute.Name)
		}
	}
	c.resource = func(values map[string]tftypes.Value) *tfprotov6.DynamicValue { return c.object(c.typ, values) }
	settings := objectType(t, schemas.Provider.Block.ValueType())
	resp, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: c.object(settings, nil)})
	if err != nil {
		t.Fatal(err)
	}
	c.check(resp.Diagnostics)
	return c
}

func objectType(t testing.TB, typ tftypes.Type) tftypes.Object {
	t.Helper()
	object, ok := typ.(tftypes.Object)
	if !ok {
		t.Fatalf("a block is a %T", typ)
	}
	return object
}

// object returns a value whose other attributes are null.
func (c *caller) object(typ tftypes.Object, values map[string]tftypes.Value) *tfprotov6.DynamicValue {
	c.t.Helper()
	all := map[string]tftypes.Value{}
	for name, attribute := range typ.AttributeTypes {
		all[name] = tftypes.NewValue(attribute, nil)
	}
	maps.Copy(all, values)
	value, err := tfprotov6.NewDynamicValue(typ, tftypes.NewValue(typ, all))
	if err != nil {
		c.t.Fatal(err)
	}
	return &value
}

func (c *caller) null() *tfprotov6.DynamicValue {
	c.t.Helper()
	value, err := tfprotov6.NewDynamicValue(c.typ, tftypes.NewValue(c.typ, nil))
	if err != nil {
		c.t.Fatal(err)
	}
	return &value
}

// unknown returns a new resource as Terraform proposes it, with unknown computed attributes.
func (c *caller) unknown(values map[string]tftypes.Value) *tfprotov6.DynamicValue {
	c.t.Helper()
	all := map[string]tftypes.Value{}
	for _, name := range c.computed {
		all[name] = tftypes.NewValue(c.typ.AttributeTypes[name], tftypes.UnknownValue)
	}
	maps.Copy(all, values)
	return c.resource(all)
}

func (c *caller) check(diagnostics []*tfprotov6.Diagnostic) {
	c.t.Helper()
	for _, d := range diagnostics {
		c.t.Fatalf("%s: %s", d.Summary, d.Detail)
	}
}

func (c *caller) plan(config, prior, proposed *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	c.t.Helper()
	resp, err := c.server.PlanResourceChange(context.Background(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: c.name, Config: config, PriorState: prior, ProposedNewState: proposed,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.check(resp.Diagnostics)
	return resp.PlannedState
}

func (c *caller) apply(config, prior, planned *tfprotov6.DynamicValue) (
	*tfprotov6.DynamicValue, *tfprotov6.ResourceIdentityData,
) {
	c.t.Helper()
	resp, err := c.server.ApplyResourceChange(context.Background(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: c.name, Config: config, PriorState: prior, PlannedState: planned,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.check(resp.Diagnostics)
	return resp.NewState, resp.NewIdentity
}

func (c *caller) read(state *tfprotov6.DynamicValue, identity *tfprotov6.ResourceIdentityData) {
	c.t.Helper()
	resp, err := c.server.ReadResource(context.Background(), &tfprotov6.ReadResourceRequest{
		TypeName: c.name, CurrentState: state, CurrentIdentity: identity,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.check(resp.Diagnostics)
}
