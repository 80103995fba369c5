package provider

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

var (
	// codeBlock is an example of configuration in a page; it may be indented in a list.
	codeBlock = regexp.MustCompile("(?sm)^ *```(?:hcl|terraform)\n(.*?)^ *```")
	// declared is the type of a resource or a data source that an example declares.
	declared = regexp.MustCompile(`(?m)^\s*(?:resource|data) "(\w+)"`)
	// exampleImage is an image of a registry in an example: host, repository, and tag or digest.
	exampleImage = regexp.MustCompile(
		`"(?:[\w-]+(?:\.[\w-]+)+(?::\d+)?/)?(\w[\w-]*(?:/[\w-]+)+)(:[\w.-]+|@sha256:[0-9a-f…]+|@\$\{)`)
	exampleVariable = regexp.MustCompile(`variable "(\w+)"`)
)

// Every example of README and the guides that declares nothing but objects of this provider runs with only hosts and
// digests put in. Each block is a configuration of its own; the blocks of a page run one after another.
func TestCLIExamplesOfPages(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../templates/guides/*.tmpl")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	pages = append(pages, "../../README.md", "../../templates/index.md.tmpl")
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, registrytest.Options{})
			for _, block := range codeBlock.FindAllStringSubmatch(string(text), -1) {
				if runnable(block[1]) {
					w.runExample(block[1])
				}
			}
		})
	}
}

// runnable reports whether an example declares objects of this provider, none of another, and no image on disk.
func runnable(example string) bool {
	types := declared.FindAllStringSubmatch(example, -1)
	for _, typ := range types {
		if !strings.HasPrefix(typ[1], "manifesto_") {
			return false
		}
	}
	return len(types) > 0 && !strings.Contains(example, oci.LayoutHost+":")
}

// runExample applies an example with its images in the registry of the world. The plan after it must be empty.
func (w *world) runExample(example string) {
	w.t.Helper()
	c := newCommandLine(w.t)
	digest := w.image
	example = exampleImage.ReplaceAllStringFunc(example, func(image string) string {
		parts := exampleImage.FindStringSubmatch(image)
		path, version := parts[1], parts[2]
		w.remote = w.open(path)
		tag := "1.2"
		if strings.HasPrefix(version, ":") {
			tag = version[1:]
		}
		digest = w.push(tag, path+tag)
		if strings.HasPrefix(version, "@sha256:") {
			version = "@" + digest.String()
		}
		return `"` + w.server.Host() + "/" + path + version
	})
	for _, variable := range exampleVariable.FindAllStringSubmatch(example, -1) {
		c.env = append(c.env, "TF_VAR_"+variable[1]+"="+digest.String())
	}
	if !strings.Contains(example, "required_providers") {
		example += requirement
	}
	c.write("main.tf", example)
	c.terraform("apply", "-auto-approve")
	c.terraform("plan", "-detailed-exitcode")
}
