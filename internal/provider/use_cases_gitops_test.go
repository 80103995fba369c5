package provider

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// gitOpsRepository is the repository with pipelines of the use case gitops.
const gitOpsRepository = "gitops/repository"

// pipelineCommand is a command of Terraform in a file of a pipeline.
var pipelineCommand = regexp.MustCompile(`(?m)^\s+- (?:run: )?(terraform .*)$`)

// The commands of the pipelines plan and apply the approvals of a repository, with a login as the pipelines have it.
func TestCLIGitOpsPipelines(t *testing.T) {
	t.Parallel()
	for file, login := range map[string]func(p *pipeline){
		".github/workflows/approvals.yml": (*pipeline).loginByDockerConfig,
		".gitlab-ci.yml":                  (*pipeline).loginByEnvironment,
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t, file)
			login(p)
			p.approve("web.yaml", p.first)
			p.approve("team/worker.yaml", p.second)
			p.terraform("init") // The lock file is committed.

			p.registry.server.Reset()
			if output := p.succeeds(p.plan); !strings.Contains(output, "Plan: 2 to add, 0 to change, 0 to destroy") {
				t.Errorf("the plan of two approvals:\n%s", output)
			}
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
				if writes := p.registry.server.Count(method, ""); writes > 0 {
					t.Errorf("the plan has sent %d requests with %s", writes, method)
				}
			}

			p.write("approvals/web.yaml", "image: "+p.image(p.first)+"\nby: security\n")
			output, code := p.run("bash", "-e", "-o", "pipefail", "-c", p.plan)
			if want := `approvals/web.yaml: $: lacks "ticket"`; code == 0 || !strings.Contains(output, want) {
				t.Errorf("the plan of a wrong file: exit code %d, want %s in\n%s", code, want, output)
			}

			p.approve("web.yaml", p.first)
			p.succeeds(p.apply)
			p.has(p.first, "approval")
			p.has(p.second, "approval")

			if err := os.Remove(filepath.Join(p.dir, "approvals", "team", "worker.yaml")); err != nil {
				t.Fatal(err)
			}
			p.succeeds(p.apply)
			p.has(p.first, "approval")
			p.has(p.second)
		})
	}
}

// pipeline is the repository of the use case with the commands of one of its pipelines, and a registry with two builds.
type pipeline struct {
	*commandLine
	registry      *world
	first, second oci.Digest
	plan, apply   string
}

func newPipeline(t *testing.T, file string) *pipeline {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil || runtime.GOOS == "windows" {
		t.Skip("the pipelines run on Linux, with bash")
	}
	p := &pipeline{commandLine: newCommandLine(t), registry: secured(t)}
	p.useMirrors(gitOpsRepository)
	p.registry.remote = p.registry.open("example/app")
	p.first, p.second = p.registry.push("1.2", "first build"), p.registry.push("1.3", "second build")
	dir := filepath.Join(p.dir, "use-cases")
	if err := os.CopyFS(dir, os.DirFS(useCases)); err != nil {
		t.Fatal(err)
	}
	p.dir = filepath.Join(dir, filepath.FromSlash(gitOpsRepository))

	content, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(content), "apply:\n")
	p.plan, p.apply = commandsOf(before), commandsOf(after)
	if !found || !strings.Contains(p.plan, "terraform plan") || !strings.Contains(p.apply, "terraform apply") {
		t.Fatalf("%s: plan by %q, apply by %q", file, p.plan, p.apply)
	}
	// The commands say terraform, whichever tool the test runs with.
	bin := t.TempDir()
	if err := os.Symlink(p.tool, filepath.Join(bin, "terraform")); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return p
}

// commandsOf returns the commands of Terraform in a part of a pipeline, as a script.
func commandsOf(text string) string {
	var script strings.Builder
	for _, command := range pipelineCommand.FindAllStringSubmatch(text, -1) {
		script.WriteString(command[1] + "\n")
	}
	return script.String()
}

func (p *pipeline) loginByEnvironment() {
	p.env = append(p.env, envUsername+"="+user, envPassword+"="+secret, "TF_VAR_registry="+p.registry.server.Host())
}

func (p *pipeline) loginByDockerConfig() {
	dir := p.t.TempDir()
	login := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))
	text := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, p.registry.server.Host(), login)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.env = append(p.env, "DOCKER_CONFIG="+dir)
}

func (p *pipeline) image(build oci.Digest) string {
	return p.registry.server.Host() + "/example/app@" + build.String()
}

// approve writes the file of an approval.
func (p *pipeline) approve(name string, build oci.Digest) {
	p.write("approvals/"+name, "image: "+p.image(build)+"\nby: security\nticket: SEC-1\n")
}

// succeeds runs commands of the pipeline as its shell does.
func (p *pipeline) succeeds(commands string) string {
	p.t.Helper()
	output, code := p.run("bash", "-e", "-o", "pipefail", "-c", commands)
	if code != 0 {
		p.t.Fatalf("%s: exit code %d\n%s", commands, code, output)
	}
	return output
}

// has checks the types of a build's metadata.
func (p *pipeline) has(build oci.Digest, types ...string) {
	p.t.Helper()
	if err := p.registry.hasTypes(build, types...); err != nil {
		p.t.Error(err)
	}
}
