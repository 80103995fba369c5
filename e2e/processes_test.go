//go:build unix

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// number reads a setting of the tests from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// pipeline is a directory with a configuration and a state, like that of a CI job.
type pipeline struct {
	tool, dir string
	env       []string
	// kill is the time after which the first try of a round is killed; 0 means never.
	kill   time.Duration
	killed bool
}

// Several pipelines write to one repository at the same time over a bad network. Some are killed at random moments and
// start again. In the end every entry of each pipeline is there and pinned, and no plan has a change.
func TestProcesses(t *testing.T) {
	tool := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if tool == "" {
		t.Fatal("TF_ACC_TERRAFORM_PATH is not set: run make e2e")
	}
	processes, writers := number(t, "E2E_PROCESSES", 8), number(t, "E2E_WRITERS", 4)
	rounds, seed := number(t, "E2E_ROUNDS", 2), number(t, "E2E_SEED", int(time.Now().UnixNano()%1_000_000))
	settings := buildProvider(t)
	for _, kind := range durable() {
		t.Run(kind.Title, func(t *testing.T) {
			t.Logf("E2E_SEED=%d: %d processes of %d writers, %d rounds", seed, processes, writers, rounds)
			s := start(t, kind, servers.Options{})
			image := s.push(t, "team/app")
			p := startProxy(t, s, uint64(seed))
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			pipelines := make([]*pipeline, processes)
			for i := range pipelines {
				pipelines[i] = newPipeline(t, tool, settings, i, writers, p.host+"/team/app@"+image.String())
			}
			killed := 0
			for round := 1; round <= rounds; round++ {
				var group sync.WaitGroup
				for _, p := range pipelines {
					p.kill, p.killed = 0, false
					if random.IntN(2) == 0 {
						p.kill = time.Duration(random.Int64N(int64(3 * time.Second)))
					}
					group.Go(func() { p.apply(t, round) })
				}
				group.Wait()
				for _, p := range pipelines {
					if p.killed {
						killed++
					}
				}
				s.hasAll(t, image, processes, writers, round)
				if t.Failed() {
					return
				}
			}
			for _, p := range pipelines {
				command := p.command("plan", "-detailed-exitcode", "-var", fmt.Sprint("round=", rounds))
				if output, err := command.CombinedOutput(); err != nil {
					t.Errorf("a plan afterwards: %v\n%s", err, output)
				}
			}
			t.Logf("%d processes were killed, %d connections broken, %d requests refused", killed, p.broken, p.refused)
		})
	}
}

// buildProvider compiles the provider and returns the file of a CLI configuration that names it.
func buildProvider(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "terraform-provider-manifesto"), ".")
	build.Dir = ".."
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, output)
	}
	settings := filepath.Join(dir, "cli.tfrc")
	text := fmt.Sprintf("provider_installation {\n"+
		"  dev_overrides {\n    \"imagemanifesto/manifesto\" = %q\n  }\n  direct {}\n}\n", dir)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return settings
}

func newPipeline(t *testing.T, tool, settings string, i, writers int, image string) *pipeline {
	t.Helper()
	p := &pipeline{tool: tool, dir: t.TempDir()}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "REGISTRY_") {
			p.env = append(p.env, variable)
		}
	}
	p.env = append(p.env, "TF_CLI_CONFIG_FILE="+settings, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0",
		"TF_CLI_ARGS=-no-color", "DOCKER_CONFIG="+p.dir)
	text := fmt.Sprintf(`terraform {
  required_providers {
    manifesto = { source = "imagemanifesto/manifesto" }
  }
}
variable "round" {}
resource "manifesto_metadata" "all" {
  count   = %d
  image   = %q
  type    = "pipeline %d, writer ${count.index}"
  content = "round ${var.round} of pipeline %[3]d, writer ${count.index}"
}
`, writers, image, i)
	if err := os.WriteFile(filepath.Join(p.dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *pipeline) command(args ...string) *exec.Cmd {
	command := exec.Command(p.tool, args...)
	command.Dir, command.Env = p.dir, p.env
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // The provider is in the group, so that it is killed too.
	return command
}

// apply sets the pipeline's entries to those of a round. A first try may be killed.
func (p *pipeline) apply(t *testing.T, round int) {
	args := []string{"apply", "-auto-approve", "-var", fmt.Sprint("round=", round)}
	if p.kill > 0 {
		before, _ := os.ReadFile(p.state()) // The first round has none yet.
		command := p.command(args...)
		if err := command.Start(); err != nil {
			t.Error(err)
			return
		}
		killer := time.AfterFunc(p.kill, func() {
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // It may have ended in time.
		})
		_ = command.Wait() // It fails when it is killed, and may fail otherwise: the second try counts.
		p.killed = !killer.Stop()
		p.mend(t, before)
	}
	if output, err := p.command(args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, output)
	}
}

func (p *pipeline) state() string { return filepath.Join(p.dir, "terraform.tfstate") }

// mend restores the state if Terraform was killed while it wrote the file, like a backend with versions.
func (p *pipeline) mend(t *testing.T, before []byte) {
	content, err := os.ReadFile(p.state())
	if errors.Is(err, os.ErrNotExist) || (err == nil && json.Valid(content)) {
		return
	}
	if len(before) == 0 {
		err = os.Remove(p.state())
	} else {
		err = os.WriteFile(p.state(), before, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// hasAll reads the manifesto without the proxy and checks every entry.
func (s *server) hasAll(t *testing.T, image oci.Digest, processes, writers, round int) {
	t.Helper()
	store, name := newStore(t), s.open(t, "team/app").Repository()
	for i := range processes {
		for j := range writers {
			key := manifesto.Key{Repository: name, Image: image, Type: fmt.Sprintf("pipeline %d, writer %d", i, j)}
			entry, content, err := store.Fetch(context.Background(), key)
			if err != nil {
				t.Errorf("lost: %v", err)
				continue
			}
			if want := fmt.Sprintf("round %d of pipeline %d, writer %d", round, i, j); string(content) != want {
				t.Errorf("%s is %q, not %q", key, content, want)
			}
			piece, err := store.Get(context.Background(), key)
			if err != nil || !piece.Pinned {
				t.Errorf("%s of %s: pinned: %t, %v", key, entry.Digest, piece.Pinned, err)
			}
		}
	}
}
