package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// verifier is the program verifier with a trust policy and a trust store in files, as the command notation has them.
type verifier struct {
	program, config string
}

// verified is what the program prints.
type verified struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	Signer    string `json:"signer"`
}

// buildProgram compiles one of the programs below this directory and returns its path.
func buildProgram(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	if output, err := exec.Command("go", "build", "-o", program, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", name, err, output)
	}
	return program
}

// newVerifier writes the files for a verifier that trusts an authority in some repositories.
func newVerifier(t *testing.T, program string, authority *notationtest.Authority, repositories ...string) *verifier {
	t.Helper()
	v := &verifier{program: program, config: t.TempDir()}
	policy, err := json.Marshal(map[string]any{
		"version": "1.0",
		"trustPolicies": []any{map[string]any{
			"name":                  "team",
			"registryScopes":        repositories,
			"signatureVerification": map[string]string{"level": "strict"},
			"trustStores":           []string{"ca:team"},
			"trustedIdentities":     []string{notationtest.TrustedIdentity},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(v.config, "truststore", "x509", "ca", "team")
	if err = os.MkdirAll(store, 0o700); err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(filepath.Join(v.config, "trustpolicy.json"), policy, 0o600); err != nil {
		t.Fatal(err)
	}
	if err = os.WriteFile(filepath.Join(store, "root.pem"), authority.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return v
}

// run verifies a reference. The error has what the program has said.
func (v *verifier) run(reference string) (output []byte, err error) {
	command := exec.Command(v.program, "-config", v.config, "-plain-http", reference)
	var said strings.Builder
	command.Stderr = &said
	output, err = command.Output()
	if err != nil {
		err = &saidError{said.String(), err}
	}
	return output, err
}

// saidError is the error of a program with its last words.
type saidError struct {
	said string
	err  error
}

// Error implements error.
func (e *saidError) Error() string { return strings.TrimSpace(e.said) + " (" + e.err.Error() + ")" }

// Unwrap returns the error without words.
func (e *saidError) Unwrap() error { return e.err }

// accepts checks that the verifier accepts a reference, by the signature of a signer, and returns what it has verified.
func (v *verifier) accepts(t *testing.T, reference, signer string) verified {
	t.Helper()
	output, err := v.run(reference)
	if err != nil {
		t.Errorf("%s does not verify: %v", reference, err)
		return verified{}
	}
	var result verified
	if err = json.Unmarshal(output, &result); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(result.Signer, "CN="+signer) {
		t.Errorf("%s was verified by the signature of %q, want that of %q", reference, result.Signer, signer)
	}
	return result
}

// refuses checks that the verifier refuses a reference and says why.
func (v *verifier) refuses(t *testing.T, reference, reason string) {
	t.Helper()
	output, err := v.run(reference)
	if err == nil {
		t.Errorf("%s verifies: %s", reference, output)
		return
	}
	if !strings.Contains(err.Error(), reason) {
		t.Errorf("%s is refused with %q, want %q in it", reference, err, reason)
	}
}
