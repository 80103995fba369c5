package provider

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

type values = map[string]tftypes.Value

func str(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func truth(b bool) tftypes.Value { return tftypes.NewValue(tftypes.Bool, b) }

var nothing = tftypes.NewValue(tftypes.String, nil)

// The server gives the same answers as the framework's, byte by byte.
func TestServerAnswersAsTheFrameworkDoes(t *testing.T) {
	t.Parallel()
	annotations := tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, values{"by": str("ops")})
	moveTag := func(w *world) { w.push("1", "two") }
	version := tftypes.NewValue(tftypes.Number, 1)
	writeOnly := values{"content": nothing, "content_wo": str("secret"), "content_wo_version": version}
	applied := values{"content": nothing, "content_wo_version": version}
	tests := map[string]struct {
		// config is the configuration besides image and type, and prior what is different in the state.
		config, prior values
		// change changes the registry after the create.
		change func(w *world)
		// private and identity say what Terraform sends; by default what the create answered.
		private    []byte
		noIdentity bool
		// plan changes the configuration of the plan.
		plan values
	}{
		"unchanged":           {},
		"annotations":         {config: values{"annotations": annotations}},
		"without an identity": {noIdentity: true},
		"state that was imported by the framework": {
			private: []byte(`{".import_before_read":"dHJ1ZQ==","content_wo_digest":"IiI="}`),
		},
		"other private state":    {private: []byte(`{"content_wo_digest":"ImEi"}`)},
		"changed elsewhere":      {change: func(w *world) { w.put("t", "another") }},
		"removed elsewhere":      {change: func(w *world) { w.remove("t") }},
		"moved":                  {change: moveTag},
		"moved, but it must not": {change: moveTag, config: values{"on_tag_move": str("fail")}},
		"moved, and it stays":    {change: moveTag, config: values{"on_tag_move": str("keep")}},
		"lost its pin":           {prior: values{"pinned": truth(false)}},
		"other digest":           {prior: values{"digest": str("sha256:0")}},
		"no media type":          {prior: values{"media_type": nothing}},
		"another image": {
			config: values{"image": str("localhost:1/none:1")}, prior: values{"image": str("localhost:1/none:1")},
		},
		"malformed repository":     {prior: values{"repository": str("A")}},
		"malformed digest":         {prior: values{"image_digest": str("A")}},
		"a default that changes":   {prior: values{"overwrite": truth(true)}},
		"a default that was unset": {prior: values{"keep_on_destroy": tftypes.NewValue(tftypes.Bool, nil)}},
		"a configured default":     {config: values{"overwrite": truth(true)}},
		"other content":            {plan: values{"content": str("new")}},
		"other type":               {plan: values{"type": str("u")}},
		"content from a file that is gone": {
			config: values{"content": nothing, "source": str("/nonexistent")},
			prior:  values{"content": nothing, "source": str("/nonexistent")},
		},
		"content that is write-only": {config: writeOnly, prior: applied},
		"content that is write-only and was stored over": {
			config: writeOnly, prior: applied, private: []byte(`{"content_wo_digest":"ImEi"}`),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			config := values{"image": str(w.ref(":1")), "type": str("t"), "content": str("text")}
			create := maps.Clone(config)
			if m, ok := test.config["annotations"]; ok {
				create["annotations"] = m
			}
			framework := newCaller(t, providerserver.NewProtocol6(New("test")())())
			planned := framework.plan(framework.resource(create), framework.null(), framework.unknown(create))
			created, err := framework.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
				TypeName: metadataType, Config: framework.resource(create), PriorState: framework.null(), PlannedState: planned,
			})
			if err != nil {
				t.Fatal(err)
			}
			framework.check(created.Diagnostics)
			if test.change != nil {
				test.change(w)
			}
			maps.Copy(config, test.config)
			identity, private := created.NewIdentity, created.Private
			if test.noIdentity {
				identity = nil
			}
			if test.private != nil {
				private = test.private
			}
			// What the create has stored, with what is configured and what the test wants to be different.
			prior := framework.values(created.NewState)
			for name, value := range config {
				if name != "content_wo" {
					prior[name] = value
				}
			}
			maps.Copy(prior, test.prior)
			proposed := maps.Clone(prior)
			maps.Copy(config, test.plan)
			maps.Copy(proposed, test.plan)
			ask := func(server tfprotov6.ProviderServer) []any {
				c := newCaller(t, server)
				read, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
					TypeName: metadataType, CurrentState: c.resource(prior), CurrentIdentity: identity, Private: private,
				})
				if err != nil {
					t.Fatal(err)
				}
				answers := []any{read}
				for _, proposal := range []*tfprotov6.DynamicValue{c.resource(proposed), c.null()} {
					plan, err := c.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
						TypeName: metadataType, Config: c.resource(config), PriorState: c.resource(prior), ProposedNewState: proposal,
						PriorIdentity: identity, PriorPrivate: private,
					})
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

func TestServerUpgradesAsTheFrameworkDoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		version int64
		state   string
	}{
		"current":           {0, `{"image":"app:1","size":12,"pinned":true,"annotations":{"a":"b"},"timeouts":null}`},
		"large number":      {0, `{"size":9007199254740993}`},
		"timeouts":          {0, `{"timeouts":{"create":"1m","read":null,"update":null,"delete":null}}`},
		"unknown attribute": {0, `{"image":"app:1","former":[1,2,{"a":null}]}`},
		"nothing":           {0, `{}`},
		"null":              {0, `null`},
		"wrong type":        {0, `{"image":[]}`},
		"not JSON":          {0, `{`},
		"other version":     {1, `{}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := func(server tfprotov6.ProviderServer) []any {
				resp, err := server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
					TypeName: metadataType, Version: test.version, RawState: &tfprotov6.RawState{JSON: []byte(test.state)},
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

// compare fails unless the answers are the same.
func compare(t *testing.T, got, want []any) {
	t.Helper()
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("answer %d is\n%s\nand the framework's\n%s", i, shownAnswer(t, got[i]), shownAnswer(t, want[i]))
		}
	}
}

func shownAnswer(t *testing.T, answer any) []byte {
	t.Helper()
	shown, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return shown
}

// values returns the attributes of a resource.
func (c *caller) values(value *tfprotov6.DynamicValue) values {
	c.t.Helper()
	decoded, err := value.Unmarshal(c.typ)
	var attributes values
	if err == nil {
		err = decoded.As(&attributes)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return attributes
}

// The server may leave out what the schema does not have: blocks, defaults other than false, plan modifiers that change
// a plan without changes, and types with a semantic equality. If this fails, server.proposesNothing has to know more.
func TestServerKnowsTheSchema(t *testing.T) {
	t.Parallel()
	s, ok := NewServer("test")().(*server)
	if !ok {
		t.Fatal("the framework's server does not have all requests of frameworkServer")
	}
	if len(s.schema.Blocks) > 0 || s.schema.Version != 0 {
		t.Errorf("the schema has version %d and %d blocks", s.schema.Version, len(s.schema.Blocks))
	}
	for field, want := range map[string][]string{
		"Default":       {"keep_on_destroy", "overwrite"},
		"PlanModifiers": {"type"},
		"CustomType":    {"timeouts"},
	} {
		var have []string
		for name, attribute := range s.schema.Attributes {
			if value := reflect.ValueOf(attribute).FieldByName(field); value.IsValid() && !value.IsZero() {
				have = append(have, name)
			}
		}
		if slices.Sort(have); !slices.Equal(have, want) {
			t.Errorf("attributes with %s: %q, want %q", field, have, want)
		}
	}
	if slices.Sort(s.defaults); !slices.Equal(s.defaults, []string{"keep_on_destroy", "overwrite"}) {
		t.Errorf("the server knows the defaults of %q", s.defaults)
	}
}

// decode gives what the framework's Get gives.
func TestDecodeIsGet(t *testing.T) {
	t.Parallel()
	s, ok := NewServer("test")().(*server)
	if !ok {
		t.Fatal("no server")
	}
	typ, ok := s.typ.(tftypes.Object)
	if !ok {
		t.Fatal("no object")
	}
	for name, of := range map[string]func(tftypes.Type) tftypes.Value{
		"null":    func(typ tftypes.Type) tftypes.Value { return tftypes.NewValue(typ, nil) },
		"unknown": func(typ tftypes.Type) tftypes.Value { return tftypes.NewValue(typ, tftypes.UnknownValue) },
		"set":     someValue,
	} {
		all := values{}
		for attribute, attributeType := range typ.AttributeTypes {
			all[attribute] = of(attributeType)
		}
		raw := tftypes.NewValue(typ, all)
		var got, want metadataModel
		state := tfsdk.State{Schema: s.schema, Raw: raw}
		diags := state.Get(t.Context(), &want)
		got.decode(t.Context(), raw, &diags)
		if diags.HasError() {
			t.Fatal(diags)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// someValue returns a known value of a type.
func someValue(typ tftypes.Type) tftypes.Value {
	switch typ := typ.(type) {
	case tftypes.Map:
		return tftypes.NewValue(typ, values{"a": someValue(typ.ElementType)})
	case tftypes.Object:
		all := values{}
		for name, inner := range typ.AttributeTypes {
			all[name] = someValue(inner)
		}
		return tftypes.NewValue(typ, all)
	}
	switch {
	case typ.Is(tftypes.Bool):
		return truth(true)
	case typ.Is(tftypes.Number):
		return tftypes.NewValue(typ, 1<<53+1)
	}
	return str("5m")
}
