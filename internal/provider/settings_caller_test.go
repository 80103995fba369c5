package provider

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// settingsOf is a part of the provider's configuration: texts, booleans, lists of texts, unknownValue, and objects of
// them. What is missing or nil is null.
type settingsOf map[string]any

// unknownValue is a value that is not known yet.
type unknownValue struct{}

// and returns the settings with others in place of their own.
func (s settingsOf) and(with settingsOf) settingsOf {
	all := maps.Clone(s)
	maps.Copy(all, with)
	return all
}

// value returns the settings as a value of a type.
func (s settingsOf) value(t *testing.T, typ tftypes.Type) tftypes.Value {
	t.Helper()
	if s == nil {
		return tftypes.NewValue(typ, nil)
	}
	attributes := values{}
	for name, attribute := range objectType(t, typ).AttributeTypes {
		switch v := s[name].(type) {
		case settingsOf:
			if m, ok := attribute.(tftypes.Map); ok {
				attributes[name] = tftypes.NewValue(m, v.texts(t))
			} else {
				attributes[name] = v.value(t, attribute)
			}
		case unknownValue:
			attributes[name] = tftypes.NewValue(attribute, tftypes.UnknownValue)
		case []string:
			elements := make([]tftypes.Value, len(v))
			for i, text := range v {
				elements[i] = str(text)
			}
			attributes[name] = tftypes.NewValue(attribute, elements)
		default:
			attributes[name] = tftypes.NewValue(attribute, v)
		}
	}
	return tftypes.NewValue(typ, attributes)
}

// texts returns the settings as the elements of a map.
func (s settingsOf) texts(t *testing.T) values {
	t.Helper()
	elements := values{}
	for key, value := range s {
		text, ok := value.(string)
		if !ok {
			t.Fatalf("the element %s of a map is %v", key, value)
		}
		elements[key] = str(text)
	}
	return elements
}

// settingsCaller calls the server of a provider, as Terraform does, until the provider is configured.
type settingsCaller struct {
	t        *testing.T
	provider *manifestoProvider
	server   tfprotov6.ProviderServer
	typ      tftypes.Type
}

func newSettingsCaller(t *testing.T) settingsCaller {
	t.Helper()
	p := &manifestoProvider{version: "test"}
	c := settingsCaller{t: t, provider: p, server: providerserver.NewProtocol6(p)()}
	schemas, err := c.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c.typ = schemas.Provider.Block.ValueType()
	return c
}

// config returns a configuration of the provider.
func (c settingsCaller) config(settings settingsOf) *tfprotov6.DynamicValue {
	c.t.Helper()
	config, err := tfprotov6.NewDynamicValue(c.typ, settings.value(c.t, c.typ))
	if err != nil {
		c.t.Fatal(err)
	}
	return &config
}

// validate returns what terraform validate tells, one text each: the attribute, ": ", the summary and the detail.
func (c settingsCaller) validate(config *tfprotov6.DynamicValue) []string {
	c.t.Helper()
	resp, err := c.server.ValidateProviderConfig(
		c.t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: config},
	)
	if err != nil {
		c.t.Fatal(err)
	}
	return describeProblems(resp.Diagnostics)
}

// configure returns what a plan tells before it reads anything.
func (c settingsCaller) configure(config *tfprotov6.DynamicValue) []string {
	c.t.Helper()
	resp, err := c.server.ConfigureProvider(c.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})
	if err != nil {
		c.t.Fatal(err)
	}
	return describeProblems(resp.Diagnostics)
}

func describeProblems(diagnostics []*tfprotov6.Diagnostic) []string {
	var problems []string
	for _, d := range diagnostics {
		var at []string
		for _, step := range d.Attribute.Steps() {
			switch s := step.(type) {
			case tftypes.AttributeName:
				at = append(at, string(s))
			default:
				at = append(at, "[]")
			}
		}
		problems = append(problems, strings.Join(at, ".")+": "+d.Summary+"\n"+d.Detail)
	}
	return problems
}
