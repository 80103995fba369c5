package provider

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// The tests of the planner run without Terraform and without a network. They start from a resource with the content
// "x" of the type "t" for an image under the tag planImage.
const planImage = "registry.example.com/app:1"

// What a plan shows instead of a value.
const (
	unknown = "(unknown)"
	null    = "(null)"
)

// change edits a model: a configuration, or the state that applying the configuration has left.
type change func(*metadataModel)

func image(reference string) change {
	return func(m *metadataModel) { m.Image = types.StringValue(reference) }
}

func platform(name string) change {
	return func(m *metadataModel) { m.Platform = types.StringValue(name) }
}

func text(content string) change {
	return func(m *metadataModel) {
		withoutContent(m)
		m.Content = types.StringValue(content)
	}
}

func encoded(content string) change {
	return func(m *metadataModel) {
		withoutContent(m)
		m.ContentBase64 = types.StringValue(base64.StdEncoding.EncodeToString([]byte(content)))
	}
}

func source(file string) change {
	return func(m *metadataModel) {
		withoutContent(m)
		m.Source = types.StringValue(file)
	}
}

func writeOnly(content string, version int64) change {
	return func(m *metadataModel) {
		withoutContent(m)
		m.ContentWO, m.ContentWOVersion = types.StringValue(content), types.Int64Value(version)
	}
}

// overwriting configures overwrite.
func overwriting(m *metadataModel) { m.Overwrite = types.BoolValue(true) }

// onTagMove configures on_tag_move.
func onTagMove(value string) change {
	return func(m *metadataModel) { m.OnTagMove = types.StringValue(value) }
}

// kept configures keep_on_destroy.
func kept(m *metadataModel) { m.KeepOnDestroy = types.BoolValue(true) }

// ofType configures another type.
func ofType(typ string) change {
	return func(m *metadataModel) { m.Type = types.StringValue(typ) }
}

// typed configures the media type "text/x".
func typed(m *metadataModel) { m.MediaType = types.StringValue("text/x") }

func withoutContent(m *metadataModel) {
	m.clearContent()
	m.Source, m.ContentWO, m.ContentWOVersion = types.StringNull(), types.StringNull(), types.Int64Null()
}

// configuration returns the configuration of the resource with changes.
func configuration(changes ...change) metadataModel {
	m := metadataModel{
		Type:          types.StringValue("t"),
		Overwrite:     types.BoolValue(false),
		KeepOnDestroy: types.BoolValue(false),
	}
	m.Image = types.StringValue(planImage)
	m.Content = types.StringValue("x")
	m.Annotations = types.MapNull(types.StringType)
	for _, c := range changes {
		c(&m)
	}
	return m
}

// planTest is one row: what the resource was created from, what it is now, and what the plan must be.
type planTest struct {
	// created is the configuration that the resource was created from; nil if the resource does not exist.
	created []change
	// refreshed changes the state as a refresh does.
	refreshed []change
	// written is the write-only content that the resource has recorded as applied.
	written string
	// config is the configuration to plan.
	config []change
	// registry changes what the registry has since the creation.
	registry func(t *testing.T, f *fakeRepositories)
	// settings changes the settings of the provider.
	settings func(s *settings)

	// same means that the plan must change nothing.
	same bool
	// planned has some attributes of the plan.
	planned map[string]string
	// replace has the attributes that replace the resource.
	replace []string
	// problems are warnings and errors, as "error at ATTRIBUTE: SUMMARY".
	problems []string
	// requests is the number of requests to the registry.
	requests int
}

// run plans the row.
func (test planTest) run(t *testing.T) {
	t.Helper()
	f := &fakeRepositories{}
	f.push(t, planImage, "one")
	f.push(t, "registry.example.com/app:same", "one")
	f.push(t, "registry.example.com/app:2", "two")
	f.push(t, "registry.example.com/other:1", "one")
	f.pushIndex(t, "registry.example.com/app:multi", "linux/amd64", "linux/arm64")

	var diags diag.Diagnostics
	p := planner{config: configuration(test.config...), private: privateMemory{}, diags: &diags}
	p.plan = p.config
	p.plan.ContentWO = types.StringNull() // Terraform plans no write-only value.
	if test.created != nil {
		p.state = test.state(t, f)
	}
	if test.written != "" {
		rememberApplied(t.Context(), p.private, oci.DigestOf([]byte(test.written)).String(), &diags)
	}
	s := settings{}
	if test.settings != nil {
		test.settings(&s)
	}
	if test.registry != nil {
		test.registry(t, f)
	}
	p.data = f.provider(s)
	f.requests, f.reads = 0, 0
	p.run(t.Context())
	test.check(t, &p, f)
}

// state returns the state of the existing resource: planned with the first configuration, applied and refreshed.
func (test planTest) state(t *testing.T, f *fakeRepositories) *metadataModel {
	t.Helper()
	var diags diag.Diagnostics
	p := planner{
		config:  configuration(test.created...),
		private: privateMemory{},
		diags:   &diags,
		data:    f.provider(settings{}),
	}
	p.plan = p.config
	p.run(t.Context())
	content, _ := p.config.content(&diags)
	if len(diags) > 0 {
		t.Fatalf("the creation: %v", diags)
	}
	state := p.plan
	state.ContentWO = types.StringNull()
	state.Digest = types.StringValue(oci.DigestOf(content).String())
	state.Size = types.Int64Value(int64(len(content)))
	state.Created = types.StringValue("2026-01-02T03:04:05Z")
	if state.MediaType.IsUnknown() {
		state.MediaType = types.StringValue(format.DetectMediaType(content))
	}
	for _, c := range test.refreshed {
		c(&state)
	}
	return &state
}

func (test planTest) check(t *testing.T, p *planner, f *fakeRepositories) {
	t.Helper()
	var problems []string
	for _, d := range *p.diags {
		where := "nowhere"
		if at, ok := d.(diag.DiagnosticWithPath); ok {
			where = at.Path().String()
		}
		problems = append(problems, strings.ToLower(d.Severity().String())+" at "+where+": "+d.Summary())
	}
	if !slices.Equal(problems, test.problems) {
		t.Errorf("problems: %q, want %q (%v)", problems, test.problems, *p.diags)
	}
	if f.requests != test.requests {
		t.Errorf("%d requests, want %d", f.requests, test.requests)
	}
	if p.state != nil && !p.replaces() && f.reads > 0 {
		t.Errorf("the plan of an existing resource reads the manifesto")
	}
	var replace []string
	for _, at := range p.replace {
		replace = append(replace, at.String())
	}
	if !slices.Equal(replace, test.replace) {
		t.Errorf("replaced for %q, want %q", replace, test.replace)
	}
	plan := shown(&p.plan)
	for name, want := range test.planned {
		if got, ok := plan[name]; !ok || got != want {
			t.Errorf("%s is planned as %s, want %s", name, got, want)
		}
	}
	if test.same && !reflect.DeepEqual(p.plan, *p.state) {
		t.Errorf("the plan changes %v to %v", shown(p.state), plan)
	}
}

// shown returns the computed attributes of a model as text.
func shown(m *metadataModel) map[string]string {
	text := map[string]string{}
	for name, value := range map[string]attr.Value{
		"id": m.ID, "registry": m.Registry, "repository": m.Repository, "image_digest": m.ImageDigest,
		"digest": m.Digest, "size": m.Size, "media_type": m.MediaType, "created": m.Created, "pinned": m.Pinned,
	} {
		switch {
		case value.IsUnknown():
			text[name] = unknown
		case value.IsNull():
			text[name] = null
		default:
			text[name] = strings.Trim(value.String(), `"`)
		}
	}
	return text
}

// privateMemory is private state in memory.
type privateMemory map[string][]byte

// GetKey implements privateState.
func (p privateMemory) GetKey(_ context.Context, key string) ([]byte, diag.Diagnostics) {
	return p[key], nil
}

// SetKey implements privateState.
func (p privateMemory) SetKey(_ context.Context, key string, value []byte) diag.Diagnostics {
	var diags diag.Diagnostics
	if !json.Valid(value) { // As the framework does.
		diags.AddError("Invalid private state", string(value))
	}
	p[key] = value
	return diags
}

func seedDigest(seed string) string {
	return oci.DigestOf(fmt.Appendf(nil, `{"schemaVersion":2,"seed":%q}`, seed)).String()
}

func runAll(t *testing.T, tests map[string]planTest) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}
