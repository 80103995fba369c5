//go:build unix

package e2e

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Whichever request that writes is the last before a kill, the next run converges: what it has stored verifies, and
// only that is attached to the image.
func TestSignedKilledAnywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs: it kills a run at each of its requests")
	}
	found := findTools(t)
	for _, kind := range durable() {
		t.Run(kind.Title, func(t *testing.T) {
			t.Parallel()
			s := newSigned(t, found, kind)
			g := startGate(t, s.registry)
			s.host = g.host
			s.configure(signByKey + verify)
			s.succeed("apply", "-auto-approve", "-var", "approved=0")
			for n := 1; s.killAt(t, g, n); n++ {
				s.converges(t, n)
			}
		})
	}
}

// killAt kills an update when the registry has served its nth write, before the answer is there. It returns false if
// the update has fewer.
func (s *signed) killAt(t *testing.T, g *gate, n int) bool {
	t.Helper()
	p := &pipeline{tool: s.tool, dir: s.dir, env: s.env}
	before, err := os.ReadFile(p.state())
	if err != nil {
		t.Fatal(err)
	}
	held := g.hold(n)
	defer g.open()
	command := p.command("apply", "-auto-approve", "-var", fmt.Sprint("approved=", n))
	if err = command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case request := <-held:
		t.Logf("killed at write %d: %s", n, request)
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		if err = <-ended; err == nil {
			t.Error("it was not killed")
		}
		p.mend(t, before)
		return true
	case err = <-ended:
		if err != nil {
			t.Errorf("an apply that was not held: %v", err)
		}
		return false
	}
}

// converges runs the nth update again and checks what is stored. If the kill has left a superseded artifact, the run
// warns of it and the next change removes it.
func (s *signed) converges(t *testing.T, n int) {
	t.Helper()
	output, code := s.run("apply", "-auto-approve", "-var", fmt.Sprint("approved=", n))
	if code != 0 {
		t.Fatalf("the next run: exit code %d\n%s", code, errorsOf(output))
	}
	left := s.check(t, strconv.Itoa(n))
	for _, digest := range left {
		if !strings.Contains(output, "Superseded artifact still attached") || !strings.Contains(output, digest.String()) {
			t.Errorf("%s is still attached, and the run does not warn of it:\n%s", digest, output)
		}
	}
	if len(left) == 0 {
		return
	}
	s.succeed("apply", "-auto-approve", "-var", fmt.Sprintf("approved=%d.5", n))
	if left = s.check(t, fmt.Sprintf("%d.5", n)); len(left) > 0 {
		t.Errorf("the next change has left %v attached", left)
	}
}

// check checks that the approval is stored and verifies. It returns what else is attached to the image.
func (s *signed) check(t *testing.T, approved string) []oci.Digest {
	t.Helper()
	store, name := s.registry.storeAs(t, s.host, signedRepository)
	key := manifesto.Key{Repository: name, Image: s.image, Type: "approval"}
	_, content, err := store.Fetch(t.Context(), key)
	if want := fmt.Sprintf(`{"approved":%q}`, approved); err != nil || string(content) != want {
		t.Errorf("the approval is %s, not %s: %v", content, want, err)
	}
	verifies(t, store, key, notationtest.NewVerifier(t, s.authority))
	return s.registry.attached(t, store, name, s.image)
}

// storeAs returns a store of a repository of the registry, and the repository's name under another name of the
// registry: that by which the provider calls it, to which signed manifestos are bound.
func (s *server) storeAs(t *testing.T, host, path string) (*manifesto.Store, oci.Repository) {
	t.Helper()
	name, err := oci.ParseRepository(host+"/"+path, "")
	if err != nil {
		t.Fatal(err)
	}
	repository := s.open(t, path)
	return manifesto.NewStore(func(oci.Repository) manifesto.Repository { return repository }, manifesto.Options{}), name
}

// verifies checks that a piece and the manifesto are signed.
func verifies(t *testing.T, store *manifesto.Store, key manifesto.Key, verifier signing.Verifier) {
	t.Helper()
	verified, err := store.Verify(context.Background(), key, manifesto.Demand{Verifier: verifier})
	if err != nil || verified.Reason != nil {
		t.Errorf("%s does not verify: %v, %v", key, verified.Reason, err)
	}
}

// attached checks that the artifacts of the image's entries are attached to it, and returns what else is.
func (s *server) attached(
	t *testing.T, store *manifesto.Store, name oci.Repository, image oci.Digest,
) (others []oci.Digest) {
	t.Helper()
	ctx := context.Background()
	entries, err := store.List(ctx, name, image)
	if err != nil {
		t.Fatal(err)
	}
	referrers, err := s.open(t, name.Path()).Referrers(ctx, image)
	if err != nil {
		t.Fatal(err)
	}
	ours := map[oci.Digest]string{}
	for _, e := range entries {
		if e.Artifact.Digest != "" {
			ours[e.Artifact.Digest] = e.Type
		}
	}
	for _, a := range referrers {
		if ours[a.Digest] == "" {
			others = append(others, a.Digest)
		}
		delete(ours, a.Digest)
	}
	for digest, typ := range ours {
		t.Errorf("the artifact %s of %s is not attached", digest, typ)
	}
	return others
}
