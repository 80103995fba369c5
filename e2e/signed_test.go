//go:build unix

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Repositories of the tests that sign.
const (
	signedRepository = "team/signed"
	otherRepository  = "team/promoted"
)

// Types of the artifacts in these tests.
const (
	approvalType = "application/vnd.example.approval.v1+json"
	contactType  = "application/vnd.example.contact"
)

// signerName is the common name of the signer in these tests.
const signerName = "release"

// signed is a workspace whose provider signs and verifies, and a registry with an image.
type signed struct {
	*workspace

	registry *server
	// host is the name by which the provider calls the registry.
	host      string
	image     oci.Digest
	authority *notationtest.Authority
}

// newSigned makes a workspace with the key and the certificates of a signer in files.
func newSigned(t *testing.T, found tools, kind servers.Kind) *signed {
	t.Helper()
	s := &signed{
		workspace: newWorkspace(t, found.terraform, found.provider), registry: start(t, kind, servers.Options{}),
		authority: notationtest.NewAuthority(t, "team"),
	}
	s.host = s.registry.Host
	s.image = s.registry.push(t, signedRepository)
	s.write(filepath.Join(s.dir, "root.pem"), string(s.authority.RootPEM()), 0o600)
	s.issue(signerName)
	return s
}

// issue writes the key and the certificates of a new signer.
func (s *signed) issue(name string) {
	s.t.Helper()
	identity := s.authority.Issue(s.t, name)
	key := string(identity.KeyPEM(s.t))
	s.write(filepath.Join(s.dir, "key.pem"), key, 0o600)
	s.write(filepath.Join(s.dir, "chain.pem"), string(identity.ChainPEM()), 0o600)
	s.secrets = append(s.secrets, strings.Split(key, "\n")[1]) // The first line after the header.
}

// trusting returns a verifier that trusts the authority in the repositories of the registry.
func (s *signed) trusting(program string, authority *notationtest.Authority) *verifier {
	s.t.Helper()
	return newVerifier(s.t, program, authority,
		s.registry.Host+"/"+signedRepository, s.registry.Host+"/"+otherRepository)
}

// signByKey is the provider's attribute for a key in files, and verify for its root.
const (
	signByKey = `  signing = {
    private_key       = file("key.pem")
    certificate_chain = file("chain.pem")
  }
`
	verify = `  verification = {
    trusted_certificates = file("root.pem")
    trusted_identities   = [` + `"` + notationtest.TrustedIdentity + `"]
  }
`
)

// configure writes a configuration with attributes of the provider, a signed approval and a contact that is attached
// and not signed.
func (s *signed) configure(provider string) {
	s.t.Helper()
	s.write(filepath.Join(s.dir, "main.tf"), fmt.Sprintf(`terraform {
  required_providers {
    manifesto = { source = "imagemanifesto/manifesto" }
  }
}
provider "manifesto" {
%s}
variable "approved" {
  default = true
}
locals {
  image = %q
}
resource "manifesto_metadata" "approval" {
  image         = local.image
  type          = "approval"
  content       = jsonencode({ approved = var.approved })
  media_type    = "application/json"
  artifact_type = %q
  annotations   = { "dev.example.by" = "qa" }
}
resource "manifesto_metadata" "contact" {
  image         = local.image
  type          = "contact"
  content       = "platform-team@example.com"
  artifact_type = %q
  sign          = false
}
output "approval" {
  value = manifesto_metadata.approval.artifact_digest
}
output "contact" {
  value = manifesto_metadata.contact.artifact_digest
}
`, provider, s.reference(signedRepository, s.image.String()), approvalType, contactType), 0o600)
}

// reference returns a reference by digest or, with an underscore before it, by tag.
func (s *signed) reference(repository, identifier string) string {
	separator := "@"
	if strings.HasPrefix(identifier, "_") {
		separator = ":"
	}
	return s.host + "/" + repository + separator + identifier
}

// digestOf returns an output with the digest of an artifact.
func (s *signed) digestOf(output string) string {
	s.t.Helper()
	var digest string
	s.output(output, &digest)
	return digest
}

// What the provider attaches and signs can be discovered and pulled with oras, verified with notation's library, and
// copied with oras to where it still verifies, on registries with and without the API for referrers.
func TestOtherToolsReadSigned(t *testing.T) {
	found, program := findTools(t), buildProgram(t, "verifier")
	for _, kind := range servers.Kinds {
		t.Run(kind.Title, func(t *testing.T) {
			if testing.Short() && !isShort(kind) {
				t.Skip("left out of short runs")
			}
			t.Parallel()
			s := newSigned(t, found, kind)
			s.configure(signByKey + verify)
			s.succeed("apply", "-auto-approve")
			approval, contact := s.digestOf("approval"), s.digestOf("contact")
			s.isDiscovered(t, approval, contact)

			v := s.trusting(program, s.authority)
			if got := v.accepts(t, s.reference(signedRepository, approval), signerName); got.Digest != approval {
				t.Errorf("it has verified %s, not %s", got.Digest, approval)
			}
			v.accepts(t, s.reference(signedRepository, "_manifesto"), signerName)
			v.refuses(t, s.reference(signedRepository, contact), "no signature is associated")
			stranger := s.trusting(program, notationtest.NewAuthority(t, "stranger"))
			stranger.refuses(t, s.reference(signedRepository, approval), "signature verification failed")

			from, to := s.registry.oras(t, signedRepository), s.registry.oras(t, otherRepository)
			from.copyTo(to, s.image.String())
			v.accepts(t, s.reference(otherRepository, approval), signerName)
			if n := len(to.discover(s.image.String(), "")); n != 2 {
				t.Errorf("the copy of the image has %d artifacts", n)
			}

			s.succeed("apply", "-auto-approve", "-var", "approved=false")
			revoked := approval
			approval = s.digestOf("approval")
			s.isDiscovered(t, approval, contact)
			v.accepts(t, s.reference(signedRepository, approval), signerName)
			v.accepts(t, s.reference(signedRepository, "_manifesto"), signerName)
			v.refuses(t, s.reference(signedRepository, revoked), "not found")
			s.succeed("plan", "-detailed-exitcode", "-var", "approved=false")
		})
	}
}

// isDiscovered checks what oras discovers and pulls: the artifacts of both pieces and nothing else, and one signature
// of the approval and of the manifesto.
func (s *signed) isDiscovered(t *testing.T, approval, contact string) {
	t.Helper()
	client := s.registry.oras(t, signedRepository)
	want := map[string]string{approval: approvalType, contact: contactType}
	for _, attached := range client.discover(s.image.String(), "") {
		digest := attached.Digest.String()
		if want[digest] != attached.ArtifactType {
			t.Errorf("oras discovers %s of type %s", digest, attached.ArtifactType)
		}
		delete(want, digest)
	}
	for digest, artifactType := range want {
		t.Errorf("oras does not discover %s of type %s", digest, artifactType)
	}
	if got := client.discover(s.image.String(), approvalType); len(got) != 1 || got[0].Digest.String() != approval {
		t.Errorf("by its type, oras discovers %v", got)
	}
	manifest, content := client.pull(approval)
	if manifest.ArtifactType != approvalType || manifest.Subject == nil ||
		manifest.Subject.Digest.String() != s.image.String() || manifest.Annotations["dev.manifesto.type"] != "approval" ||
		manifest.Annotations["dev.example.by"] != "qa" || manifest.Layers[0].MediaType != "application/json" ||
		!strings.Contains(content, "approved") {
		t.Errorf("oras pulls %+v with %s", manifest, content)
	}
	for reference, n := range map[string]int{approval: 1, contact: 0, "_manifesto": 1} {
		if got := client.discover(reference, signing.ArtifactType); len(got) != n {
			t.Errorf("oras discovers %d signatures of %s, want %d", len(got), reference, n)
		}
	}
}
