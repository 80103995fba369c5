package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/layout"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// trivyType is the artifact type of a report in these tests.
const trivyType = "application/vnd.aquasec.trivy.report+json"

// trivyReport is a report of Trivy, as far as a gate looks at it, with a vulnerability of each severity.
func trivyReport(severities ...string) string {
	var found []string
	for i, severity := range severities {
		found = append(found, fmt.Sprintf(`{"VulnerabilityID":"CVE-2026-%04d","Severity":%q}`, i, severity))
	}
	return `{"SchemaVersion":2,"Results":[{"Target":"app","Vulnerabilities":[` + strings.Join(found, ",") + `]}]}`
}

// attach attaches an artifact to an image of the repository, as a pipeline does with its own tools.
func (w *world) attach(image oci.Digest, a registrytest.Artifact) oci.Digest {
	w.t.Helper()
	attached, err := registrytest.Attach(context.Background(), w.remote, image, a)
	if err != nil {
		registrytest.Refused(w.t, "an artifact", err)
	}
	return attached.Digest
}

// referrers is the configuration of data.manifesto_referrers.test, about app:1.
func (w *world) referrers(attributes string) string {
	return dataConfig("manifesto_referrers", w.ref(":1"), attributes)
}

func ofReferrers(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data.manifesto_referrers.test", tfjsonpath.New(attribute), value)
}

// ofReferrer checks an attribute of one referrer.
func ofReferrer(index int, attribute string, value knownvalue.Check) statecheck.StateCheck {
	at := tfjsonpath.New("referrers").AtSliceIndex(index).AtMapKey(attribute)
	return statecheck.ExpectKnownValue("data.manifesto_referrers.test", at, value)
}

// hasTypesInOrder checks the artifact types of all referrers.
func hasTypesInOrder(types ...string) statecheck.StateCheck {
	want := make([]knownvalue.Check, len(types))
	for i, typ := range types {
		want[i] = knownvalue.ObjectPartial(map[string]knownvalue.Check{"artifact_type": knownvalue.StringExact(typ)})
	}
	return ofReferrers("referrers", knownvalue.ListExact(want))
}

// created is the annotation that says when an artifact was made.
func created(text string) map[string]string {
	return map[string]string{"org.opencontainers.image.created": text}
}

// On registries with the API and without, the data source shows what is attached, the newest first.
func TestAccReferrers(t *testing.T) {
	t.Parallel()
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			w.push("2", "two")
			w.attach(w.image, registrytest.Artifact{ConfigType: "application/vnd.example.old", Layers: []string{"\xff\x00"}})
			w.attach(w.image, registrytest.Artifact{
				Type: trivyType, Layers: []string{"old"}, Annotations: created("2026-01-01T00:00:00Z"),
			})
			report := w.attach(w.image, registrytest.Artifact{
				Type: trivyType, Layers: []string{"new"}, Annotations: created("2026-01-02T00:00:00Z"),
			})
			m, err := w.remote.GetManifest(context.Background(), report.String())
			if err != nil {
				t.Fatal(err)
			}
			acceptance(t,
				resource.TestStep{
					Config: w.referrers("include_content = true"),
					ConfigStateChecks: []statecheck.StateCheck{
						ofReferrers("id", knownvalue.StringExact(w.ref("@"+w.image.String()))),
						ofReferrers("registry", knownvalue.StringExact(w.server.Host())),
						ofReferrers("repository", knownvalue.StringExact(w.ref(""))),
						ofReferrers("image_digest", knownvalue.StringExact(w.image.String())),
						hasTypesInOrder(trivyType, trivyType, "application/vnd.example.old"),
						ofReferrer(0, "digest", knownvalue.StringExact(report.String())),
						ofReferrer(0, "media_type", knownvalue.StringExact(oci.MediaTypeOCIManifest)),
						ofReferrer(0, "size", knownvalue.Int64Exact(int64(len(m.Content)))),
						ofReferrer(0, "annotations", knownvalue.MapExact(map[string]knownvalue.Check{
							"org.opencontainers.image.created": knownvalue.StringExact("2026-01-02T00:00:00Z"),
						})),
						ofReferrer(0, "content", knownvalue.StringExact("new")),
						ofReferrer(0, "content_base64", knownvalue.Null()),
						ofReferrer(1, "content", knownvalue.StringExact("old")),
						ofReferrer(2, "annotations", knownvalue.MapSizeExact(0)),
						ofReferrer(2, "content", knownvalue.Null()),
						ofReferrer(2, "content_base64", knownvalue.StringExact(base64.StdEncoding.EncodeToString([]byte("\xff\x00")))),
					},
				},
				resource.TestStep{Config: w.referrers("include_content = true"), ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					Config: w.referrers(""),
					ConfigStateChecks: []statecheck.StateCheck{
						ofReferrer(0, "content", knownvalue.Null()), ofReferrer(2, "content_base64", knownvalue.Null()),
					},
				},
				resource.TestStep{ // Nothing is attached to this image.
					Config:            dataConfig("manifesto_referrers", w.ref(":2"), "include_content = true"),
					ConfigStateChecks: []statecheck.StateCheck{ofReferrers("referrers", knownvalue.ListSizeExact(0))},
				},
			)
		})
	}
}

// gate is a module that deploys an image only if its newest Trivy report has no critical vulnerability.
func (w *world) gate() string {
	return w.referrers(fmt.Sprintf("artifact_types = [%q]\ninclude_content = true", trivyType)) + `
		locals {
			report     = try(jsondecode(data.manifesto_referrers.test.referrers[0].content), null)
			severities = try(flatten([for r in local.report.Results : [for v in r.Vulnerabilities : v.Severity]]), [])
		}
		check "report" {
			assert {
				condition     = !contains(local.severities, "HIGH")
				error_message = "There are severe vulnerabilities: ${join(", ", local.severities)}."
			}
		}
		resource "terraform_data" "deployment" {
			input = data.manifesto_referrers.test.id
			lifecycle {
				precondition {
					condition     = local.report != null
					error_message = "Nobody has scanned this image."
				}
				precondition {
					condition     = !contains(local.severities, "CRITICAL")
					error_message = "The image has critical vulnerabilities."
				}
			}
		}`
}

// A module decides by the severities of a report that a pipeline has attached.
func TestAccReferrersGate(t *testing.T) {
	t.Parallel()
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			report := func(day int, severities ...string) func() {
				return func() {
					w.attach(w.image, registrytest.Artifact{
						Type: trivyType, Layers: []string{trivyReport(severities...)},
						Annotations: created(fmt.Sprintf("2026-01-%02dT00:00:00Z", day)),
					})
				}
			}
			acceptance(t,
				resource.TestStep{Config: w.gate(), ExpectError: words(`Nobody has scanned this image`)},
				resource.TestStep{
					PreConfig: report(1, "LOW", "CRITICAL"), Config: w.gate(),
					ExpectError: words(`The image has critical vulnerabilities`),
				},
				resource.TestStep{PreConfig: report(2, "LOW", "MEDIUM"), Config: w.gate()},
				resource.TestStep{
					PreConfig: report(3, "CRITICAL"), Config: w.gate(),
					ExpectError: words(`The image has critical vulnerabilities`),
				},
			)
		})
	}
}

// A check warns, and names what it has found.
func TestCLIReferrersCheck(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	w.attach(w.image, registrytest.Artifact{Type: trivyType, Layers: []string{trivyReport("HIGH", "LOW")}})
	c.write("main.tf", requirement+w.gate())
	if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "severe vulnerabilities: HIGH, LOW") {
		t.Errorf("the check says nothing:\n%s", output)
	}
}

func TestAccReferrersFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for i, typ := range []string{trivyType, "application/vnd.cyclonedx+json", "application/vnd.example.sig"} {
		w.attach(w.image, registrytest.Artifact{
			Type: typ, Layers: []string{typ}, Annotations: created(fmt.Sprintf("2026-01-%02dT00:00:00Z", 9-i)),
		})
	}
	for name, test := range map[string]struct{ types, want []string }{
		"one type":    {[]string{"application/vnd.cyclonedx+json"}, []string{"application/vnd.cyclonedx+json"}},
		"a pattern":   {[]string{"application/vnd.aquasec.*"}, []string{trivyType}},
		"any slashes": {[]string{"*trivy*", "*sig"}, []string{trivyType, "application/vnd.example.sig"}},
		"no type":     {[]string{"application/vnd.cyclonedx"}, nil},
		"empty":       {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quoted := make([]string, len(test.types))
			for i, typ := range test.types {
				quoted[i] = fmt.Sprintf("%q", typ)
			}
			acceptance(t, resource.TestStep{
				Config:            w.referrers("artifact_types = [" + strings.Join(quoted, ",") + "]"),
				ConfigStateChecks: []statecheck.StateCheck{hasTypesInOrder(test.want...)},
			})
		})
	}
	t.Run("malformed", func(t *testing.T) {
		t.Parallel()
		acceptance(t, resource.TestStep{
			Config: w.referrers(`artifact_types = ["a["]`), ExpectError: words(`Malformed pattern.*bracket is not closed`),
		})
	})
}

// A platform's child has referrers of its own, and its index others.
func TestAccReferrersOfAPlatform(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	ctx := context.Background()
	index, children, err := registrytest.PushIndex(ctx, w.remote, "multi", "m", "linux/amd64", "linux/arm64")
	if err != nil {
		t.Fatal(err)
	}
	w.attach(index, registrytest.Artifact{Type: "a/index"})
	w.attach(children["linux/arm64"], registrytest.Artifact{Type: "a/child"})
	for platform, want := range map[string][]string{"": {"a/index"}, "linux/arm64": {"a/child"}, "linux/amd64": nil} {
		attributes := ""
		if platform != "" {
			attributes = fmt.Sprintf("platform = %q", platform)
		}
		acceptance(t, resource.TestStep{
			Config:            dataConfig("manifesto_referrers", w.ref(":multi"), attributes),
			ConfigStateChecks: []statecheck.StateCheck{hasTypesInOrder(want...)},
		})
	}
}

// Values that are unknown at plan move the look-up to the apply, which sees what is attached by then.
func TestAccReferrersUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.attach(w.image, registrytest.Artifact{Type: "a/report", Layers: []string{"x"}})
	for attribute, value := range map[string]string{
		"image": w.ref(":1"), "artifact_types": "a/report", "include_content": "true",
	} {
		values := map[string]string{
			"image": fmt.Sprintf("%q", w.ref(":1")), "artifact_types": `["a/*"]`, "include_content": "true",
		}
		values[attribute] = "terraform_data.later.output"
		if attribute == "artifact_types" {
			values[attribute] = "[terraform_data.later.output]"
		}
		config := fmt.Sprintf("resource \"terraform_data\" \"later\" {\n  input = %q\n}\n"+
			"data \"manifesto_referrers\" \"test\" {\n  image = %s\n  artifact_types = %s\n  include_content = %s\n}\n",
			value, values["image"], values["artifact_types"], values["include_content"])
		acceptance(t,
			resource.TestStep{
				Config: config, ConfigStateChecks: []statecheck.StateCheck{ofReferrer(0, "content", knownvalue.StringExact("x"))},
			},
			resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
		)
	}
}

// A layout on disk lists what its index and its fallback tags name.
func TestAccReferrersOfALayout(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("1.2")
	b.add("2")
	attached, err := registrytest.Attach(context.Background(), layout.Open(b.directory), image, registrytest.Artifact{
		Type: trivyType, Layers: []string{trivyReport("LOW")},
	})
	if err != nil {
		t.Fatal(err)
	}
	acceptance(t,
		resource.TestStep{
			Config: dataConfig("manifesto_referrers", b.ref(":1.2"), "include_content = true"),
			ConfigStateChecks: []statecheck.StateCheck{
				ofReferrers("registry", knownvalue.StringExact("oci-layout")),
				ofReferrer(0, "digest", knownvalue.StringExact(attached.Digest.String())),
				ofReferrer(0, "content", knownvalue.StringExact(trivyReport("LOW"))),
			},
		},
		resource.TestStep{
			Config:            dataConfig("manifesto_referrers", b.ref(":2"), ""),
			ConfigStateChecks: []statecheck.StateCheck{ofReferrers("referrers", knownvalue.ListSizeExact(0))},
		},
	)
}

// Contents over the limit are an error on the attribute, which says what to do.
func TestAccReferrersTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for i, size := range []int{1 << 10, 16 << 20, 16 << 20} {
		w.attach(w.image, registrytest.Artifact{Type: fmt.Sprint("a/", i), Layers: []string{strings.Repeat("x", size+i)}})
	}
	acceptance(t,
		resource.TestStep{
			Config: w.referrers("include_content = true"),
			ExpectError: words(`Contents too large.*include_content = true.*more than 32 MiB.*16777218 bytes.*\(a/2\). ` +
				`Name fewer types in artifact_types`),
		},
		resource.TestStep{Config: w.referrers("include_content = true\nartifact_types = [\"a/0\"]")},
		resource.TestStep{Config: w.referrers("")},
	)
}

func TestAccReferrersErrors(t *testing.T) {
	t.Parallel()
	answer := func(part string, respond func(http.ResponseWriter)) registrytest.Interceptor {
		return func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if !strings.Contains(r.URL.Path, part) {
				return false
			}
			respond(rw)
			return true
		}
	}
	refused := func(status int) func(http.ResponseWriter) {
		return func(rw http.ResponseWriter) { registrytest.Refuse(rw, status, "X", "because") }
	}
	page := func(rw http.ResponseWriter) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(rw, "<html>") // The client may be gone.
	}
	absent := "@sha256:" + strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		suffix    string
		intercept registrytest.Interceptor
		want      string
	}{
		"no such tag":    {":none", nil, `not found.*image = "HOST/app:none"`},
		"no such digest": {absent, nil, `Image or repository not found.*image = .*attached to image HOST/app` + absent},
		"permission": {
			":1", answer("/referrers/", refused(http.StatusForbidden)),
			`Permission denied.*Listing the artifacts attached to image HOST/app@sha256.*because`,
		},
		"a web page everywhere but at the image": {":1", answer("sha256", page), `answer makes no sense.*HOST`},
		"the manifest of a referrer": {
			":1", answer("/manifests/REPORT", refused(http.StatusForbidden)), `Permission denied`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			report := w.attach(w.image, registrytest.Artifact{Type: "a/report"})
			if intercept := test.intercept; intercept != nil {
				w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, next http.Handler) bool {
					r = r.Clone(r.Context())
					r.URL.Path = strings.ReplaceAll(r.URL.Path, report.String(), "REPORT")
					return intercept(rw, r, next)
				})
			}
			acceptance(t, resource.TestStep{
				Config:      dataConfig("manifesto_referrers", w.ref(test.suffix), ""),
				ExpectError: words(strings.ReplaceAll(test.want, "HOST", w.server.Host())),
			})
		})
	}
}

// lists answers the API for referrers with entries of its own.
func (w *world) lists(entries ...string) {
	w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if !strings.Contains(r.URL.Path, "/referrers/") {
			return false
		}
		rw.Header().Set("Content-Type", oci.MediaTypeOCIIndex)
		// The client may be gone.
		_, _ = fmt.Fprintf(rw, `{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`,
			oci.MediaTypeOCIIndex, strings.Join(entries, ","))
		return true
	})
}

// A list that others have spoilt does not hide the good ones. A warning names the others, if the configuration may have
// asked for them.
func TestCLIReferrersLeftOut(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	good := w.attach(w.image, registrytest.Artifact{Type: "a/report", Layers: []string{"good"}})
	moved := w.attach(w.push("2", "two"), registrytest.Artifact{Type: "a/other"})
	gone, unknown := oci.DigestOf([]byte("gone")), oci.DigestOf([]byte("unknown"))
	w.lists(
		fmt.Sprintf(`{"digest":%q,"artifactType":"a/report","size":1152921504606846976}`, moved),
		fmt.Sprintf(`{"digest":%q,"artifactType":"a/sbom","size":"x"}`, gone), fmt.Sprintf(`{"digest":%q}`, unknown),
		`{"digest":"sha512:\u001b[31m","artifactType":"a/\u001b[31m"}`, `7`,
		fmt.Sprintf(`{"digest":%q,"artifactType":"a/sbom"}`, good),
	)
	show := func(attributes string) string {
		c.write("main.tf", requirement+w.referrers(attributes)+`
			output "digests" {
				value = join(" ", ["Digests:", join(" ", data.manifesto_referrers.test.referrers[*].digest)])
			}`)
		return strings.Join(strings.Fields(strings.ReplaceAll(c.terraform("plan"), "│", "")), " ")
	}
	all := show("")
	for _, want := range []string{
		"Digests: " + good.String() + `"`, "Referrers left out", "image " + w.ref("@"+w.image.String()),
		moved.String() + " (a/report): not an artifact of the image: it is attached to",
		gone.String() + " (a/sbom): the repository does not have its manifest",
		unknown.String() + ": the repository", "sha512:?[31m (a/?[31m): not an artifact", "an entry without a digest",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the output does not have %q:\n%s", want, all)
		}
	}
	if some := show(`artifact_types = ["a/report"]`); !strings.Contains(some, moved.String()) ||
		!strings.Contains(some, unknown.String()) || !strings.Contains(some, good.String()) ||
		strings.Contains(some, gone.String()) || strings.Contains(some, "sha512") {
		t.Errorf("the warning is not about what the filter may show:\n%s", some)
	}
}

// A plan takes one list, a request for each manifest, and one for each content that is shown.
func TestAccReferrersRequests(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind       registrytest.Kind
		attributes string
		blobs      int
	}{
		"all":                       {registrytest.Olareg, "", 0},
		"contents":                  {registrytest.Olareg, "include_content = true", 3},
		"contents of one":           {registrytest.Olareg, "include_content = true\nartifact_types = [\"a/1\"]", 1},
		"contents, without the API": {registrytest.OlaregNoReferrers, "include_content = true", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			w := newWorld(t, registrytest.Options{Kind: test.kind})
			for i := range 3 {
				w.attach(w.image, registrytest.Artifact{Type: fmt.Sprint("a/", i), Layers: []string{strconv.Itoa(i)}})
			}
			c.write("main.tf", requirement+w.referrers(test.attributes))
			w.server.Reset()
			c.terraform("plan")
			tags := w.server.Count("", "/manifests/"+oci.ReferrersTag(w.image))
			if slices.Contains(registrytest.Kinds, test.kind) && (tags == 1) != (test.kind == registrytest.OlaregNoReferrers) {
				t.Errorf("%d requests for the fallback tag", tags)
			}
			for path, want := range map[string]int{
				"/referrers/": 1, "/manifests/": 1 + tags + 3, "/blobs/": test.blobs,
			} {
				if n := w.server.Count("", path); n != want {
					t.Errorf("%d requests for %s, want %d: %v", n, path, want, w.server.Requests())
				}
			}
		})
	}
}

// More referrers than can be looked at are an error, and none is looked at.
func TestAccTooManyReferrers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	entries := make([]string, oci.MaxReferrers+1)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"digest":%q}`, oci.DigestOf(fmt.Append(nil, i)))
	}
	w.lists(entries...)
	acceptance(t, resource.TestStep{
		Config:      w.referrers(""),
		ExpectError: words(`Too many referrers.*image = .*More than 5000 artifacts.*Remove artifacts`),
	})
}

// An index may be attached, too. It has no type unless it says one, and no content.
func TestAccReferrersIndex(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	subject, err := w.remote.GetManifest(context.Background(), w.image.String())
	if err != nil {
		t.Fatal(err)
	}
	m := oci.NewManifest(oci.MediaTypeOCIIndex, fmt.Appendf(nil,
		`{"schemaVersion":2,"mediaType":%q,"manifests":[],"subject":{"mediaType":%q,"digest":%q,"size":%d}}`,
		oci.MediaTypeOCIIndex, subject.MediaType, subject.Digest, len(subject.Content)))
	err = w.remote.PutManifest(context.Background(), m.Digest.String(), m, time.Time{})
	if err == nil {
		err = registrytest.AddToList(context.Background(), w.remote, w.image, oci.Descriptor{
			MediaType: m.MediaType, Digest: m.Digest, Size: int64(len(m.Content)),
		})
	}
	if err != nil {
		registrytest.Refused(t, "an index", err)
	}
	acceptance(t, resource.TestStep{
		Config: w.referrers("include_content = true"),
		ConfigStateChecks: []statecheck.StateCheck{
			ofReferrer(0, "artifact_type", knownvalue.Null()),
			ofReferrer(0, "media_type", knownvalue.StringExact(oci.MediaTypeOCIIndex)),
			ofReferrer(0, "content", knownvalue.Null()),
		},
	})
}

// The examples run with only the registry's host replaced, and the gate refuses what it should.
func TestCLIExamplesOfReferrers(t *testing.T) {
	t.Parallel()
	c, w := setUpExamples(t)
	const typ = "application/vnd.example.trivy+json"
	w.attach(w.image, registrytest.Artifact{
		Type: typ, Layers: []string{trivyReport("LOW")}, Annotations: created("2026-01-01T00:00:00Z"),
	})
	c.example(w, "data-sources/manifesto_referrers/data-source.tf")
	c.example(w, "data-sources/manifesto_referrers/gate.tf")
	if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, typ) {
		t.Errorf("the output does not have the type:\n%s", output)
	}
	c.terraform("plan", "-detailed-exitcode")
	w.attach(w.image, registrytest.Artifact{
		Type: typ, Layers: []string{trivyReport("CRITICAL")}, Annotations: created("2026-01-02T00:00:00Z"),
	})
	if output, code := c.run(c.tool, "plan"); code == 0 || !strings.Contains(output, "has critical vulnerabilities") {
		t.Errorf("a build with critical vulnerabilities: exit code %d\n%s", code, output)
	}
	w.image = w.push("1.2", "not scanned")
	if output, code := c.run(c.tool, "plan"); code == 0 || !strings.Contains(output, "No Trivy report is attached") {
		t.Errorf("a build that was not scanned: exit code %d\n%s", code, output)
	}
}
