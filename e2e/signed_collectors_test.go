//go:build unix

package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// reader is a workspace that reads the approval and accepts only what is signed.
func (s *signed) reader(found tools) *workspace {
	s.t.Helper()
	r := newWorkspace(s.t, found.terraform, found.provider)
	r.write(filepath.Join(r.dir, "root.pem"), string(s.authority.RootPEM()), 0o600)
	r.write(filepath.Join(r.dir, "main.tf"), fmt.Sprintf(`terraform {
  required_providers {
    manifesto = { source = "imagemanifesto/manifesto" }
  }
}
provider "manifesto" {
%s}
data "manifesto_metadata" "approval" {
  image = %q
  type  = "approval"
}
output "approval" {
  value = data.manifesto_metadata.approval.content
}
`, verify, s.reference(signedRepository, s.image.String())), 0o600)
	return r
}

// A registry's garbage collector that deletes no manifests keeps artifacts and signatures. What one that deletes
// manifests without a tag has taken is planned again, and until then nobody reads what cannot be verified.
func TestCollectorsOfSigned(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs")
	}
	found, program := findTools(t), buildProgram(t, "verifier")
	for _, kind := range durable() {
		for _, untagged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, untagged manifests too: %t", kind.Title, untagged), func(t *testing.T) {
				t.Parallel()
				s := newSigned(t, found, kind)
				s.host = startGate(t, s.registry).host // It stays when the registry starts again.
				s.configure(signByKey + verify)
				s.succeed("apply", "-auto-approve", "-var", "approved=false")
				s.succeed("apply", "-auto-approve", "-var", "approved=true")

				if err := s.registry.Collect(signedRepository, untagged); err != nil {
					t.Fatalf("collecting: %v", err)
				}

				r, approval := s.reader(found), s.digestOf("approval")
				if s.isComplete(approval) {
					r.succeed("apply", "-auto-approve")
				} else {
					if !untagged {
						t.Error("the collector has taken artifacts or signatures")
					}
					t.Log("the collector has taken artifacts or signatures")
					r.fail("apply", "not signed any more")
					if _, code := s.run("plan", "-detailed-exitcode", "-var", "approved=true"); code != 2 {
						t.Errorf("a plan afterwards has the exit code %d", code)
					}
				}
				s.succeed("apply", "-auto-approve", "-var", "approved=true")
				s.succeed("plan", "-detailed-exitcode", "-var", "approved=true")
				r.succeed("apply", "-auto-approve")
				v := newVerifier(t, program, s.authority, s.host+"/"+signedRepository)
				v.accepts(t, s.reference(signedRepository, s.digestOf("approval")), signerName)
				v.accepts(t, s.reference(signedRepository, "_manifesto"), signerName)
			})
		}
	}
}

// isComplete reports whether the artifacts of both pieces are attached to the image, with the signature of the
// approval, and the manifesto is signed.
func (s *signed) isComplete(approval string) bool {
	s.t.Helper()
	client := s.registry.oras(s.t, signedRepository)
	for reference, n := range map[string]int{s.image.String(): 2, approval: 1, "_manifesto": 1} {
		there := 0
		if _, err := client.Resolve(s.t.Context(), reference); err == nil {
			artifactType := signing.ArtifactType
			if reference == s.image.String() {
				artifactType = ""
			}
			for _, attached := range client.discover(reference, artifactType) {
				if exists, err := client.Exists(s.t.Context(), attached); err == nil && exists {
					there++
				}
			}
		}
		if there != n {
			return false
		}
	}
	return true
}
