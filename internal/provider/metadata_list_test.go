package provider

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// lister is Terraform's side of the protocol for the list resource.
type lister struct {
	*caller
	lists tfprotov6.ListResourceServer
	// config is the type of the configuration, and identity that of an identity.
	config, identity tftypes.Object
}

func newLister(t *testing.T) lister {
	t.Helper()
	server := NewServer("test")()
	l := lister{caller: newCaller(t, server)}
	var ok bool
	if l.lists, ok = server.(tfprotov6.ListResourceServer); !ok {
		t.Fatal("the server lists nothing")
	}
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	l.config = objectType(t, schemas.ListResourceSchemas[metadataType].Block.ValueType())
	identities, err := server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	l.identity = objectType(t, identities.IdentitySchemas[metadataType].ValueType())
	return l
}

// list returns the results of a list block as far as Terraform takes them.
func (l lister) list(config values, limit int64, resources bool) []tfprotov6.ListResourceResult {
	l.t.Helper()
	stream, err := l.lists.ListResource(l.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: metadataType, Config: l.object(l.config, config), Limit: limit, IncludeResource: resources,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return slices.Collect(stream.Results)
}

// key returns what a result identifies, as DIGEST#TYPE.
func (l lister) key(result tfprotov6.ListResourceResult) string {
	l.t.Helper()
	if result.Identity == nil || result.Identity.IdentityData == nil {
		l.t.Fatalf("a result without an identity: %+v", result)
	}
	identity, err := result.Identity.IdentityData.Unmarshal(l.identity)
	var attributes values
	if err == nil {
		err = identity.As(&attributes)
	}
	var digest, typ string
	for name, target := range map[string]*string{"image_digest": &digest, "type": &typ} {
		if err == nil {
			err = attributes[name].As(target)
		}
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return digest + "#" + typ
}

// keys returns what results identify; none may have a diagnostic.
func (l lister) keys(results []tfprotov6.ListResourceResult) []string {
	l.t.Helper()
	keys := []string{}
	for _, result := range results {
		l.check(result.Diagnostics)
		keys = append(keys, l.key(result))
	}
	return keys
}

// everything is a limit that no test reaches.
const everything = 1000

func TestListMetadataFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	one, two := w.image, w.push("2", "two")
	w.push("bare", "bare")
	w.put("contact", "me")
	w.put("scan/cve", "none")
	w.putFor(two, "contact", "you")
	texts := func(texts ...string) tftypes.Value {
		list := tftypes.List{ElementType: tftypes.String}
		var elements []tftypes.Value
		for _, text := range texts {
			elements = append(elements, str(text))
		}
		return tftypes.NewValue(list, elements)
	}
	repository := str(w.ref(""))
	for name, test := range map[string]struct {
		config values
		want   []string
	}{
		"all": {
			values{}, []string{one.String() + "#contact", one.String() + "#scan/cve", two.String() + "#contact"},
		},
		"type":              {values{"type": str("contact")}, []string{one.String() + "#contact", two.String() + "#contact"}},
		"types":             {values{"types": texts("scan/*", "sbom")}, []string{one.String() + "#scan/cve"}},
		"no types":          {values{"types": texts()}, nil},
		"tag":               {values{"image": str("2")}, []string{two.String() + "#contact"}},
		"digest":            {values{"image": str(two.String())}, []string{two.String() + "#contact"}},
		"image and type":    {values{"image": str("2"), "type": str("scan/cve")}, nil},
		"image without any": {values{"image": str("bare")}, nil},
		"unknown image":     {values{"image": str("sha256:" + strings.Repeat("0", 64))}, nil},
		"no manifesto":      {values{"repository": str(w.server.Host() + "/unknown")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.config["repository"].IsNull() {
				test.config["repository"] = repository
			}
			l := newLister(t)
			if keys := l.keys(l.list(test.config, everything, false)); !slices.Equal(keys, test.want) {
				t.Errorf("listed %v, want %v", keys, test.want)
			}
		})
	}
}

// Terraform gets the resource that an import and the refresh after it would give it, byte by byte.
func TestListedResourcesAreImportedResources(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	_, err := w.store().Put(t.Context(), manifesto.Put{
		Key: w.key("annotated"), Content: []byte("x"), MediaType: "text/x", Annotations: map[string]string{"by": "ops"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for typ, content := range adopted {
		w.put(typ, content)
	}
	w.put(decomposed, "of a type that is not in NFC")
	l := newLister(t)
	results := l.list(values{"repository": str(w.ref(""))}, everything, true)
	if len(results) != len(adopted)+2 {
		t.Fatalf("%d results", len(results))
	}
	for _, result := range results {
		l.check(result.Diagnostics)
		key := l.key(result)
		imported, err := l.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
			TypeName: metadataType, Identity: result.Identity,
		})
		if err != nil {
			t.Fatal(err)
		}
		l.check(imported.Diagnostics)
		resource := imported.ImportedResources[0]
		read, err := l.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: metadataType, CurrentState: resource.State, CurrentIdentity: resource.Identity, Private: resource.Private,
		})
		if err != nil {
			t.Fatal(err)
		}
		l.check(read.Diagnostics)
		if got, want := l.values(result.Resource), l.values(read.NewState); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: listed %v, imported %v", key, got, want)
		}
		if !reflect.DeepEqual(result.Identity, read.NewIdentity) {
			t.Errorf("%s: the identities differ", key)
		}
	}
}

// The list ends at the limit, says how much there is, and downloads no more than it needs.
func TestListMetadataLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for i := range 2*listParallel + 1 {
		w.put(fmt.Sprintf("t%02d", i), strings.Repeat("x", i+1))
	}
	l := newLister(t)
	w.server.Reset()
	config := values{"repository": str(w.ref(""))}
	results := l.list(config, listParallel+2, true)
	if len(results) != listParallel+2 {
		t.Fatalf("%d results", len(results))
	}
	for _, result := range results[:len(results)-1] {
		l.check(result.Diagnostics)
	}
	last := results[len(results)-1]
	if len(last.Diagnostics) != 1 || last.Diagnostics[0].Severity != tfprotov6.DiagnosticSeverityWarning ||
		!strings.Contains(last.Diagnostics[0].Detail, "17 pieces of metadata that match, and the list has the first 10") {
		t.Errorf("the last result has %+v", last.Diagnostics)
	}
	if l.key(last) != w.image.String()+"#t09" || last.Resource == nil {
		t.Errorf("the last result is %+v", last)
	}
	if n := w.server.Count(http.MethodGet, "/blobs/"); n != 1+listParallel+2 {
		t.Errorf("%d downloads, want the manifesto's and %d", n, listParallel+2)
	}
	if results := l.list(config, everything, false); len(results) != 2*listParallel+1 {
		t.Errorf("%d results without a limit", len(results))
	}
}

// A list whose results Terraform does not take any more stops.
func TestListMetadataStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for i := range 2 * listParallel {
		w.put(fmt.Sprintf("t%02d", i), strings.Repeat("x", i+1))
	}
	l := newLister(t)
	w.server.Reset()
	stream, err := l.lists.ListResource(t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: metadataType, Config: l.object(l.config, values{"repository": str(w.ref(""))}),
		Limit: everything, IncludeResource: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range stream.Results {
		break
	}
	if n := w.server.Count(http.MethodGet, "/blobs/"); n != 1+listParallel {
		t.Errorf("%d downloads, want the manifesto's and %d", n, listParallel)
	}
}

// Without resources, a list reads the manifesto and nothing else, and resolves the tag that it is about.
func TestListMetadataRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	l := newLister(t)
	w.server.Reset()
	if results := l.list(values{"repository": str(w.ref("")), "image": str("1")}, everything, false); len(results) != 1 ||
		results[0].DisplayName != "app:1 contact" || results[0].Resource != nil {
		t.Errorf("the results are %+v", results)
	}
	if manifests, blobs := w.server.Count("", "/manifests/"), w.server.Count("", "/blobs/"); manifests != 2 || blobs != 1 {
		t.Errorf("%d requests for manifests and %d for blobs: %v", manifests, blobs, w.server.Requests())
	}
	results := l.list(values{"repository": str(w.ref(""))}, everything, false)
	if want := "app@" + w.image.String()[:19] + " contact"; results[0].DisplayName != want {
		t.Errorf("the display name is %q, want %q", results[0].DisplayName, want)
	}
}

// An error is the last result, also if others came before it.
func TestListMetadataErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for i := range listParallel + 1 {
		w.put(fmt.Sprintf("t%02d", i), strings.Repeat("x", i+1))
	}
	lastContent := oci.DigestOf([]byte(strings.Repeat("x", listParallel+1))).String()
	w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.Contains(r.URL.Path, lastContent) && !strings.HasPrefix(r.URL.Path, "/v2/secret/") {
			return false
		}
		registrytest.Refuse(rw, http.StatusForbidden, "DENIED", "not for you")
		return true
	})
	for name, test := range map[string]struct {
		config values
		// results are those before the error.
		results         int
		attribute, want string
	}{
		"content": {values{}, listParallel, "repository", "Permission denied"},
		"no permission": {
			values{"repository": str(w.server.Host() + "/secret")}, 0, "repository",
			"Listing the metadata of repository " + w.server.Host() + "/secret failed",
		},
		"no such tag": {
			values{"image": str("none")}, 0, "image", "Resolving image " + w.ref(":none") + " failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.config["repository"].IsNull() {
				test.config["repository"] = str(w.ref(""))
			}
			l := newLister(t)
			results := l.list(test.config, everything, true)
			if len(results) != test.results+1 {
				t.Fatalf("%d results, want %d and an error", len(results), test.results)
			}
			l.keys(results[:test.results])
			last := results[test.results].Diagnostics
			if len(last) != 1 || last[0].Severity != tfprotov6.DiagnosticSeverityError ||
				!strings.Contains(last[0].Summary+": "+last[0].Detail, test.want) ||
				last[0].Attribute.String() != `AttributeName("`+test.attribute+`")` {
				t.Errorf("the last result has %+v", last[0])
			}
		})
	}
}

// A piece of metadata whose content cannot be read is listed with a warning, and the others without.
func TestListMetadataWithoutContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	corrupt := w.blob("corrupt")
	w.write(fmt.Sprintf(`{"images":[{"image_digest":%q,"manifesto":[{"type":"lost","digest":%q},
		{"type":"bad","digest":"x"},{"type":"corrupt","digest":%q},{"type":"good","digest":%q}]}]}`,
		w.image, oci.DigestOf([]byte("lost")), corrupt, w.blob("me")))
	w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, corrupt.String()) {
			return false
		}
		_, _ = rw.Write([]byte("CORRUPT"))
		return true
	})
	l := newLister(t)
	for resources, want := range map[bool][]string{false: {"bad"}, true: {"lost", "bad", "corrupt"}} {
		warned := []string{}
		results := l.list(values{"repository": str(w.ref(""))}, everything, resources)
		if len(results) != 4 {
			t.Fatalf("%d results", len(results))
		}
		for _, result := range results {
			_, typ, _ := strings.Cut(l.key(result), "#")
			for _, d := range result.Diagnostics {
				if d.Severity != tfprotov6.DiagnosticSeverityWarning || d.Summary != "Content cannot be read" ||
					!strings.Contains(d.Detail, fmt.Sprintf("metadata %q of image", typ)) {
					t.Errorf("%s: %s: %s", typ, d.Summary, d.Detail)
				}
				warned = append(warned, typ)
			}
			if resources {
				l.hasContent(result, typ == "good")
			}
		}
		if !slices.Equal(warned, want) {
			t.Errorf("with resources %t: warnings about %v, want %v", resources, warned, want)
		}
	}
}

// hasContent checks whether a listed resource has content. It has everything else in any case.
func (l lister) hasContent(result tfprotov6.ListResourceResult, want bool) {
	l.t.Helper()
	listed := l.values(result.Resource)
	if has := !listed["content"].IsNull() || !listed["content_base64"].IsNull(); has != want || listed["id"].IsNull() {
		l.t.Errorf("the resource is %v", listed)
	}
}

func TestListMetadataValidation(t *testing.T) {
	t.Parallel()
	l := newLister(t)
	list := func(text string) tftypes.Value {
		return tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, []tftypes.Value{str(text)})
	}
	for name, test := range map[string]struct {
		config values
		want   string
	}{
		"fine":          {values{"image": str("1.2"), "types": list("scan/*")}, ""},
		"digest":        {values{"image": str("sha256:" + strings.Repeat("a", 64)), "type": str("x")}, ""},
		"a tag":         {values{"repository": str("ghcr.io/org/app:1")}, "leave out its tag or digest"},
		"a reference":   {values{"image": str("ghcr.io/org/app:1")}, "without its repository, such as 1.2 or sha256:"},
		"a path":        {values{"image": str("org/app")}, "neither a tag nor a digest"},
		"short digest":  {values{"image": str("sha256:12")}, "neither a tag nor a digest"},
		"no image":      {values{"image": str("")}, "neither a tag nor a digest"},
		"empty type":    {values{"type": str("")}, "at least 1"},
		"bad pattern":   {values{"types": list("[a")}, "not a pattern of types"},
		"type and more": {values{"type": str("a"), "types": list("b")}, `cannot be specified when "type"`},
	} {
		config := values{"repository": str("ghcr.io/org/app")}
		maps.Copy(config, test.config)
		resp, err := l.lists.ValidateListResourceConfig(t.Context(), &tfprotov6.ValidateListResourceConfigRequest{
			TypeName: metadataType, Config: l.object(l.config, config),
		})
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, d := range resp.Diagnostics {
			found = append(found, d.Summary+": "+d.Detail)
		}
		if text := strings.Join(found, "\n"); test.want == "" && text != "" || !strings.Contains(text, test.want) {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
	}
}
