package provider

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// buildProvider builds the program once for all tests.
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

// commandLine is a directory in which Terraform runs with the built provider.
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
	if err := os.WriteFile(config, []byte(overrides(bin)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "TF_CLI_ARGS=-no-color", "TF_INPUT=0",
		"PATH="+filepath.Dir(tool)+string(os.PathListSeparator)+os.Getenv("PATH"))
	return c
}

// overrides is a CLI configuration that takes the provider from a directory.
func overrides(dir string) string {
	return fmt.Sprintf(
		"provider_installation {\n  dev_overrides {\n    \"imagemanifesto/manifesto\" = %q\n  }\n  direct {}\n}\n", dir,
	)
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

// isOpenTofu reports whether the tool is OpenTofu.
func (c *commandLine) isOpenTofu() bool { return strings.HasPrefix(filepath.Base(c.tool), "tofu") }

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

// example copies a file of the examples and replaces the example's registry with the test registry.
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
