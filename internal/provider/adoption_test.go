package provider

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// adopted are contents that a configuration which Terraform generates must give back byte by byte.
var adopted = map[string]string{
	"compact JSON":            `{"a":[1,-2.5,true,null,"x"],"b":{},"c":[]}`,
	"pretty JSON":             "{\n  \"a\": 1\n}\n",
	"JSON and a newline":      "{\"a\":1}\n",
	"unsorted JSON":           `{"b":1,"a":2}`,
	"JSON with HTML":          `{"a":"<b>&"}`,
	"JSON with HTML, escaped": `{"a":"\u003cb\u003e\u0026"}`,
	"JSON, slash escaped":     `{"a":"\/"}`,
	"JSON, letter escape":     `{"a":"\u0041\u00e9"}`,
	"JSON, no NFC inside":     `{"a":"e\u0301"}`,
	"JSON, line break":        `{"a":"x\ny\tz\r"}`,
	"JSON, backspace":         `{"a":"\b\f\u0001"}`,
	"JSON, separators":        `{"a":"\u2028"}`,
	"JSON with a float":       `{"a":1.0}`,
	"JSON, exponent":          `{"a":1e3,"b":1E400}`,
	"JSON, overflow":          `{"a":1e999999999}`,
	"JSON, big integer":       `{"a":123456789012345678901234567890}`,
	"JSON, many digits":       `[3.` + strings.Repeat("141592653589793", 20) + `]`,
	"JSON, minus zero":        `[-0]`,
	"JSON, keywords":          `{"false":1,"for":2,"if":3,"null":4}`,
	"JSON, first key for":     `{"for":2}`,
	"JSON, templates":         `{"%{if}":"$${b} %{c} ${d}"}`,
	"JSON, same keys":         `{"a":1,"a":2}`,
	"JSON, two types":         `{"a":1,"a":"2"}`,
	"JSON, nested":            strings.Repeat("[", 200) + strings.Repeat("]", 200),
	"JSON, then more":         `{"a":1}]`,
	"two documents":           "{}\n{}",
	"JSON text":               `"text"`,
	"null":                    "null",
	"null and a newline":      "null\n",
	"number":                  "1.0",
	"no JSON":                 "{a: [1, 2]}\n",
	"list of links":           "[link](https://example.com)",
	"plain":                   "platform-team@example.com",
	"newline":                 "line\n",
	"CRLF":                    "a\r\nb\r\n",
	"tabs and spaces":         " \t a \n",
	"quotes":                  `she said "a \"b\" \n"`,
	"templates":               "${a} $${b} $$${c} %{if d} %%{e} $ % $$ {",
	"heredoc":                 "<<EOT\ntext\nEOT\n",
	"comment":                 "# a // b /* c */",
	"control characters":      "a\x00b\x1b[0m\x7f\b\f\v",
	"invisible":               "\ufeffa\u200b\u2028\U000e0001",
	"emoji":                   "naïve 👍🏽 日本",
	"no NFC":                  "e\u0301",
	"no NFC in JSON":          "{\"a\":\"e\u0301\"}",
	"not UTF-8":               "\xff\xfe",
	"binary":                  "\x00\x01\x80\xff",
}

// foundBy is how Terraform finds metadata to adopt.
type foundBy func(c *commandLine, w *world)

// byQuery finds the metadata of a repository with terraform query.
func byQuery(c *commandLine, w *world) {
	c.write("all.tfquery.hcl", fmt.Sprintf(`
		list "manifesto_metadata" "all" {
			provider = manifesto
			limit    = 1000
			config {
				repository = %q
			}
		}`, w.ref("")))
	c.terraform("query", "-generate-config-out=generated.tf")
}

// byImportBlocks finds it with an import block for each piece.
func byImportBlocks(c *commandLine, w *world) {
	images, err := w.store().Images(context.Background(), w.remote.Repository())
	if err != nil {
		w.t.Fatal(err)
	}
	var blocks strings.Builder
	for i, image := range images {
		for j, entry := range image.Entries {
			id := w.remote.Repository().Digested(image.Digest).String() + "#" + keyOfType(entry.Type)
			fmt.Fprintf(&blocks, "import {\n  to = manifesto_metadata.all_%d_%d\n  id = %q\n}\n", i, j, id)
		}
	}
	c.write("import.tf", blocks.String())
	c.terraform("plan", "-generate-config-out=generated.tf")
}

// adopts takes over the metadata of a repository with a generated configuration. Nothing may change what the registry
// has, and the plan after it must be empty. It returns the configuration.
func adopts(t *testing.T, w *world, found foundBy) string {
	t.Helper()
	c := newCommandLine(t)
	before := w.digests()
	c.write("main.tf", requirement)
	found(c, w)
	output := c.terraform("apply", "-auto-approve")
	if want := fmt.Sprintf("%d imported, 0 added,", len(before)); !strings.Contains(output, want) ||
		!strings.Contains(output, "0 destroyed") {
		t.Errorf("the apply does not say %s 0 destroyed:\n%s", want, output)
	}
	c.terraform("plan", "-detailed-exitcode")
	if after := w.digests(); !maps.Equal(before, after) {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
	return c.read("generated.tf")
}

// digests returns the digests of the contents of all metadata, by key.
func (w *world) digests() map[manifesto.Key]oci.Digest {
	w.t.Helper()
	digests := map[manifesto.Key]oci.Digest{}
	images, err := w.store().Images(context.Background(), w.remote.Repository())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, image := range images {
		for _, entry := range image.Entries {
			digests[manifesto.Key{Repository: w.remote.Repository(), Image: image.Digest, Type: entry.Type}] = entry.Digest
		}
	}
	return digests
}

// eachWay runs a test with each way to find metadata that the installed tool has.
func eachWay(t *testing.T, test func(t *testing.T, found foundBy)) {
	t.Helper()
	t.Run("import blocks", func(t *testing.T) {
		t.Parallel()
		test(t, byImportBlocks)
	})
	t.Run("query", func(t *testing.T) {
		t.Parallel()
		if c := newCommandLine(t); !c.canQuery() {
			t.Skip("terraform query needs Terraform 1.14")
		}
		test(t, byQuery)
	})
}

// canQuery reports whether the tool has terraform query, which OpenTofu lacks.
func (c *commandLine) canQuery() bool {
	return strings.HasPrefix(filepath.Base(c.tool), "terraform") && c.minor() >= 14
}

// Generated configurations give back the bytes of contents, however they are spelled.
func TestCLIAdoptionKeepsBytes(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, found foundBy) {
		t.Helper()
		w := newWorld(t, registrytest.Options{})
		for _, typ := range slices.Sorted(maps.Keys(adopted)) {
			w.put(typ, adopted[typ])
		}
		generated := adopts(t, w, found)
		for _, want := range []string{
			"content = jsonencode({", `"line\n"`, `"$${a} $$${b} $$$${c} %%{if d} %%%{e} $ % $$ {"`,
		} {
			if !strings.Contains(generated, want) {
				t.Errorf("the configuration lacks %s:\n%s", want, generated)
			}
		}
	})
}

// What the original manifesto tool stored can be adopted: its digests of images have no prefix, and its entries say
// nothing but type and digest. The apply protects the contents and leaves them as they are.
func TestCLIAdoptionOfTheOriginal(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, found foundBy) {
		t.Helper()
		w := newWorld(t, registrytest.Options{})
		one, two := hexadecimal(w.image), hexadecimal(w.push("2", "two"))
		document, err := os.ReadFile(filepath.Join("..", "format", "testdata", "original.json"))
		if err != nil {
			t.Fatal(err)
		}
		// The document stays as the original's README has it, but for digests of what this registry has.
		w.write(strings.NewReplacer(
			"70d2f067eb94ec8ab0530068a414d8dbe8c203244ae5d5ad4ba6eb1babd1c1c1", one,
			"51d2f067eb94ec8ab0531987a414d8dbe8c203244ae5d5ad4ba6eb1babd1d54a", two,
			"sha256:a2fe22a6d44aa86432adad99481c3ad526ba35af2223df126620d20e38c70fac",
			w.blob("{\n\t\"defaultAction\": \"SCMP_ACT_ERRNO\"\n}\n").String(),
			"sha256:6ced8eb4e6a61639601e7073963ec04a80f70a11442157e1dd825f042879a6da",
			w.blob(`{"approved":true,"by":"ops"}`).String(),
			"sha256:e896a0012a3450d9cef7e040eea8bed3fe06188957439fea501a65b62c65b4f1", w.blob("me@example.com\n").String(),
			"sha256:b2f72296d04ea36435adae99481c3ad526ba35af2223df126620d20e38c9763c", w.blob("{}").String(),
			"sha256:9ce18eb4e6a66639601e7073963ec04aa0f70a11442157e1d9825f042879abb1", w.blob("# Runbook\n").String(),
		).Replace(string(document)))
		adopts(t, w, found)
		for _, typ := range []string{"seccomp", "approvals", "contact"} {
			if piece, err := w.store().Get(t.Context(), w.key(typ)); err != nil || !piece.Pinned {
				t.Errorf("%s is not pinned: %+v, %v", typ, piece, err)
			}
		}
	})
}

// In the oldest form of the original, the digest of an entry is that of an image whose /data is the content. The apply
// stores that content as a blob.
func TestCLIAdoptionOfTheOldestForm(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, found foundBy) {
		t.Helper()
		w := newWorld(t, registrytest.Options{})
		const content = "{\n  \"approved\": true\n}\n"
		layer, err := registrytest.Layer(registrytest.Gzip, registrytest.File{Name: "data", Content: content})
		var old oci.Digest
		if err == nil {
			old, err = registrytest.PushDockerImage(t.Context(), w.remote, "old", layer)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.write(fmt.Sprintf(`{"images":[{"image_digest":%q,"manifesto":[{"type":"approval","digest":%q}]}]}`,
			hexadecimal(w.image), old))
		c := newCommandLine(t)
		c.write("main.tf", requirement)
		found(c, w)
		if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "1 imported, 0 added, 1 changed") {
			t.Errorf("the apply does not import:\n%s", output)
		}
		c.terraform("plan", "-detailed-exitcode")
		if err := w.has("approval", content)(nil); err != nil {
			t.Error(err)
		}
		if digest := w.digests()[w.key("approval")]; digest != oci.DigestOf([]byte(content)) {
			t.Errorf("the entry names %s", digest)
		}
	})
}

// hexadecimal returns a digest without its prefix.
func hexadecimal(digest oci.Digest) string { return strings.TrimPrefix(digest.String(), "sha256:") }

// Content that an import finds is text where Terraform's generator gives it back, and base64 otherwise.
func TestSurvivesGeneration(t *testing.T) {
	t.Parallel()
	var survivors []string
	for name, content := range adopted {
		if format.IsText([]byte(content)) && survivesGeneration(content) {
			survivors = append(survivors, name)
		}
	}
	want := []string{
		"compact JSON", "JSON with HTML, escaped", "JSON, line break", "JSON, separators", "JSON, big integer",
		"JSON, templates", "JSON text", "null", "number", "no JSON", "list of links", "plain", "newline", "CRLF",
		"tabs and spaces", "quotes", "templates", "heredoc", "comment", "control characters", "invisible", "emoji",
		"two documents",
	}
	slices.Sort(survivors)
	slices.Sort(want)
	if !slices.Equal(survivors, want) {
		t.Errorf("text is\n%q\nwant\n%q", survivors, want)
	}
	if large := `["` + strings.Repeat("x", maxGenerated) + `"]`; survivesGeneration(large) {
		t.Error("a large document would become a call of jsonencode")
	}
}

// A generated configuration for Terraform 1.14 and later has no attribute that only repeats a default.
func TestGeneratedConfigIsShort(t *testing.T) {
	t.Parallel()
	c := newCaller(t, NewServer("test")())
	stored := values{
		"image": str("example.com/app:1"), "type": str("t"), "content": str("x"), "media_type": str("text/plain"),
		"overwrite": truth(false), "keep_on_destroy": truth(false), "digest": str("sha256:0"), "pinned": truth(true),
		"id": str("id"), "registry": str("example.com"),
	}
	for name, test := range map[string]struct {
		change values
		want   []string
	}{
		"defaults":         {nil, []string{"content", "image", "type"}},
		"other media type": {values{"media_type": str("text/x")}, []string{"content", "image", "media_type", "type"}},
		"from base64": {
			values{"content": nothing, "content_base64": str("AAE="), "media_type": str("application/octet-stream")},
			[]string{"content_base64", "image", "type"},
		},
		"settings": {
			values{"overwrite": truth(true), "keep_on_destroy": truth(true)},
			[]string{"content", "image", "keep_on_destroy", "overwrite", "type"},
		},
		"lost content": {values{"content": nothing}, []string{"image", "media_type", "type"}},
	} {
		all := maps.Clone(stored)
		maps.Copy(all, test.change)
		resp, err := c.server.GenerateResourceConfig(t.Context(), &tfprotov6.GenerateResourceConfigRequest{
			TypeName: metadataType, State: c.resource(all),
		})
		if err != nil {
			t.Fatal(err)
		}
		c.check(resp.Diagnostics)
		var set []string
		for attribute, value := range c.values(resp.Config) {
			if !value.IsNull() {
				set = append(set, attribute)
			}
		}
		if slices.Sort(set); !slices.Equal(set, test.want) {
			t.Errorf("%s: the configuration sets %v, want %v", name, set, test.want)
		}
	}
	resp, err := c.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil || !resp.ServerCapabilities.GenerateResourceConfig {
		t.Errorf("Terraform does not ask for it: %v", err)
	}
}
