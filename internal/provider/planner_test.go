package provider

import (
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// known and unknown attributes that follow from the image.
func imageValues(reference, digest string) map[string]string {
	repository, _, _ := strings.Cut(reference, ":")
	return map[string]string{
		"registry": "registry.example.com", "repository": repository, "image_digest": digest,
		"id": repository + "@" + digest + "#t",
	}
}

func with(values map[string]string, pairs ...string) map[string]string {
	values = maps.Clone(values)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return values
}

var unknownImage = map[string]string{
	"registry": unknown, "repository": unknown, "image_digest": unknown, "id": unknown,
}

func unknownHost(host string) func(*settings) {
	return func(s *settings) { s.unknownHosts = map[string]bool{host: true} }
}

func unknownDefault(s *settings) { s.defaultUnknown = true }

func TestPlanNewImage(t *testing.T) {
	t.Parallel()
	one := imageValues(planImage, seedDigest("one"))
	digestUnknown := with(one, "image_digest", unknown, "id", unknown)
	runAll(t, map[string]planTest{
		"by tag": {planned: one, requests: 1},
		"by digest": {
			config:  []change{image("registry.example.com/app@" + seedDigest("one"))},
			planned: one, requests: 1,
		},
		"by digest, missing": {
			config:  []change{image("registry.example.com/app@" + seedDigest("none"))},
			planned: imageValues(planImage, seedDigest("none")), requests: 1,
			problems: []string{"warning at image: Image not found yet"},
		},
		"unknown image": {
			config:  []change{func(m *metadataModel) { m.Image = types.StringUnknown() }},
			planned: with(unknownImage, "digest", oci.DigestOf([]byte("x")).String()),
		},
		"unknown platform": {
			config:  []change{func(m *metadataModel) { m.Platform = types.StringUnknown() }},
			planned: digestUnknown,
		},
		"unknown type": {
			config:  []change{func(m *metadataModel) { m.Type = types.StringUnknown() }},
			planned: with(one, "id", unknown), requests: 1,
		},
		"unknown settings of the registry":   {settings: unknownHost("registry.example.com"), planned: digestUnknown},
		"unknown settings of another":        {settings: unknownHost("ghcr.io"), planned: one, requests: 1},
		"unknown settings of all registries": {settings: func(s *settings) { s.allUnknown = true }, planned: digestUnknown},
		"unknown settings, digest": {
			settings: unknownHost("registry.example.com"), planned: digestUnknown,
			config: []change{image("registry.example.com/app@" + seedDigest("any"))},
		},
		"unknown default registry": {
			settings: unknownDefault, config: []change{image("app:1")}, planned: unknownImage,
		},
		"unknown default registry, named registry": {settings: unknownDefault, planned: one, requests: 1},
		"default registry": {
			settings: func(s *settings) { s.defaultRegistry = "registry.example.com" },
			config:   []change{image("app:1")}, planned: one, requests: 1,
		},
		"layout, unknown settings": {
			settings: func(s *settings) { s.allUnknown = true }, config: []change{image("oci-layout:bundle:1")},
			registry: func(t *testing.T, f *fakeRepositories) {
				t.Helper()
				f.push(t, "oci-layout:bundle:1", "one")
			},
			planned: map[string]string{
				"registry":     "oci-layout",
				"repository":   "oci-layout:bundle",
				"image_digest": seedDigest("one"),
			},
			requests: 1,
		},
		"malformed image": {
			config: []change{image("Not An Image")}, problems: []string{"error at image: Malformed image reference"},
		},
		"malformed image, unknown default registry": {
			settings: unknownDefault, config: []change{image("Not An Image")},
			problems: []string{"error at image: Malformed image reference"},
		},
		"tag not pushed yet": {
			config: []change{image("registry.example.com/app:none")}, planned: digestUnknown, requests: 1,
			problems: []string{"warning at image: Image not found yet"},
		},
		"unreachable registry": {
			registry: func(_ *testing.T, f *fakeRepositories) { f.err = errFakeUnreachable }, requests: 1,
			problems: []string{"error at image: Registry unreachable"},
		},
		"platform": {
			config:   []change{image("registry.example.com/app:multi"), platform("linux/arm64")},
			planned:  imageValues(planImage, childDigest("linux/arm64").String()),
			requests: 1,
		},
		"missing platform": {
			config: []change{image("registry.example.com/app:multi"), platform("linux/s390x")}, requests: 1,
			problems: []string{"error at platform: Platform not found"},
		},
		"platform of a single image": {
			config: []change{platform("linux/arm64")}, requests: 1,
			problems: []string{"error at platform: Not a multi-platform image"},
		},
		"malformed platform": {
			config: []change{platform("arm")}, problems: []string{"error at platform: Malformed platform"},
		},
		"digest with platform, missing": {
			config:   []change{image("registry.example.com/app@" + seedDigest("none")), platform("linux/arm64")},
			requests: 1, planned: digestUnknown, problems: []string{"warning at image: Image not found yet"},
		},
	})
}

func TestPlanWithoutConfiguredProvider(t *testing.T) {
	t.Parallel()
	var diags diag.Diagnostics
	p := planner{private: privateMemory{}, config: configuration(), plan: configuration(), diags: &diags}
	p.run(t.Context())
	if got := shown(&p.plan); got["image_digest"] != unknown || got["repository"] != unknown || len(diags) > 0 {
		t.Errorf("planned %v, %v", got, diags)
	}
}

func TestPlanExistingImage(t *testing.T) {
	t.Parallel()
	existing := []change{} // Not nil: the resource exists.
	moved := func(t *testing.T, f *fakeRepositories) {
		t.Helper()
		f.push(t, planImage, "two")
	}
	gone := func(_ *testing.T, f *fakeRepositories) { f.manifests = nil }
	two := imageValues(planImage, seedDigest("two"))
	multi := []change{image("registry.example.com/app:multi"), platform("linux/arm64")}
	pushMulti := func(platforms ...string) func(*testing.T, *fakeRepositories) {
		return func(t *testing.T, f *fakeRepositories) {
			t.Helper()
			f.pushIndex(t, "registry.example.com/app:multi", platforms...)
		}
	}
	runAll(t, map[string]planTest{
		"unchanged": {created: existing, same: true, requests: 1},
		"unchanged digest": {
			created: []change{image("registry.example.com/app@" + seedDigest("one"))},
			config:  []change{image("registry.example.com/app@" + seedDigest("one"))}, same: true,
		},
		"tag moved": {
			created: existing, registry: moved, requests: 1, replace: []string{"image_digest"},
			planned: with(two, "created", unknown, "media_type", "text/plain"),
		},
		"tag gone": {
			created: existing, registry: gone, same: true, requests: 1,
			problems: []string{"warning at image: Image not found"},
		},
		"unreachable registry": {
			created: existing, registry: func(_ *testing.T, f *fakeRepositories) { f.err = errFakeUnreachable }, requests: 1,
			replace:  []string{"image_digest"},
			problems: []string{"error at image: Registry unreachable"},
		},
		"next tag, not pushed yet": {
			created: existing, config: []change{image("registry.example.com/app:none")}, requests: 1,
			replace: []string{"image_digest"}, planned: map[string]string{"image_digest": unknown, "id": unknown},
			problems: []string{"warning at image: Image not found yet"},
		},
		"another tag of the same image": {
			created: existing, config: []change{image("registry.example.com/app:same")}, requests: 1,
			planned: imageValues(planImage, seedDigest("one")),
		},
		"another tag of another image": {
			created: existing, config: []change{image("registry.example.com/app:2")}, requests: 1, planned: two,
			replace: []string{"image_digest"},
		},
		"the same image in another repository": {
			created: existing, config: []change{image("registry.example.com/other:1")}, requests: 1,
			replace: []string{"repository"}, planned: imageValues("registry.example.com/other:1", seedDigest("one")),
		},
		"digest of the same image": {
			created: existing, config: []change{image("registry.example.com/app@" + seedDigest("one"))}, requests: 1,
			planned: imageValues(planImage, seedDigest("one")),
		},
		"digest of a missing image": {
			created: existing, config: []change{image("registry.example.com/app@" + seedDigest("none"))}, requests: 1,
			planned: imageValues(planImage, seedDigest("none")), replace: []string{"image_digest"},
			problems: []string{"warning at image: Image not found yet"},
		},
		"unchanged digest, image deleted": {
			created:  []change{image("registry.example.com/app@" + seedDigest("one"))},
			config:   []change{image("registry.example.com/app@" + seedDigest("one"))},
			registry: gone, same: true,
		},
		"platform added": {
			created: multi[:1], config: multi, requests: 1, replace: []string{"image_digest"},
			planned: imageValues(planImage, childDigest("linux/arm64").String()),
		},
		"platform unchanged": {created: multi, config: multi, same: true, requests: 1},
		"platform gone": {
			created: multi, config: multi, same: true, requests: 1, registry: pushMulti("linux/amd64"),
			problems: []string{"warning at image: Image not found"},
		},
		"no platforms any more": {
			created: multi, config: multi, same: true, requests: 1,
			registry: func(t *testing.T, f *fakeRepositories) {
				t.Helper()
				f.push(t, "registry.example.com/app:multi", "single")
			},
			problems: []string{"warning at image: Image not found"},
		},
		"another platform, missing": {
			created: multi, config: []change{multi[0], platform("linux/s390x")}, requests: 1,
			replace: []string{"image_digest"}, problems: []string{"error at platform: Platform not found"},
		},
		"unknown platform": {
			created: existing, config: []change{func(m *metadataModel) { m.Platform = types.StringUnknown() }},
			replace: []string{"image_digest"}, planned: map[string]string{
				"repository": "registry.example.com/app",
				"id":         unknown,
			},
		},
		"unknown image": {
			created: existing, config: []change{func(m *metadataModel) { m.Image = types.StringUnknown() }},
			replace: []string{"repository", "image_digest"}, planned: unknownImage,
		},
		"unknown settings": {created: existing, settings: unknownHost("registry.example.com"), same: true},
		"unknown settings, another tag": {
			created: existing, settings: unknownHost("registry.example.com"), config: []change{
				image("registry.example.com/app:2"),
			},
			replace: []string{"image_digest"}, planned: map[string]string{
				"repository": "registry.example.com/app",
				"id":         unknown,
			},
		},
	})
}

func TestPlanContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	large := file("large", "")
	if err := os.Truncate(large, format.MaxContent+1); err != nil {
		t.Fatal(err)
	}
	content := func(content, mediaType string) map[string]string {
		return map[string]string{
			"digest": oci.DigestOf([]byte(content)).String(), "size": strconv.Itoa(len(content)), "media_type": mediaType,
			"created": unknown, "pinned": "true",
		}
	}
	contentUnknown := map[string]string{
		"digest": unknown, "size": unknown, "media_type": unknown, "created": unknown, "pinned": "true",
	}
	kept := content("x", "text/plain")
	delete(kept, "created")
	changes := func(m ...change) []change { return m }
	runAll(t, map[string]planTest{
		"text": {config: changes(text("hello")), planned: content("hello", "text/plain"), requests: 1},
		"JSON": {config: changes(text(`{"a":1}`)), planned: content(`{"a":1}`, "application/json"), requests: 1},
		"base64": {
			config:   changes(encoded("\x00")),
			planned:  content("\x00", "application/octet-stream"),
			requests: 1,
		},
		"source": {
			config:   changes(source(file("a", "[1]"))),
			planned:  content("[1]", "application/json"),
			requests: 1,
		},
		"write-only": {config: changes(writeOnly("hidden", 1)), planned: contentUnknown, requests: 1},
		"unknown text": {
			config:   changes(func(m *metadataModel) { m.Content = types.StringUnknown() }),
			planned:  contentUnknown,
			requests: 1,
		},
		"unknown base64": {
			config:   changes(encoded(""), func(m *metadataModel) { m.ContentBase64 = types.StringUnknown() }),
			planned:  contentUnknown,
			requests: 1,
		},
		"unknown source": {
			config:   changes(source(""), func(m *metadataModel) { m.Source = types.StringUnknown() }),
			planned:  contentUnknown,
			requests: 1,
		},
		"unknown write-only": {
			config: changes(writeOnly("", 1), func(m *metadataModel) { m.ContentWO = types.StringUnknown() }), requests: 1,
			planned: contentUnknown,
		},
		"media type": {config: changes(typed), planned: content("x", "text/x"), requests: 1},
		"unknown media type": {
			config: changes(func(m *metadataModel) { m.MediaType = types.StringUnknown() }), requests: 1,
			planned: content("x", unknown),
		},
		"invalid base64": {
			config: changes(encoded(""), func(m *metadataModel) { m.ContentBase64 = types.StringValue("*") }), requests: 1,
			problems: []string{"error at content_base64: Invalid base64"},
		},
		"missing file": {
			config: changes(source(filepath.Join(dir, "none"))), requests: 1,
			problems: []string{"error at source: File not found"},
		},
		"directory": {
			config: changes(source(dir)), requests: 1, problems: []string{"error at source: File cannot be read"},
		},
		"empty file": {
			config: changes(source(file("empty", ""))), requests: 1, problems: []string{"error at source: Empty content"},
		},
		"large file": {
			config: changes(source(large)), requests: 1, problems: []string{"error at source: Content too large"},
		},
		"other text": {
			created: []change{}, config: changes(text(`{"b":2}`)), planned: content(`{"b":2}`, "application/json"), requests: 1,
		},
		"the same content in another attribute": {
			created:  []change{},
			config:   changes(encoded("x")),
			planned:  kept,
			requests: 1,
		},
		"text becomes unknown": {
			created: []change{}, config: changes(func(m *metadataModel) { m.Content = types.StringUnknown() }), requests: 1,
			planned: contentUnknown,
		},
		"media type added": {
			created: []change{}, config: changes(typed), requests: 1,
			planned: with(kept, "media_type", "text/x", "created", "2026-01-02T03:04:05Z"),
		},
		"media type removed from the configuration": {
			created: changes(typed), requests: 1, same: true,
		},
		"annotations": {
			created: []change{}, requests: 1, planned: with(kept, "created", "2026-01-02T03:04:05Z"),
			config: changes(func(m *metadataModel) { m.Annotations = mapValue(map[string]string{"by": "ops"}) }),
		},
		"unknown annotations": {
			created: []change{}, requests: 1, planned: with(kept, "created", "2026-01-02T03:04:05Z"),
			config: changes(func(m *metadataModel) { m.Annotations = types.MapUnknown(types.StringType) }),
		},
	})
}

// A file that is removed leaves an existing resource alone, unless another change needs its content.
func TestPlanRemovedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, test := range map[string]planTest{
		"unchanged": {same: true, requests: 1, problems: []string{"warning at source: File not found"}},
		"tag moved": {
			registry: func(t *testing.T, f *fakeRepositories) {
				t.Helper()
				f.push(t, planImage, "two")
			},
			replace: []string{"image_digest"}, requests: 1, problems: []string{"error at source: File not found"},
		},
		"another path": {
			config: []change{source(filepath.Join(dir, "none"))}, requests: 1,
			problems: []string{"error at source: File not found"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			test.created = []change{source(file)}
			if test.config == nil {
				test.config = test.created
			}
			registry := test.registry
			test.registry = func(t *testing.T, f *fakeRepositories) {
				t.Helper()
				if err := os.Remove(file); err != nil {
					t.Fatal(err)
				}
				if registry != nil {
					registry(t, f)
				}
			}
			test.run(t)
		})
	}
}

func TestPlanWriteOnlyContent(t *testing.T) {
	t.Parallel()
	one := []change{writeOnly("one", 1)}
	unknownDigest := map[string]string{"digest": unknown, "size": unknown, "created": unknown, "media_type": unknown}
	runAll(t, map[string]planTest{
		"unchanged": {created: one, written: "one", config: one, same: true, requests: 1},
		"other value, version": {
			created:  one,
			written:  "one",
			config:   []change{writeOnly("two", 1)},
			same:     true,
			requests: 1,
		},
		"next version": {
			created:  one,
			written:  "one",
			config:   []change{writeOnly("two", 2)},
			planned:  unknownDigest,
			requests: 1,
		},
		"next version, one value": {
			created:  one,
			written:  "one",
			config:   []change{writeOnly("one", 2)},
			planned:  unknownDigest,
			requests: 1,
		},
		"drifted": {
			created: one, written: "one", config: one, planned: unknownDigest, requests: 1,
			refreshed: []change{
				func(m *metadataModel) { m.Digest = types.StringValue(oci.DigestOf([]byte("theirs")).String()) },
			},
		},
		"nothing recorded": {created: one, config: one, same: true, requests: 1},
		"from text":        {created: []change{}, config: one, planned: unknownDigest, requests: 1},
		"to text": {
			created:  one,
			config:   []change{},
			planned:  map[string]string{"digest": oci.DigestOf([]byte("x")).String()},
			requests: 1,
		},
		"version not known": {
			created:  one,
			written:  "one",
			config:   []change{one[0], func(m *metadataModel) { m.ContentWOVersion = types.Int64Unknown() }},
			planned:  unknownDigest,
			requests: 1,
		},
		"configured mediatype": {
			created:  one,
			written:  "one",
			config:   []change{writeOnly("two", 2), typed},
			planned:  with(unknownDigest, "media_type", "text/x"),
			requests: 1,
		},
	})
}

// A refresh or an import leaves in the state what the registry has.
func TestPlanAfterRefresh(t *testing.T) {
	t.Parallel()
	configured := []change{typed, func(m *metadataModel) { m.Annotations = mapValue(map[string]string{"by": "ops"}) }}
	mine := map[string]string{
		"digest": oci.DigestOf([]byte("x")).String(), "size": "1", "media_type": "text/plain", "pinned": "true",
	}
	runAll(t, map[string]planTest{
		"content drifted": {
			created: []change{}, requests: 1, planned: with(mine, "created", unknown),
			refreshed: []change{func(m *metadataModel) {
				m.setContent([]byte("theirs"))
				m.Digest = types.StringValue(oci.DigestOf([]byte("theirs")).String())
			}},
		},
		"pin lost": {
			created: []change{}, requests: 1, planned: with(mine, "created", "2026-01-02T03:04:05Z"),
			refreshed: []change{func(m *metadataModel) { m.Pinned = types.BoolValue(false) }},
		},
		"content lost": {
			created: []change{}, requests: 1, planned: with(mine, "created", "2026-01-02T03:04:05Z"),
			refreshed: []change{func(m *metadataModel) {
				m.clearContent()
				m.Pinned = types.BoolValue(false)
			}},
		},
		"media type stripped": {
			created: []change{}, requests: 1, same: true,
			refreshed: []change{func(m *metadataModel) { m.MediaType, m.Created = types.StringNull(), types.StringNull() }},
		},
		"configured media type and annotations stripped": {
			created: configured, config: configured, requests: 1, planned: with(mine, "media_type", "text/x", "created", null),
			refreshed: []change{func(m *metadataModel) {
				m.MediaType, m.Created = types.StringNull(), types.StringNull()
				m.Annotations = types.MapNull(types.StringType)
			}},
		},
		"media type of another tool": {
			created: []change{}, requests: 1, same: true,
			refreshed: []change{func(m *metadataModel) { m.MediaType = types.StringValue("text/x") }},
		},
	})
}

// The plan of a creation or a replacement says what becomes of an entry that the image already has.
func TestPlanExistingEntry(t *testing.T) {
	t.Parallel()
	has := func(seed, typ, content string) func(*testing.T, *fakeRepositories) {
		return func(_ *testing.T, f *fakeRepositories) {
			f.document.Set(oci.Digest(seedDigest(seed)), format.Entry{Type: typ, Digest: oci.DigestOf([]byte(content))})
		}
	}
	two := []change{image("registry.example.com/app:2")}
	existing := []change{}
	unknownText := func(m *metadataModel) { m.Content = types.StringUnknown() }
	warning, there := "warning at type: Metadata already exists", "warning at type: Metadata is already there"
	runAll(t, map[string]planTest{
		"create, other content": {registry: has("one", "t", "theirs"), requests: 1, problems: []string{warning}},
		"create, other type":    {registry: has("one", "other", "theirs"), requests: 1},
		"create, other image":   {registry: has("two", "t", "theirs"), requests: 1},
		"create, equal content": {registry: has("one", "t", "x"), requests: 1, problems: []string{there}},
		"create, shared with another tag": {
			requests: 1, registry: func(_ *testing.T, f *fakeRepositories) {
				f.document.Set(oci.Digest(seedDigest("one")), format.Entry{
					Type: "t", Digest: oci.DigestOf([]byte("x")), DeclaredBy: []string{"another-tag"},
				})
			},
		},
		"create, equal and kept": {registry: has("one", "t", "x"), requests: 1, config: []change{kept}},
		"create, unknown content": {
			registry: has("one", "t", "x"), requests: 1, config: []change{unknownText}, problems: []string{warning},
		},
		"create, overwrite": {registry: has("one", "t", "theirs"), requests: 1, config: []change{overwriting}},
		"create, write-only, equal": {
			registry: has("one", "t", "hidden"), requests: 1, config: []change{writeOnly("hidden", 1)},
			problems: []string{there},
		},
		"update": {created: existing, config: []change{text("y")}, registry: has("one", "t", "theirs"), requests: 1},
		"replacement, other content": {
			created: existing, config: two, registry: has("two", "t", "theirs"), requests: 1,
			replace: []string{"image_digest"}, problems: []string{"error at type: Metadata already exists"},
		},
		"replacement, overwrite": {
			created: existing, config: append(two, overwriting), registry: has("two", "t", "theirs"), requests: 1,
			replace: []string{"image_digest"},
		},
		"replacement, equal content": { // The second plan of the replacement, a creation, warns.
			created: existing, config: two, registry: has("two", "t", "x"), requests: 1, replace: []string{"image_digest"},
		},
		"replacement, unknown content": {
			created: existing, config: append(two, unknownText), registry: has("two", "t", "x"), requests: 1,
			replace: []string{"image_digest"},
		},
		"another type": {
			created: existing, config: []change{ofType("next")}, registry: has("one", "next", "theirs"), requests: 1,
			problems: []string{"error at type: Metadata already exists"},
		},
		"another type, unknown settings": {
			created: existing, config: []change{ofType("next")}, settings: unknownHost("registry.example.com"),
			registry: has("one", "next", "theirs"),
		},
	})
}

func TestPlanOnTagMove(t *testing.T) {
	t.Parallel()
	moved := func(t *testing.T, f *fakeRepositories) {
		t.Helper()
		f.push(t, planImage, "two")
	}
	replace, keep, fail := onTagMove(tagMoveReplace), onTagMove(tagMoveKeep), onTagMove(tagMoveFail)
	one, two := imageValues(planImage, seedDigest("one")), imageValues(planImage, seedDigest("two"))
	multi := []change{image("registry.example.com/app:multi"), platform("linux/arm64")}
	runAll(t, map[string]planTest{
		"replace": {
			created: []change{replace}, config: []change{replace}, registry: moved, requests: 1, planned: two,
			replace: []string{"image_digest"},
		},
		"keep": {created: []change{keep}, config: []change{keep}, registry: moved, same: true},
		"keep, other content": {
			created: []change{keep}, config: []change{keep, text("y")}, registry: moved, planned: one,
		},
		"keep, another tag": {
			created: []change{keep}, config: []change{keep, image("registry.example.com/app:2")}, requests: 1, planned: two,
			replace: []string{"image_digest"},
		},
		"keep, tag gone": {
			created: []change{keep}, config: []change{keep}, same: true,
			registry: func(_ *testing.T, f *fakeRepositories) { f.manifests = nil },
		},
		"keep, created":    {config: []change{keep}, registry: moved, requests: 1, planned: two},
		"keep from now on": {created: []change{}, config: []change{keep}, registry: moved, planned: one},
		"fail": {
			created: []change{fail}, config: []change{fail}, registry: moved, requests: 1,
			replace: []string{"image_digest"}, problems: []string{"error at image: Tag moved"},
		},
		"fail, not moved": {created: []change{fail}, config: []change{fail}, requests: 1, same: true},
		"fail, created":   {config: []change{fail}, registry: moved, requests: 1, planned: two},
		"fail, another tag": {
			created: []change{fail}, config: []change{fail, image("registry.example.com/app:2")}, requests: 1, planned: two,
			replace: []string{"image_digest"},
		},
		"fail, tag gone": {
			created: []change{fail}, config: []change{fail}, requests: 1, same: true,
			registry: func(_ *testing.T, f *fakeRepositories) { f.manifests = nil },
			problems: []string{"warning at image: Image not found"},
		},
		"fail, platform": {
			created: append(multi, fail), config: append(multi, fail), requests: 1, same: true,
			registry: func(t *testing.T, f *fakeRepositories) { // The index moves, and the platform's image stays.
				t.Helper()
				f.pushIndex(t, "registry.example.com/app:multi", "linux/arm64")
			},
		},
	})
}
