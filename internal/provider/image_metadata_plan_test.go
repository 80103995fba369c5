package provider

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// imageChange edits a configuration of manifesto_image_metadata.
type imageChange func(*imageMetadataModel)

// imageConfiguration returns a configuration with a contact "x", for an image under the tag planImage, with changes.
func imageConfiguration(changes ...imageChange) imageMetadataModel {
	m := imageMetadataModel{
		JSONSchema: types.MapNull(types.StringType), Digests: types.MapUnknown(types.StringType),
		Overwrite: types.BoolValue(false), KeepOnDestroy: types.BoolValue(false), Pinned: types.BoolUnknown(),
	}
	m.Image = types.StringValue(planImage)
	m.setPieces(map[string]imagePiece{"contact": textPiece("x")})
	for _, c := range changes {
		c(&m)
	}
	return m
}

func textPiece(content string) imagePiece {
	return imagePiece{content: types.StringValue(content), annotations: types.MapNull(types.StringType)}
}

// ofImage configures another image.
func ofImage(reference string) imageChange {
	return func(m *imageMetadataModel) { m.Image = types.StringValue(reference) }
}

// having sets an element of metadata.
func having(key string, piece imagePiece) imageChange {
	return func(m *imageMetadataModel) {
		pieces := m.pieces()
		pieces[key] = piece
		m.setPieces(pieces)
	}
}

func movingTags(value string) imageChange {
	return func(m *imageMetadataModel) { m.OnTagMove = types.StringValue(value) }
}

// imagePlanTest is one row: what the resource was created from, what it is now, and what the plan must be.
type imagePlanTest struct {
	// created is the configuration that the resource was created from; nil if the resource does not exist.
	created  []imageChange
	config   []imageChange
	registry func(t *testing.T, f *fakeRepositories)
	settings settings

	// planned has attributes of the plan; digests have a key after a period.
	planned map[string]string
	replace []string
	// problems are warnings and errors, as "error at ATTRIBUTE: SUMMARY".
	problems []string
}

func (test imagePlanTest) run(t *testing.T) {
	t.Helper()
	f := &fakeRepositories{}
	f.push(t, planImage, "one")
	f.push(t, "registry.example.com/app:same", "one")
	f.push(t, "registry.example.com/app:2", "two")
	f.pushIndex(t, "registry.example.com/app:index", "linux/amd64", "linux/arm64")
	var diags diag.Diagnostics
	var state *imageMetadataModel
	if test.created != nil {
		p := imagePlanner{
			data: f.provider(settings{}), private: privateMemory{}, diags: &diags, plan: imageConfiguration(test.created...),
		}
		p.run(t.Context(), timeLimit{})
		state = &p.plan
	}
	if test.registry != nil {
		test.registry(t, f)
	}
	p := imagePlanner{
		data: f.provider(test.settings), private: privateMemory{}, diags: &diags, state: state,
		plan: imageConfiguration(test.config...),
	}
	p.run(t.Context(), timeLimit{})
	var problems []string
	for _, d := range diags {
		where := "nowhere"
		if located, ok := d.(diag.DiagnosticWithPath); ok {
			where = located.Path().String()
		}
		problems = append(problems, strings.ToLower(d.Severity().String())+" at "+where+": "+d.Summary())
		if strings.Contains(d.Detail(), "secret") {
			t.Errorf("a diagnostic repeats a content: %s", d.Detail())
		}
	}
	if !slices.Equal(problems, test.problems) {
		t.Errorf("problems: %q, want %q (%v)", problems, test.problems, diags)
	}
	var replace []string
	for _, path := range p.image.replace {
		replace = append(replace, path.String())
	}
	if !slices.Equal(replace, test.replace) {
		t.Errorf("replaced for %q, want %q", replace, test.replace)
	}
	got := shownImage(&p.plan)
	for name, want := range test.planned {
		if got[name] != want {
			t.Errorf("%s is planned as %s, want %s", name, got[name], want)
		}
	}
}

// shownImage returns the computed attributes of a model as text.
func shownImage(m *imageMetadataModel) map[string]string {
	values := map[string]attr.Value{
		"id": m.ID, "registry": m.Registry, "repository": m.Repository, "image_digest": m.ImageDigest,
		"digests": m.Digests, "pinned": m.Pinned,
	}
	for key, digest := range m.Digests.Elements() {
		values["digests."+key] = digest
	}
	text := map[string]string{}
	for name, value := range values {
		text[name] = strings.Trim(value.String(), `"`)
		if value.IsUnknown() {
			text[name] = unknown
		}
	}
	return text
}

func TestImageMetadataPlan(t *testing.T) {
	t.Parallel()
	id := func(seed string) map[string]string {
		digest := seedDigest(seed)
		return map[string]string{
			"id": "registry.example.com/app@" + digest, "registry": "registry.example.com",
			"repository": "registry.example.com/app", "image_digest": digest,
		}
	}
	x := oci.DigestOf([]byte("x")).String()
	moves := func(t *testing.T, f *fakeRepositories) {
		t.Helper()
		f.push(t, planImage, "new")
	}
	missing := func(_ *testing.T, f *fakeRepositories) { delete(f.manifests, planImage) }
	has := func(typ, content string, references ...string) func(*testing.T, *fakeRepositories) {
		return func(_ *testing.T, f *fakeRepositories) {
			for _, seed := range []string{"one", "new"} {
				f.document.Set(oci.Digest(seedDigest(seed)), format.Entry{
					Type: typ, Digest: oci.DigestOf([]byte(content)), Size: 1, DeclaredBy: references,
				})
			}
		}
	}
	both := func(registries ...func(*testing.T, *fakeRepositories)) func(*testing.T, *fakeRepositories) {
		return func(t *testing.T, f *fakeRepositories) {
			t.Helper()
			for _, change := range registries {
				change(t, f)
			}
		}
	}
	overwriting := func(m *imageMetadataModel) { m.Overwrite = types.BoolValue(true) }
	moved := []string{"image_digest"}
	for name, test := range map[string]imagePlanTest{
		"new": {planned: with(id("one"), "digests.contact", x, "pinned", "true")},
		"new by digest": {
			config: []imageChange{ofImage("registry.example.com/app@" + seedDigest("one"))}, planned: id("one"),
		},
		"platform": {
			config: []imageChange{ofImage("registry.example.com/app:index"), func(m *imageMetadataModel) {
				m.Platform = types.StringValue("linux/arm64")
			}},
			planned: map[string]string{"image_digest": childDigest("linux/arm64").String()},
		},
		"image not pushed yet": {
			config:   []imageChange{ofImage("registry.example.com/app:none")},
			planned:  map[string]string{"id": unknown, "image_digest": unknown, "digests.contact": x},
			problems: []string{"warning at image: Image not found yet"},
		},
		"unknown image": {
			config:  []imageChange{func(m *imageMetadataModel) { m.Image = types.StringUnknown() }},
			planned: map[string]string{"id": unknown, "repository": unknown, "digests.contact": x},
		},
		"unknown settings": {
			settings: settings{allUnknown: true}, planned: map[string]string{"id": unknown, "digests.contact": x},
		},
		"unknown settings of an existing one": {
			created: []imageChange{}, settings: settings{allUnknown: true}, planned: id("one"),
		},
		"unknown metadata": {
			config: []imageChange{func(m *imageMetadataModel) {
				m.Metadata = types.MapUnknown(imagePieceType)
			}},
			planned: with(id("one"), "digests", unknown, "pinned", "true"),
		},
		"unknown element": {
			config: []imageChange{func(m *imageMetadataModel) {
				m.Metadata = types.MapValueMust(imagePieceType, map[string]attr.Value{
					"a": types.ObjectUnknown(imagePieceType.AttrTypes), "b": textPiece("x").object(),
				})
			}},
			planned: map[string]string{"digests.a": unknown, "digests.b": x},
		},
		"unknown content": {
			config: []imageChange{having("a", imagePiece{
				contentBase64: types.StringUnknown(), annotations: types.MapUnknown(types.StringType),
			})},
			planned: map[string]string{"digests.a": unknown, "digests.contact": x},
		},
		"the other attribute is unknown": {
			config: []imageChange{having("a", imagePiece{
				content: types.StringValue("x"), contentBase64: types.StringUnknown(),
				annotations: types.MapNull(types.StringType),
			})},
			planned: map[string]string{"digests.a": unknown},
		},
		"tag moves": {created: []imageChange{}, registry: moves, planned: id("new"), replace: moved},
		"tag moves, replace": {
			created: []imageChange{}, config: []imageChange{movingTags("replace")}, registry: moves, planned: id("new"),
			replace: moved,
		},
		"tag moves, keep": {
			created: []imageChange{}, config: []imageChange{movingTags("keep")}, registry: moves, planned: id("one"),
		},
		"tag moves, fail": {
			created: []imageChange{}, config: []imageChange{movingTags("fail")}, registry: moves, replace: moved,
			problems: []string{"error at image: Tag moved"},
		},
		"tag is gone": {
			created: []imageChange{}, registry: missing, planned: id("one"),
			problems: []string{"warning at image: Image not found"},
		},
		"another tag of the image": {
			created: []imageChange{}, config: []imageChange{ofImage("registry.example.com/app:same")}, planned: id("one"),
		},
		"another image": {
			created: []imageChange{}, config: []imageChange{ofImage("registry.example.com/app:2")}, planned: id("two"),
			replace: moved,
		},
		"there is an equal one": {
			registry: has("contact", "x"), problems: []string{"warning at metadata: " + alreadyThere},
		},
		"there is an equal one that stays": {
			registry: has("contact", "x"),
			config:   []imageChange{func(m *imageMetadataModel) { m.KeepOnDestroy = types.BoolValue(true) }},
		},
		"there is an equal one that others declare": {registry: has("contact", "x", "1", "2")},
		"there is another content": {
			registry: has("contact", "y"), problems: []string{"warning at metadata: " + alreadyExists},
		},
		"there is another type": {registry: has("sbom", "y"), problems: []string{"warning at metadata: " + alreadyExists}},
		"there is one, overwrite": {
			registry: has("sbom", "y"), config: []imageChange{overwriting},
			problems: []string{"warning at metadata: " + willReplace},
		},
		"a replacement meets one": {
			created: []imageChange{}, registry: both(moves, has("sbom", "y")), replace: moved,
			problems: []string{"error at metadata: " + alreadyExists},
		},
		"a replacement meets one, overwrite": {
			created: []imageChange{}, config: []imageChange{overwriting}, registry: both(moves, has("sbom", "y")),
			replace: moved, problems: []string{"warning at metadata: " + willReplace},
		},
		"an update looks nothing up": {created: []imageChange{}, registry: has("sbom", "y")},
		"unreachable registry": {
			registry: func(_ *testing.T, f *fakeRepositories) { f.err = errFakeUnreachable },
			problems: []string{"error at image: Registry unreachable"},
		},
		"schema matches": {
			config: []imageChange{having("policy", textPiece("{}")), withSchema("policy", `{"type": "object"}`)},
		},
		"schema of no element": {
			config: []imageChange{withSchema("other", `{"type": "object"}`)}, planned: map[string]string{"digests.contact": x},
		},
		"content does not match the schema": {
			config: []imageChange{
				having("policy", textPiece(`{"key": "secret"}`)), withSchema("policy", `{"required": ["approved"]}`),
			},
			problems: []string{`error at metadata["policy"]: ` + mismatchedSchema},
		},
		"malformed schema": {
			config:   []imageChange{withSchema("contact", `{`)},
			problems: []string{`error at json_schema["contact"]: ` + invalidSchema},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

func withSchema(key, schema string) imageChange {
	return func(m *imageMetadataModel) {
		m.JSONSchema = types.MapValueMust(types.StringType, map[string]attr.Value{key: types.StringValue(schema)})
	}
}

// Wrong input is an error on the element, and names no content.
func TestImageMetadataInput(t *testing.T) {
	t.Parallel()
	base64Piece := imagePiece{contentBase64: types.StringValue("secret*"), annotations: types.MapNull(types.StringType)}
	two := textPiece("secret")
	two.contentBase64 = types.StringValue("eA==")
	mediaType := textPiece("secret")
	mediaType.mediaType = types.StringValue("text")
	annotated := textPiece("secret")
	annotated.annotations = types.MapValueMust(types.StringType, map[string]attr.Value{"by": types.StringNull()})
	many := map[string]string{}
	for i := range format.MaxAnnotations + 1 {
		many[strings.Repeat("a", i%10)+string(rune('A'+i%26))+strings.Repeat("b", i/10)] = ""
	}
	crowded := textPiece("secret")
	crowded.annotations = mapValue(many)
	large := textPiece(strings.Repeat("secret", format.MaxContent/6+1))
	half := textPiece(strings.Repeat("x", format.MaxContent*3/4))
	for name, test := range map[string]struct {
		changes []imageChange
		want    string
	}{
		"no content": {
			[]imageChange{having("a", imagePiece{annotations: types.MapNull(types.StringType)})}, "No content",
		},
		"two contents":         {[]imageChange{having("a", two)}, "More than one content"},
		"empty content":        {[]imageChange{having("a", textPiece(""))}, "Empty content"},
		"empty type":           {[]imageChange{having("", textPiece("x"))}, "Empty type"},
		"invalid base64":       {[]imageChange{having("a", base64Piece)}, "Invalid base64"},
		"invalid media type":   {[]imageChange{having("a", mediaType)}, "Invalid media type"},
		"annotation of null":   {[]imageChange{having("a", annotated)}, emptyAnnotation},
		"too many annotations": {[]imageChange{having("a", crowded)}, "Too many annotations"},
		"too large":            {[]imageChange{having("a", large)}, "Content too large"},
		"too large together":   {[]imageChange{having("a", half), having("b", half), having("c", half)}, contentsTooLarge},
		"an element of null": {
			[]imageChange{func(m *imageMetadataModel) {
				m.Metadata = types.MapValueMust(imagePieceType, map[string]attr.Value{
					"a": types.ObjectNull(imagePieceType.AttrTypes),
				})
			}},
			"No content",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := imageConfiguration(test.changes...)
			var diags diag.Diagnostics
			m.declared(&diags)
			if len(diags) != 1 || diags[0].Summary() != test.want {
				t.Fatalf("diagnostics %v, want %s", diags, test.want)
			}
			located, ok := diags[0].(diag.DiagnosticWithPath)
			want := `metadata["a"]`
			switch name {
			case "empty type":
				want = `metadata[""]`
			case "too large together":
				want = "metadata"
			}
			if !ok || located.Path().String() != want {
				t.Errorf("the error is not at %s: %v", want, diags)
			}
			if strings.Contains(diags[0].Detail(), "secret") {
				t.Errorf("the error repeats the content: %s", diags[0].Detail())
			}
		})
	}
}

// A refresh leaves the state unchanged, without a request, while settings that the registry needs are not known.
func TestImageMetadataReadWithUnknownSettings(t *testing.T) {
	t.Parallel()
	f := &fakeRepositories{}
	state := imageConfiguration()
	repository, err := oci.ParseRepository("registry.example.com/app", "")
	if err != nil {
		t.Fatal(err)
	}
	state.setImage(repository, oci.Digest(seedDigest("one")))
	state.Digests, state.Pinned = mapValue(map[string]string{"contact": "sha256:0"}), types.BoolValue(true)
	r := imageMetadataResource{data: f.provider(settings{allUnknown: true})}
	var described resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &described)
	var identity resource.IdentitySchemaResponse
	r.IdentitySchema(t.Context(), resource.IdentitySchemaRequest{}, &identity)
	before := tfsdk.State{
		Schema: described.Schema, Raw: tftypes.NewValue(described.Schema.Type().TerraformType(t.Context()), nil),
	}
	typ, ok := timeoutsType().(timeouts.Type)
	if !ok {
		t.Fatalf("timeouts are %T", timeoutsType())
	}
	state.Timeouts = timeouts.Value{Object: types.ObjectNull(typ.AttrTypes)}
	if diags := before.Set(t.Context(), &state); diags.HasError() {
		t.Fatal(diags)
	}
	resp := resource.ReadResponse{State: before, Identity: &tfsdk.ResourceIdentity{
		Schema: identity.IdentitySchema,
		Raw:    tftypes.NewValue(identity.IdentitySchema.Type().TerraformType(t.Context()), nil),
	}}
	r.Read(t.Context(), resource.ReadRequest{State: before}, &resp)
	if len(resp.Diagnostics) > 0 || !resp.State.Raw.Equal(before.Raw) || f.requests+f.reads > 0 {
		t.Errorf("%v, %d requests\n%v", resp.Diagnostics, f.requests+f.reads, resp.State.Raw)
	}
	if resp.Identity.Raw.IsFullyNull() {
		t.Error("there is no identity")
	}
}
