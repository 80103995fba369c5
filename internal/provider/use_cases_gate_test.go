package provider

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

var (
	// shellBlock is a block of commands in a page.
	shellBlock = regexp.MustCompile("(?sm)^```shell\n(.*?)^```")
	// approvalOfBuild is the line of a build in the guide's file of approvals.
	approvalOfBuild = regexp.MustCompile(`(?m)^.*"sha256:….*\n`)
)

// signedApproval are the configurations of the use case, with a registry that has the images app:1.2 and app:1.3.
type signedApproval struct {
	w             *world
	approve, gate *commandLine
	keys          string
	first, second oci.Digest
	// approving and deploying are the commands of the guide, and approvals is the file with what QA has approved.
	approving, deploying, approvals string
}

func newSignedApproval(t *testing.T) *signedApproval {
	t.Helper()
	c := newCommandLine(t)
	if c.minor() < 11 {
		t.Skip("ephemeral variables need version 1.10 of Terraform and 1.11 of OpenTofu")
	}
	c.useMirrors("signed-approval/approve")
	dir := filepath.Join(c.dir, "use-cases")
	s := &signedApproval{w: newWorld(t, registrytest.Options{}), keys: filepath.Join(dir, "keys")}
	s.w.remote = s.w.open("example/app")
	s.first, s.second = s.w.push("1.2", "first build"), s.w.push("1.3", "second build")
	s.w.image = s.first
	if err := os.CopyFS(dir, os.DirFS(useCases)); err != nil {
		t.Fatal(err)
	}
	s.w.prepareKeys(dir)
	c.dir = filepath.Join(dir, "signed-approval")
	page, err := os.ReadFile("../../templates/guides/signed-approval.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("the guide has %d blocks of commands, want 2", len(blocks))
	}
	s.approving, s.deploying = s.inShell(c, blocks[0][1]), s.inShell(c, blocks[1][1])
	s.approvals = s.here(readUseCase(t, "signed-approval/approvals.auto.tfvars"))
	s.approve = s.in(c, "approve")
	s.gate = s.in(c, "gate", `TF_VAR_trusted_identities=["x509.subject: C=DE, ST=Berlin, O=Example, CN=QA"]`)
	s.gate.write("version", "1")
	s.signAs("signer.key", "chain.pem")
	s.trust("root.crt")
	s.approveBuilds(s.first)
	s.gate.terraform("init")
	return s
}

// inShell makes commands of the guide run with the tool of the test, and without questions.
func (s *signedApproval) inShell(c *commandLine, commands string) string {
	commands = strings.ReplaceAll(s.here(commands), "terraform ", filepath.Base(c.tool)+" ")
	return strings.ReplaceAll(commands, " apply &&", " apply -auto-approve &&")
}

// here puts the registry of the test in the place of the guide's.
func (s *signedApproval) here(text string) string {
	return strings.ReplaceAll(text, "ghcr.io", s.w.server.Host())
}

// in returns the command line in the directory of a module, with more variables.
func (s *signedApproval) in(c *commandLine, module string, env ...string) *commandLine {
	return &commandLine{t: c.t, tool: c.tool, dir: filepath.Join(c.dir, module), env: slices.Concat(c.env, env)}
}

func (s *signedApproval) key(name string) string {
	s.w.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.keys, filepath.FromSlash(name)))
	if err != nil {
		s.w.t.Fatal(err)
	}
	return string(content)
}

// signAs sets the key and the certificates of the configuration that approves.
func (s *signedApproval) signAs(key, chain string) {
	s.approve.env = append(s.approve.env, "SIGNING_KEY="+s.key(key))
	s.approve.write("chain.pem", s.key(chain))
}

// trust sets the root certificates of both configurations.
func (s *signedApproval) trust(roots ...string) {
	var certificates strings.Builder
	for _, root := range roots {
		certificates.WriteString(s.key(root))
	}
	s.approve.write("root.crt", certificates.String())
	s.gate.write("root.crt", certificates.String())
}

// approveBuilds writes the guide's list of approvals for builds.
func (s *signedApproval) approveBuilds(builds ...oci.Digest) {
	line := approvalOfBuild.FindString(s.approvals)
	var lines strings.Builder
	for _, build := range builds {
		lines.WriteString(strings.ReplaceAll(line, "sha256:…", build.String()))
	}
	s.approve.write("approvals.auto.tfvars", strings.ReplaceAll(s.approvals, line, lines.String()))
}

// seen returns the version that the gate requires the next time.
func (s *signedApproval) seen() string {
	s.w.t.Helper()
	version, err := os.ReadFile(filepath.Join(s.gate.dir, "version"))
	if err != nil {
		s.w.t.Fatal(err)
	}
	return strings.TrimSpace(string(version))
}

// passes runs commands, which must succeed.
func (s *signedApproval) passes(c *commandLine, commands string) string {
	s.w.t.Helper()
	output, code := c.run("sh", "-euc", commands)
	if code != 0 {
		s.w.t.Fatalf("%s: exit code %d\n%s", commands, code, output)
	}
	return output
}

// isRefused runs the commands of the deployment, which must fail and say why.
func (s *signedApproval) isRefused(texts ...string) {
	s.w.t.Helper()
	output, code := s.gate.run("sh", "-euc", s.deploying)
	said := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", " ")), " ")
	for _, text := range texts {
		if code == 0 || !strings.Contains(said, text) {
			s.w.t.Errorf("exit code %d, want %q in\n%s", code, text, output)
		}
	}
}

// The commands of the guide approve a build and deploy it. What others have changed or signed is an error that says so.
func TestCLISignedApproval(t *testing.T) {
	t.Parallel()
	s := newSignedApproval(t)
	s.isRefused("minimum_version", "at least 1")
	s.passes(s.approve, s.approving)
	s.holdsNoKey(filepath.Join(s.approve.dir, "tfplan"), filepath.Join(s.approve.dir, "terraform.tfstate"))
	s.passes(s.gate, s.deploying)

	if seen := s.seen(); seen != "1" {
		t.Errorf("the gate has seen version %q", seen)
	}

	s.trust("other/root.crt")
	s.isRefused(s.first.String(), "CN=QA,O=Example,ST=Berlin,C=DE", "trusted_certificates")
	s.trust("root.crt")
	s.w.put("contact", "somebody without a key")
	s.isRefused(s.first.String(), "not signed")
	s.doesNotKeepUnverified()
	s.approveBuilds(s.first, s.second)
	s.passes(s.approve, s.approving)
	s.passes(s.gate, s.deploying)
}

// Readers refuse nothing while a new root takes over from an old one, as the guide describes it.
func TestCLISignedApprovalRotation(t *testing.T) {
	t.Parallel()
	s := newSignedApproval(t)
	s.passes(s.approve, s.approving)
	s.passes(s.gate, s.deploying)

	s.trust("root.crt", "other/root.crt")
	s.passes(s.gate, s.deploying)
	s.approve.write("root.crt", s.key("other/root.crt"))
	s.signAs("other/signer.key", "other/chain.pem")
	s.passes(s.approve, s.approving)
	s.passes(s.gate, s.deploying)
	s.trust("other/root.crt")
	s.passes(s.gate, s.deploying)
	s.trust("root.crt")
	s.isRefused("trusted_certificates")
}

// doesNotKeepUnverified deploys without enforcement what is not to be trusted: its version must not count. A refusal
// in a shell that goes on after errors must not empty the file of the version either.
func (s *signedApproval) doesNotKeepUnverified() {
	s.w.t.Helper()
	s.passes(s.gate, "export TF_VAR_enforce=false\n"+s.deploying)
	if seen := s.seen(); seen != "1" {
		s.w.t.Errorf("a version that nobody has signed counts: %q", seen)
	}
	if output, code := s.gate.run("sh", "-c", s.deploying); code == 0 {
		s.w.t.Errorf("the gate passes:\n%s", output)
	}
	if seen := s.seen(); seen != "1" {
		s.w.t.Errorf("a refusal has left the version %q", seen)
	}
}

// holdsNoKey checks that the key is not in files, which may be archives.
func (s *signedApproval) holdsNoKey(files ...string) {
	s.w.t.Helper()
	body := strings.Split(s.key("signer.key"), "\n")[1]
	for _, file := range files {
		text := readArchive(s.w.t, file)
		if strings.Contains(text, body) || !strings.Contains(text, "manifesto_metadata") {
			s.w.t.Errorf("%s has the key, or is something else", file)
		}
	}
}

// readArchive returns the text of a file, or of all that an archive has.
func readArchive(t *testing.T, file string) string {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	defer func() { _ = archive.Close() }()
	var text strings.Builder
	for _, entry := range archive.File {
		content, err := entry.Open()
		if err == nil {
			_, err = io.Copy(&text, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}
