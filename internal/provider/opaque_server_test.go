package provider

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// rawTexts is a map of texts with keys and values in turn.
func rawTexts(keysAndValues ...string) tftypes.Value {
	elements := values{}
	for i := 0; i < len(keysAndValues); i += 2 {
		elements[keysAndValues[i]] = str(keysAndValues[i+1])
	}
	return tftypes.NewValue(textMapType, elements)
}

// The server gives the same answers as the framework would to the requests about a resource with many elements. Maps
// have one element here, because the protocol does not order them.
func TestOpaqueServerAnswersAsTheFrameworkDoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// change happens in the registry before the requests.
		change func(w *world)
		// plan is what the configuration changes.
		plan func(w *world) values
	}{
		"unchanged": {},
		"drift":     {change: func(w *world) { w.put("contact", "theirs") }},
		"no access": {change: func(w *world) {
			w.server.Intercept(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				registrytest.Refuse(rw, http.StatusForbidden, "DENIED", "not for you")
				return true
			})
		}},
		"content": {plan: func(*world) values { return values{"images": rawTexts("1", "changed")} }},
		"no element": {plan: func(*world) values {
			return values{"images": rawTexts()}
		}},
		"unknown": {plan: func(*world) values {
			return values{"images": tftypes.NewValue(textMapType, tftypes.UnknownValue)}
		}},
		"unknown element": {plan: func(*world) values {
			return values{"images": tftypes.NewValue(textMapType, values{
				"1": tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
			})}
		}},
		"moved":            {change: func(w *world) { w.push("1", "next") }},
		"default":          {plan: func(*world) values { return values{"overwrite": truth(true)} }},
		"media type":       {plan: func(*world) values { return values{"media_type": str("text/x")} }},
		"other type":       {plan: func(*world) values { return values{"type": str("owner")} }},
		"other repository": {plan: func(w *world) values { return values{"repository": str(w.server.Host() + "/none")} }},
		"missing image":    {plan: func(*world) values { return values{"images": rawTexts("none", "x")} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			config := values{"repository": str(w.ref("")), "type": str("contact"), "images": rawTexts("1", "one")}
			framework := newCallerOf(t, providerserver.NewProtocol6(New("test")())(), "manifesto_repository_metadata")
			planned := framework.plan(framework.resource(config), framework.null(), framework.unknown(config))
			created, err := framework.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
				TypeName: framework.name, Config: framework.resource(config), PriorState: framework.null(), PlannedState: planned,
			})
			if err != nil {
				t.Fatal(err)
			}
			framework.check(created.Diagnostics)
			if test.change != nil {
				test.change(w)
			}
			prior := framework.values(created.NewState)
			proposed := maps.Clone(prior)
			if test.plan != nil {
				maps.Copy(config, test.plan(w))
				maps.Copy(proposed, test.plan(w))
			}
			ask := func(server tfprotov6.ProviderServer) []any {
				c := newCallerOf(t, server, framework.name)
				read, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
					TypeName: c.name, CurrentState: c.resource(prior), CurrentIdentity: created.NewIdentity,
				})
				if err != nil {
					t.Fatal(err)
				}
				answers := []any{read}
				for _, request := range []*tfprotov6.PlanResourceChangeRequest{
					{PriorState: c.resource(prior), ProposedNewState: c.resource(proposed), PriorIdentity: created.NewIdentity},
					{PriorState: c.resource(prior), ProposedNewState: c.null(), PriorIdentity: created.NewIdentity},
					{PriorState: c.null(), ProposedNewState: c.resource(proposed)},
				} {
					request.TypeName, request.Config = c.name, c.resource(config)
					plan, err := c.server.PlanResourceChange(t.Context(), request)
					if err != nil {
						t.Fatal(err)
					}
					answers = append(answers, plan)
				}
				return answers
			}
			compare(t, ask(NewServer("test")()), ask(providerserver.NewProtocol6(New("test")())()))
		})
	}
}

// The server applies as the framework does, and gives back the same state.
func TestOpaqueServerAppliesAsTheFrameworkDoes(t *testing.T) {
	t.Parallel()
	apply := func(create func() tfprotov6.ProviderServer) []any {
		w := newWorld(t, registrytest.Options{})
		w.push("2", "two")
		c := newCallerOf(t, create(), "manifesto_repository_metadata")
		var answers []any
		prior := c.null()
		var identity *tfprotov6.ResourceIdentityData
		for i, images := range []tftypes.Value{rawTexts("1", "one"), rawTexts("2", "changed"), rawTexts("none", "x")} {
			if identity != nil { // Terraform refreshes a resource before it changes it once more.
				_, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
					TypeName: c.name, CurrentState: prior, CurrentIdentity: identity,
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			config := values{"repository": str(w.ref("")), "type": str("contact"), "images": images}
			plan, err := c.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
				TypeName: c.name, Config: c.resource(config), PriorState: prior, ProposedNewState: c.unknown(config),
				PriorIdentity: identity,
			})
			if err != nil {
				t.Fatal(err)
			}
			applied, err := c.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
				TypeName: c.name, Config: c.resource(config), PriorState: prior, PlannedState: plan.PlannedState,
				PlannedIdentity: plan.PlannedIdentity, PlannedPrivate: plan.PlannedPrivate,
			})
			if err != nil {
				t.Fatal(err)
			}
			if failed := len(applied.Diagnostics) > 0; failed != (i == 2) {
				t.Errorf("step %d: %s", i, shownAnswer(t, applied))
			}
			prior, identity = applied.NewState, applied.NewIdentity
			state := c.values(prior)
			delete(state, "id") // It has the port of the registry, as does the repository.
			delete(state, "repository")
			answers = append(answers, fmt.Sprint(state), strconv.Itoa(len(applied.Private)))
		}
		return answers
	}
	compare(t, apply(NewServer("test")), apply(providerserver.NewProtocol6(New("test")())))
}

func TestOpaqueServerUpgradesAsTheFrameworkDoes(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]string{
		"current": `{"images":{"1":"x"},"digests":{},"pinned":true}`, "unknown attribute": `{"former":[1]}`, "null": `null`,
		"wrong type": `{"images":[]}`, "not JSON": `{`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := func(server tfprotov6.ProviderServer) []any {
				resp, err := server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
					TypeName: "manifesto_repository_metadata", RawState: &tfprotov6.RawState{JSON: []byte(state)},
				})
				if err != nil {
					t.Fatal(err)
				}
				return []any{resp}
			}
			compare(t, ask(NewServer("test")()), ask(providerserver.NewProtocol6(New("test")())()))
		})
	}
}

// The server may leave out what the schemas do not have: blocks, defaults other than false and plan modifiers.
func TestOpaqueServerKnowsTheSchemas(t *testing.T) {
	t.Parallel()
	s, ok := NewServer("test")().(*server)
	if !ok {
		t.Fatal("the framework's server does not have all requests of frameworkServer")
	}
	opaque, ok := s.frameworkServer.(*opaqueServer)
	if !ok || len(opaque.types) != 1 {
		t.Fatalf("the server behind it is a %T: %v", s.frameworkServer, opaque)
	}
	for name, typ := range opaque.types {
		if len(typ.schema.Blocks) > 0 || typ.schema.Version != 0 {
			t.Errorf("%s: the schema has version %d and %d blocks", name, typ.schema.Version, len(typ.schema.Blocks))
		}
		for attributeName, attribute := range typ.schema.Attributes {
			value := reflect.ValueOf(attribute)
			if field := value.FieldByName("PlanModifiers"); field.IsValid() && !field.IsZero() {
				t.Errorf("%s: %s has plan modifiers", name, attributeName)
			}
			field := value.FieldByName("Default")
			if hasDefault := field.IsValid() && !field.IsZero(); hasDefault != slices.Contains(typ.defaults, attributeName) {
				t.Errorf("%s: the server knows the defaults of %q", name, typ.defaults)
			}
		}
	}
}
