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
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
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
func TestProcesses(t *testing.T) { testProcesses(t, nil) }

// The same with pipelines that sign, each with a key of its own: what each has stored verifies, and its artifact is
// attached to the image.
func TestProcessesSign(t *testing.T) { testProcesses(t, notationtest.NewAuthority(t, "team")) }

// testProcesses runs pipelines. They sign if there is an authority for their certificates.
func testProcesses(t *testing.T, authority *notationtest.Authority) {
	t.Helper()
	found := findTools(t)
	c := &contest{
		authority: authority,
		processes: number(t, "E2E_PROCESSES", 8), writers: number(t, "E2E_WRITERS", 4), rounds: number(t, "E2E_ROUNDS", 2),
	}
	seed := number(t, "E2E_SEED", int(time.Now().UnixNano()%1_000_000))
	short := testing.Short() && authority != nil
	if short {
		c.processes = min(c.processes, 2)
	}
	for _, kind := range durable() {
		t.Run(kind.Title, func(t *testing.T) {
			if short && kind.Name != servers.Kinds[0].Name {
				t.Skip("left out of short runs")
			}
			t.Logf("E2E_SEED=%d: %d processes of %d writers, %d rounds", seed, c.processes, c.writers, c.rounds)
			s := start(t, kind, servers.Options{})
			image := s.push(t, "team/app")
			p := startProxy(t, s, uint64(seed))
			random := rand.New(rand.NewPCG(uint64(seed), 2))
			pipelines := make([]*pipeline, c.processes)
			for i := range pipelines {
				pipelines[i] = newPipeline(t, found, i, c.writers, p.host+"/team/app@"+image.String(), authority)
			}
			killed := 0
			for round := 1; round <= c.rounds && !t.Failed(); round++ {
				killed += run(t, pipelines, round, random)
				s.hasAll(t, image, c.processes, c.writers, round)
				if authority != nil {
					s.allVerify(t, p.host, image, authority)
				}
			}
			if t.Failed() {
				return
			}
			c.plansNothing(t, kind, pipelines)
			if authority != nil {
				s.allAttached(t, p.host, image)
			}
			t.Logf("%d processes were killed, %d connections broken, %d requests refused", killed, p.broken, p.refused)
		})
	}
}

// contest is how many pipelines write at the same time, with how many resources each, and how often.
type contest struct {
	processes, writers, rounds int
	// authority issues the certificates of pipelines that sign; nil if they do not.
	authority *notationtest.Authority
}

// run runs a round of all pipelines at once and returns how many were killed.
func run(t *testing.T, pipelines []*pipeline, round int, random *rand.Rand) (killed int) {
	t.Helper()
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
	return killed
}

// plansNothing checks that no pipeline has anything to do after the last round.
func (c *contest) plansNothing(t *testing.T, kind servers.Kind, pipelines []*pipeline) {
	t.Helper()
	for _, p := range pipelines {
		if c.authority != nil && kind.Name == "olareg" {
			p.repair(t, c.rounds)
		}
		command := p.command("plan", "-detailed-exitcode", "-var", fmt.Sprint("round=", c.rounds))
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("a plan afterwards: %v\n%s", err, output)
		}
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

func newPipeline(
	t *testing.T, found tools, i, writers int, image string, authority *notationtest.Authority,
) *pipeline {
	t.Helper()
	p := &pipeline{tool: found.terraform, dir: t.TempDir()}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && !strings.HasPrefix(variable, "REGISTRY_") {
			p.env = append(p.env, variable)
		}
	}
	p.env = append(p.env, "TF_CLI_CONFIG_FILE="+found.provider, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0",
		"TF_CLI_ARGS=-no-color", "DOCKER_CONFIG="+p.dir)
	text := fmt.Sprintf(`terraform {
  required_providers {
    manifesto = { source = "imagemanifesto/manifesto" }
  }
}
provider "manifesto" {
%s}
variable "round" {}
resource "manifesto_metadata" "all" {
  count   = %d
  image   = %q
  type    = "pipeline %d, writer ${count.index}"
  content = "round ${var.round} of pipeline %[4]d, writer ${count.index}"
}
`, p.signs(t, i, authority), writers, image, i)
	p.write(t, "main.tf", []byte(text))
	return p
}

// signs writes the files for signing and verifying, and returns the attributes of the provider: none without an
// authority.
func (p *pipeline) signs(t *testing.T, i int, authority *notationtest.Authority) string {
	t.Helper()
	if authority == nil {
		return ""
	}
	identity := authority.Issue(t, fmt.Sprint("pipeline ", i))
	p.write(t, "key.pem", identity.KeyPEM(t))
	p.write(t, "chain.pem", identity.ChainPEM())
	p.write(t, "root.pem", authority.RootPEM())
	return signByKey + verify
}

func (p *pipeline) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
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

// repair applies again what olareg has lost, until nothing is planned: olareg 0.1 changes its lists of referrers
// without a lock, and loses some of those that are attached to one image at the same time.
func (p *pipeline) repair(t *testing.T, round int) {
	t.Helper()
	variable := fmt.Sprint("round=", round)
	for range 10 {
		if p.command("plan", "-detailed-exitcode", "-var", variable).Run() == nil {
			return
		}
		if output, err := p.command("apply", "-auto-approve", "-var", variable).CombinedOutput(); err != nil {
			t.Errorf("an apply afterwards: %v\n%s", err, output)
		}
	}
}

// allVerify checks that all pieces of the image are signed, by the name with which the pipelines call the registry.
func (s *server) allVerify(t *testing.T, host string, image oci.Digest, authority *notationtest.Authority) {
	t.Helper()
	store, name := s.storeAs(t, host, "team/app")
	entries, err := store.List(t.Context(), name, image)
	if err != nil {
		t.Fatal(err)
	}
	verifier := notationtest.NewVerifier(t, authority)
	for _, e := range entries {
		verifies(t, store, manifesto.Key{Repository: name, Image: image, Type: e.Type}, verifier)
	}
}

// allAttached checks that the artifacts of all pieces of the image are attached. Others may be there that killed
// pipelines have left.
func (s *server) allAttached(t *testing.T, host string, image oci.Digest) {
	t.Helper()
	store, name := s.storeAs(t, host, "team/app")
	t.Logf("%d artifacts are left of killed pipelines", len(s.attached(t, store, name, image)))
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
