package provider

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Tests that run the provider as users do: the built program, started by Terraform's command line.

// buildProvider builds the program once, into a directory that outlives the single test.
var buildProvider = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(os.Getenv("DOCKER_CONFIG"), "bin") // TestMain's own directory, removed at the end.
	name := "terraform-provider-manifesto"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "../..")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the provider: %w\n%s", err, output)
	}
	return dir, nil
})

// requirement is what every configuration on the command line starts with.
const requirement = `
	terraform {
		required_providers {
			manifesto = { source = "imagemanifesto/manifesto" }
		}
	}
`

// commandLine is a directory in which Terraform runs with the provider just built.
type commandLine struct {
	t    *testing.T
	tool string
	dir  string
	env  []string
}

func newCommandLine(t *testing.T) *commandLine {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("TF_ACC is not set: tests with a real Terraform are off")
	}
	tool := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if tool == "" {
		tool = "terraform"
	}
	tool, err := exec.LookPath(tool)
	if err != nil {
		t.Fatal(err)
	}
	bin, err := buildProvider()
	if err != nil {
		t.Fatal(err)
	}
	c := &commandLine{t: t, tool: tool, dir: t.TempDir()}
	config := filepath.Join(t.TempDir(), "cli.tfrc")
	text := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"imagemanifesto/manifesto\" = %q\n  }\n  direct {}\n}\n", bin)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "TF_CLI_ARGS=-no-color", "TF_INPUT=0",
		"PATH="+filepath.Dir(tool)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return c
}

// write adds a file to the directory.
func (c *commandLine) write(name, content string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// run runs a command and returns its output and exit code.
func (c *commandLine) run(name string, args ...string) (string, int) {
	c.t.Helper()
	command := exec.Command(name, args...)
	command.Dir, command.Env = c.dir, c.env
	output, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		c.t.Fatal(err)
	}
	return string(output), command.ProcessState.ExitCode()
}

// terraform runs Terraform and fails the test unless it succeeds.
func (c *commandLine) terraform(args ...string) string {
	c.t.Helper()
	output, code := c.run(c.tool, args...)
	if code != 0 {
		c.t.Fatalf("%s %s: exit code %d\n%s", filepath.Base(c.tool), strings.Join(args, " "), code, output)
	}
	return output
}

// minor returns the minor version of Terraform or OpenTofu 1.x.
func (c *commandLine) minor() int {
	c.t.Helper()
	var minor int
	match := regexp.MustCompile(`v1\.(\d+)`).FindStringSubmatch(c.terraform("version"))
	if match == nil {
		c.t.Fatal("no version")
	}
	if _, err := fmt.Sscan(match[1], &minor); err != nil {
		c.t.Fatal(err)
	}
	return minor
}

// 200 resources with -parallelism=50: all there, second plan empty, destroy leaves an empty manifesto
// but for what others put there.
func TestCLIManyInParallel(t *testing.T) {
	for _, foreign := range []bool{false, true} {
		t.Run(fmt.Sprintf("with another writer's entry: %t", foreign), func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			w := newWorld(t, registrytest.Options{})
			if foreign {
				w.put("foreign", "theirs")
			}
			c.write("main.tf", requirement+fmt.Sprintf(`
				resource "manifesto_metadata" "many" {
					count   = 200
					image   = %q
					type    = "t${count.index}"
					content = "content ${count.index}"
				}`, w.ref(":1")))
			c.terraform("apply", "-auto-approve", "-parallelism=50")
			entries, err := w.store().List(context.Background(), w.remote.Repository(), w.image)
			want := 200
			if foreign {
				want++
			}
			if err != nil || len(entries) != want {
				t.Errorf("%d entries, want %d, %v", len(entries), want, err)
			}
			c.terraform("plan", "-detailed-exitcode")
			c.terraform("destroy", "-auto-approve", "-parallelism=50")
			if foreign {
				if err := w.hasTypes(w.image, "foreign"); err != nil {
					t.Error(err)
				}
				return
			}
			if got := w.document(); got != `{"images":[]}` {
				t.Errorf("after destroy the document is %s", got)
			}
		})
	}
}

// Every example of the documentation runs as it is, but for the registry's host.
func TestCLIExamples(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (*commandLine, *world) {
		t.Helper()
		c := newCommandLine(t)
		w := newWorld(t, registrytest.Options{Username: user, Password: secret})
		w.remote = w.open("example/app")
		w.image = w.push("1.2", "example")
		c.env = append(c.env, "TF_VAR_registry_password="+secret)
		c.example(w, "provider/provider.tf")
		return c, w
	}
	t.Run("resource and imports", func(t *testing.T) {
		t.Parallel()
		c, w := setUp(t)
		c.example(w, "resources/manifesto_metadata/resource.tf")
		c.example(w, "resources/manifesto_metadata/seccomp.json")
		c.terraform("apply", "-auto-approve")
		if err := w.hasTypes(w.image, "contact", "approval", "seccomp"); err != nil {
			t.Error(err)
		}
		c.terraform("plan", "-detailed-exitcode")

		forget := func() { c.terraform("state", "rm", "manifesto_metadata.contact") }
		forget()
		c.example(w, "resources/manifesto_metadata/import.sh")
		script := strings.Replace(c.read("import.sh"), "terraform import", filepath.Base(c.tool)+" import", 1)
		if output, code := c.run("sh", "-ec", script); code != 0 {
			t.Fatalf("import.sh: exit code %d\n%s", code, output)
		}
		c.terraform("plan", "-detailed-exitcode")

		imports := []string{"resources/manifesto_metadata/import-by-string-id.tf"}
		if c.minor() >= 12 && strings.HasPrefix(filepath.Base(c.tool), "terraform") {
			imports = append(imports, "resources/manifesto_metadata/import-by-identity.tf")
		} else {
			t.Log("import-by-identity.tf is skipped: it needs Terraform 1.12")
		}
		for _, name := range imports {
			forget()
			c.example(w, name)
			if output := c.terraform("apply", "-auto-approve"); !strings.Contains(output, "1 imported") {
				t.Errorf("%s imports nothing:\n%s", name, output)
			}
			c.terraform("plan", "-detailed-exitcode")
			if err := os.Remove(filepath.Join(c.dir, filepath.Base(name))); err != nil {
				t.Fatal(err)
			}
		}
		c.terraform("destroy", "-auto-approve")
	})
	t.Run("data sources", func(t *testing.T) {
		t.Parallel()
		c, w := setUp(t)
		w.put("contact", "platform-team@example.com")
		w.put("approval", `{"approved":true}`)
		for _, name := range []string{"manifesto_metadata", "manifesto_image"} {
			c.example(w, "data-sources/"+name+"/data-source.tf") // In the place of the one before.
			output := c.terraform("apply", "-auto-approve")
			for _, want := range map[string][]string{
				"manifesto_metadata": {w.remote.Repository().Digested(w.image).String()},
				"manifesto_image":    {"platform-team@example.com", "approval"},
			}[name] {
				if !strings.Contains(output, want) {
					t.Errorf("%s does not show %s:\n%s", name, want, output)
				}
			}
		}
		c.example(w, "data-sources/manifesto_metadata/data-source.tf")
		w.put("approval", `{"approved":false}`)
		if output, code := c.run(c.tool, "plan"); code == 0 || !strings.Contains(output, "This build has not been approved") {
			t.Errorf("a build that is not approved: exit code %d\n%s", code, output)
		}
	})
}

// example copies a file of the examples, with the test registry in the place of the
// example's.
func (c *commandLine) example(w *world, name string) {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
	if err != nil {
		c.t.Fatal(err)
	}
	text := strings.ReplaceAll(string(content), "ghcr.io", w.server.Host())
	text = regexp.MustCompile(`sha256:[0-9a-f]{64}`).ReplaceAllString(text, w.image.String())
	text = strings.ReplaceAll(text, `"example"`, fmt.Sprintf("%q", user))
	c.write(filepath.Base(name), text)
}

func (c *commandLine) read(name string) string {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(content)
}

// Refresh and destroy look at the entry that the state names: they resolve no tag and open no file.
func TestCLIRefreshAndDestroyLookAtTheStateOnly(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("content.txt", "from a file")
	c.write("main.tf", requirement+fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			image  = %q
			type   = "t"
			source = "content.txt"
		}`, w.ref(":1")))
	c.terraform("apply", "-auto-approve")
	if err := os.Remove(filepath.Join(c.dir, "content.txt")); err != nil {
		t.Fatal(err)
	}
	w.push("1", "moved")
	w.server.Reset()
	c.terraform("apply", "-refresh-only", "-auto-approve")
	c.terraform("destroy", "-refresh=false", "-auto-approve")
	if n := w.server.Count("", "/manifests/1"); n != 0 {
		t.Errorf("the tag was resolved %d times", n)
	}
	if got := w.document(); got != `{"images":[]}` {
		t.Errorf("after destroy the document is %s", got)
	}
}

// A tag that moves between plan and apply stops the apply: what was planned for one build is not stored
// for another.
func TestCLITagMovesBetweenPlanAndApply(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("main.tf", requirement+fmt.Sprintf(`
		resource "manifesto_metadata" "test" {
			image   = %q
			type    = "approval"
			content = "yes"
		}`, w.ref(":1")))
	c.terraform("plan", "-out=saved")
	w.push("1", "moved")
	if output, code := c.run(c.tool, "apply", "saved"); code == 0 {
		t.Errorf("the apply succeeds:\n%s", output)
	}
	if puts := w.server.Count("PUT", "/manifests/_manifesto"); puts != 0 {
		t.Errorf("%d manifests were put", puts)
	}
	c.terraform("apply", "-auto-approve")
	if moved := w.image; w.hasTypes(moved) != nil {
		t.Errorf("the old build has metadata: %v", w.hasTypes(moved))
	}
}
