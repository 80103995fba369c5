package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// repository is the configuration of data.manifesto_repository.test, about app.
func (w *world) repository(attributes string) string {
	return repositoryConfig(w.ref(""), attributes)
}

func repositoryConfig(repository, attributes string) string {
	return fmt.Sprintf("data \"manifesto_repository\" \"test\" {\n  repository = %q\n%s\n}\n", repository, attributes)
}

// checks are checks of the state after an apply.
type checks []statecheck.StateCheck

// putFor stores metadata of another image of the repository outside Terraform.
func (w *world) putFor(image oci.Digest, typ, content string) {
	w.t.Helper()
	other := *w
	other.image = image
	other.put(typ, content)
}

func inRepository(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data.manifesto_repository.test", tfjsonpath.New(attribute), value)
}

// inImage checks an attribute of one image.
func inImage(image oci.Digest, attribute string, value knownvalue.Check) statecheck.StateCheck {
	at := tfjsonpath.New("images").AtMapKey(image.String()).AtMapKey(attribute)
	return statecheck.ExpectKnownValue("data.manifesto_repository.test", at, value)
}

// inEntry checks an attribute of one piece of metadata.
func inEntry(image oci.Digest, typ, attribute string, value knownvalue.Check) statecheck.StateCheck {
	at := tfjsonpath.New("images").AtMapKey(image.String()).AtMapKey("metadata").AtMapKey(typ).AtMapKey(attribute)
	return statecheck.ExpectKnownValue("data.manifesto_repository.test", at, value)
}

// listed checks which images are listed.
func listed(images ...oci.Digest) statecheck.StateCheck {
	want := map[string]knownvalue.Check{}
	for _, image := range images {
		want[image.String()] = knownvalue.NotNull()
	}
	return inRepository("images", knownvalue.MapExact(want))
}

// showsTypes checks which types an image shows.
func showsTypes(image oci.Digest, types ...string) statecheck.StateCheck {
	want := map[string]knownvalue.Check{}
	for _, typ := range types {
		want[typ] = knownvalue.NotNull()
	}
	return inImage(image, "metadata", knownvalue.MapExact(want))
}

func texts(values ...string) knownvalue.Check {
	checks := make([]knownvalue.Check, len(values))
	for i, value := range values {
		checks[i] = knownvalue.StringExact(value)
	}
	return knownvalue.ListExact(checks)
}

// Without options, the data source reads the manifesto and nothing else, and shows what it says.
func TestAccRepositoryDataSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	_, err := w.store().Put(context.Background(), manifesto.Put{
		Key: w.key("contact"), Content: []byte("me"), MediaType: "text/x", Annotations: map[string]string{"by": "ops"},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.putFor(two, "scan/cve", "none")
	acceptance(t,
		resource.TestStep{
			Config: w.repository(""),
			ConfigStateChecks: []statecheck.StateCheck{
				inRepository("id", knownvalue.StringExact(w.ref(""))),
				inRepository("registry", knownvalue.StringExact(w.server.Host())),
				listed(w.image, two),
				showsTypes(w.image, "contact"),
				showsTypes(two, "scan/cve"),
				inImage(two, "tags", knownvalue.Null()),
				inImage(two, "gone", knownvalue.Null()),
				inEntry(w.image, "contact", "digest", knownvalue.StringExact(oci.DigestOf([]byte("me")).String())),
				inEntry(w.image, "contact", "size", knownvalue.Int64Exact(2)),
				inEntry(w.image, "contact", "media_type", knownvalue.StringExact("text/x")),
				inEntry(w.image, "contact", "created", knownvalue.NotNull()),
				inEntry(w.image, "contact", "annotations", knownvalue.MapExact(map[string]knownvalue.Check{
					"by": knownvalue.StringExact("ops"),
				})),
				inEntry(w.image, "contact", "content", knownvalue.Null()),
				inEntry(w.image, "contact", "content_base64", knownvalue.Null()),
				inEntry(two, "scan/cve", "annotations", knownvalue.MapSizeExact(0)),
			},
		},
		resource.TestStep{Config: w.repository(""), ConfigPlanChecks: emptyPlan},
	)
}

func TestAccRepositoryDataSourceRequests(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attributes string
		// want is the number of requests of a plan for manifests, blobs and lists of tags.
		manifests, blobs, lists int
	}{
		"the manifesto only": {"", 1, 1, 0},
		// One blob for the two equal contents, and one for the third.
		"contents":        {"include_content = true", 1, 3, 0},
		"fewer contents":  {"include_content = true\ntype = \"a\"", 1, 2, 0},
		"tags":            {"include_tags = true", 1 + 4, 1, 1},
		"images":          {"check_images = true", 1 + 3 + 1, 1, 0}, // One of three is gone, and asked for twice.
		"tags and images": {"include_tags = true\ncheck_images = true", 1 + 4 + 2, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			two := w.push("2", "two")
			w.push("3", "three")
			w.push("3-again", "three")
			gone := oci.DigestOf([]byte("gone"))
			w.write(fmt.Sprintf(`{"images":[
				{"image_digest":%[1]q,"manifesto":[{"type":"a","digest":%[4]q},{"type":"b","digest":%[5]q}]},
				{"image_digest":%[2]q,"manifesto":[{"type":"a","digest":%[4]q}]},
				{"image_digest":%[3]q,"manifesto":[{"type":"c","digest":%[4]q}]}]}`,
				w.image, two, gone, w.blob("same"), w.blob("other")))
			c := newCommandLine(t)
			c.write("main.tf", requirement+w.repository(test.attributes))
			w.server.Reset()
			c.terraform("plan")
			if n := w.server.Count("", "/manifests/"); n != test.manifests {
				t.Errorf("%d requests for manifests, want %d: %v", n, test.manifests, w.server.Requests())
			}
			if n := w.server.Count("", "/blobs/"); n != test.blobs {
				t.Errorf("%d requests for blobs, want %d: %v", n, test.blobs, w.server.Requests())
			}
			if n := w.server.Count("", "/tags/list"); n != test.lists {
				t.Errorf("%d lists of tags, want %d: %v", n, test.lists, w.server.Requests())
			}
		})
	}
}

// blob uploads a blob.
func (w *world) blob(content string) oci.Digest {
	w.t.Helper()
	digest, err := w.remote.PutBlob(context.Background(), []byte(content))
	if err != nil {
		w.t.Fatal(err)
	}
	return digest
}

// The look-ups of a run share one read of the manifesto and one look at each tag.
func TestAccRepositoryDataSourceSharesRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	c := newCommandLine(t)
	c.write("main.tf", requirement+w.repository("include_tags = true")+w.list("")+w.lookup(`type = "contact"`))
	w.server.Reset()
	c.terraform("plan")
	for part, want := range map[string]int{"/manifests/_manifesto": 1, "/manifests/1": 1, "/tags/list": 1} {
		if n := w.server.Count("", part); n != want {
			t.Errorf("%d requests for %s, want %d", n, part, want)
		}
	}
}

func TestAccRepositoryDataSourceFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	one, two, bare := w.image, w.push("2", "two"), w.push("3", "three")
	w.put("contact", "me")
	w.put("approval", "yes")
	w.put("scan/cve/trivy", "x")
	w.putFor(two, "contact", "you")
	w.putFor(two, "[draft]", "x")
	for name, test := range map[string]struct {
		attributes string
		want       checks
	}{
		"type": {
			`type = "contact"`, checks{listed(one, two), showsTypes(one, "contact"), showsTypes(two, "contact")},
		},
		"images without the type stay": {
			`type = "approval"`, checks{listed(one, two), showsTypes(one, "approval"), showsTypes(two)},
		},
		"type is no pattern": {
			`type = "[draft]"`, checks{showsTypes(one), showsTypes(two, "[draft]")},
		},
		"types": {
			`types = ["scan/*", "app?oval"]`,
			checks{showsTypes(one, "approval", "scan/cve/trivy"), showsTypes(two)},
		},
		"escaped":  {`types = ["\\[draft]"]`, checks{showsTypes(one), showsTypes(two, "[draft]")}},
		"no types": {`types = []`, checks{listed(one, two), showsTypes(one), showsTypes(two)}},
		"has": {
			`has_type = "approval"`, checks{listed(one), showsTypes(one, "approval", "contact", "scan/cve/trivy")},
		},
		"lacks":          {`lacks_type = "approval"`, checks{listed(two), showsTypes(two, "contact", "[draft]")}},
		"has, show less": {"has_type = \"approval\"\ntype = \"contact\"", checks{showsTypes(one, "contact")}},
		"has and lacks":  {"has_type = \"contact\"\nlacks_type = \"approval\"", checks{listed(two)}},
		"nothing":        {`has_type = "unheard-of"`, checks{listed()}},
		"lacks, with tags": {
			"lacks_type = \"approval\"\ninclude_tags = true", checks{
				listed(two, bare), showsTypes(bare), inImage(bare, "tags", texts("3")), inImage(two, "tags", texts("2")),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{Config: w.repository(test.attributes), ConfigStateChecks: test.want})
		})
	}
}

// Tags of the manifesto and of artifacts are no images. An image may have several tags, or none.
func TestAccRepositoryDataSourceTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	old := w.push("latest", "old")
	now := w.push("latest", "now")
	w.push("2", "now")
	w.push(strings.Replace(now.String(), ":", "-", 1), "artifact")
	w.push(strings.Replace(now.String(), ":", "-", 1)+".sig", "signature")
	gone := oci.DigestOf([]byte("gone"))
	for _, image := range []oci.Digest{old, now} {
		w.putFor(image, "contact", "me")
	}
	w.write(strings.Replace(w.document(), `"images":[`, fmt.Sprintf(
		`"images":[{"image_digest":%q,"manifesto":[{"type":"contact","digest":%q}]},`, gone, w.blob("me")), 1))
	config := w.repository("include_tags = true\ncheck_images = true")
	acceptance(t,
		resource.TestStep{
			Config: config + `
				output "prune" {
					value = [for digest, image in data.manifesto_repository.test.images : digest if image.gone]
				}
				output "active" {
					value = [for digest, image in data.manifesto_repository.test.images : digest if contains(image.tags, "latest")]
				}`,
			ConfigStateChecks: []statecheck.StateCheck{
				listed(w.image, old, now, gone),
				inImage(now, "tags", texts("2", "latest")), inImage(now, "gone", knownvalue.Bool(false)),
				inImage(old, "tags", texts()), inImage(old, "gone", knownvalue.Bool(false)),
				inImage(w.image, "tags", texts("1")), showsTypes(w.image),
				inImage(gone, "tags", texts()), inImage(gone, "gone", knownvalue.Bool(true)), showsTypes(gone, "contact"),
				statecheck.ExpectKnownOutputValue("prune", texts(gone.String())),
				statecheck.ExpectKnownOutputValue("active", texts(now.String())),
			},
		},
		resource.TestStep{Config: config, ConfigStateChecks: []statecheck.StateCheck{listed(w.image, old, now, gone)}},
	)
}

func TestAccRepositoryDataSourceContents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	binary := "\xff\x00"
	lost := oci.DigestOf([]byte("lost"))
	w.write(fmt.Sprintf(`{"images":[{"image_digest":%q,"manifesto":[
		{"type":"contact","digest":%q},{"type":"seal","digest":%q},
		{"type":"lost","digest":%q},{"type":"bad","digest":"x"}]}]}`,
		w.image, w.blob("me"), w.blob(binary), lost))
	acceptance(t,
		resource.TestStep{
			Config: w.repository(""),
			ConfigStateChecks: []statecheck.StateCheck{
				inEntry(w.image, "contact", "size", knownvalue.Null()),
				inEntry(w.image, "contact", "media_type", knownvalue.Null()),
				inEntry(w.image, "contact", "created", knownvalue.Null()),
				inEntry(w.image, "bad", "digest", knownvalue.Null()),
			},
		},
		resource.TestStep{
			Config: w.repository("include_content = true"),
			ConfigStateChecks: []statecheck.StateCheck{
				inEntry(w.image, "contact", "content", knownvalue.StringExact("me")),
				inEntry(w.image, "contact", "content_base64", knownvalue.Null()),
				inEntry(w.image, "contact", "size", knownvalue.Int64Exact(2)),
				inEntry(w.image, "contact", "media_type", knownvalue.StringExact("text/plain")),
				inEntry(w.image, "seal", "content", knownvalue.Null()),
				inEntry(w.image, "seal", "content_base64", knownvalue.StringExact(
					base64.StdEncoding.EncodeToString([]byte(binary)),
				)),
				inEntry(w.image, "lost", "digest", knownvalue.StringExact(lost.String())),
				inEntry(w.image, "lost", "content", knownvalue.Null()),
				inEntry(w.image, "lost", "content_base64", knownvalue.Null()),
				inEntry(w.image, "bad", "content", knownvalue.Null()),
			},
		},
	)
}

// A content that many images share is downloaded once, but Terraform carries it once for each of them.
func TestAccRepositoryDataSourceContentsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	for i := range 3 {
		w.putFor(w.push(fmt.Sprint("big", i), strconv.Itoa(i)), "sbom", strings.Repeat("x", 12<<20))
	}
	w.put("contact", "me")
	acceptance(t,
		resource.TestStep{
			PreConfig:   w.server.Reset,
			Config:      w.repository("include_content = true"),
			ExpectError: words(`include_content.*Contents too large|Contents too large.*more than 32 MiB.*types`),
		},
		resource.TestStep{
			Config:            w.repository("include_content = true\ntype = \"contact\""),
			ConfigStateChecks: []statecheck.StateCheck{inEntry(w.image, "contact", "content", knownvalue.StringExact("me"))},
		},
	)
	// The entries say how large the contents are, so that none was downloaded for the error.
	if n := w.server.Count(http.MethodGet, oci.DigestOf([]byte(strings.Repeat("x", 12<<20))).String()); n != 0 {
		t.Errorf("%d downloads of a content", n)
	}
}

// A repository without a manifesto, or one that the registry does not know, has no images with metadata. That is no
// error; a registry that does not answer is one.
func TestAccRepositoryDataSourceWithoutManifesto(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t,
		resource.TestStep{Config: w.repository(""), ConfigStateChecks: []statecheck.StateCheck{listed()}},
		resource.TestStep{
			Config:            w.repository("include_tags = true\ncheck_images = true\ninclude_content = true"),
			ConfigStateChecks: []statecheck.StateCheck{listed(w.image), inImage(w.image, "gone", knownvalue.Bool(false))},
		},
		resource.TestStep{
			Config:            repositoryConfig(w.server.Host()+"/unknown", "include_tags = true"),
			ConfigStateChecks: []statecheck.StateCheck{listed()},
		},
		resource.TestStep{
			Config: providerConfig("max_retries = 0") + w.repository(""),
			PreConfig: func() {
				w.server.Intercept(func(rw http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
					registrytest.Refuse(rw, http.StatusForbidden, "DENIED", "not for you")
					return true
				})
			},
			ExpectError: words(`Permission denied.*repository\s+=.*Reading repository ` + w.ref("") + ` failed`),
		},
	)
}

func TestAccRepositoryDataSourceErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, want string }{
		"a tag": {
			repositoryConfig("localhost:1/app:1", ""), `Malformed repository.*names an image; leave out its tag or digest`,
		},
		"a digest": {
			repositoryConfig("localhost:1/app@sha256:"+strings.Repeat("0", 64), ""),
			`Malformed repository.*leave out its tag or digest`,
		},
		"a URL":      {repositoryConfig("https://ghcr.io/org/app", ""), `Malformed repository.*such as ghcr.io/org/app`},
		"upper case": {repositoryConfig("ghcr.io/Org/app", ""), `Malformed repository.*lower case`},
		"empty":      {repositoryConfig("", ""), `Malformed repository`},
		"pattern": {
			repositoryConfig("localhost:1/app", `types = ["scan/[a"]`),
			`Malformed pattern.*types = .*"scan/\[a" is not a pattern`,
		},
		"empty pattern": {repositoryConfig("localhost:1/app", `types = [""]`), `Empty type.*\* to match all`},
		"two filters": {
			repositoryConfig("localhost:1/app", "type = \"a\"\ntypes = [\"b\"]"),
			`"types" cannot be specified when "type"`,
		},
		"unreachable": {
			providerConfig("max_retries = 0") + repositoryConfig("localhost:1/app", ""), `Registry unreachable`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{Config: test.config, ExpectError: words(test.want)})
		})
	}
}

// A repository or a filter that is unknown at plan delays the look-up until apply.
func TestAccRepositoryDataSourceUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "me")
	config := fmt.Sprintf(`
		resource "terraform_data" "later" {
			input = { repository = %q, type = "contact" }
		}
		data "manifesto_repository" "test" {
			repository = terraform_data.later.output.repository
			has_type   = terraform_data.later.output.type
			types      = ["${terraform_data.later.output.type}*"]
		}`, w.ref(""))
	acceptance(t,
		resource.TestStep{Config: config, ConfigStateChecks: []statecheck.StateCheck{listed(w.image)}},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}

func TestAccRepositoryDataSourceUnknownSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	acceptance(t, resource.TestStep{
		Config: fmt.Sprintf(`
			resource "terraform_data" "host" {
				input = %q
			}
			provider "manifesto" {
				default_registry = terraform_data.host.output
			}
			`, w.server.Host()) + repositoryConfig("app", ""),
		ExpectError: words(`Provider settings unknown.*repository\s+=.*Apply that resource first`),
	})
}

func TestAccRepositoryDataSourceOfALayout(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	one, two, nameless := b.add("1"), b.add("2"), b.add("")
	b.change(one, "contact", "me")
	b.change(nameless, "approval", "yes")
	acceptance(t, resource.TestStep{
		Config: repositoryConfig(b.ref(""), "include_tags = true\ncheck_images = true\ninclude_content = true"),
		ConfigStateChecks: []statecheck.StateCheck{
			inRepository("id", knownvalue.StringExact(b.ref(""))),
			inRepository("registry", knownvalue.StringExact("oci-layout")),
			listed(one, two, nameless),
			inImage(one, "tags", texts("1")), inEntry(one, "contact", "content", knownvalue.StringExact("me")),
			inImage(two, "tags", texts("2")), showsTypes(two),
			inImage(nameless, "tags", texts()), inImage(nameless, "gone", knownvalue.Bool(false)),
		},
	})
}
