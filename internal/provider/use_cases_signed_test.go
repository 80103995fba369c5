package provider

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
)

// keyScripts are the commands of the guide about signed approvals that make keys and certificates.
const keyScripts = "../../examples/use-cases/signed-approval/keys"

// prepareKeys makes keys with the scripts of the use case, in the directory keys beside the use cases: a root and the
// signer QA, and the same names with other keys in the directory other.
func (w *world) prepareKeys(dir string) {
	w.t.Helper()
	for _, name := range []string{"keys", "keys/other"} {
		keys := filepath.Join(dir, filepath.FromSlash(name))
		newRoot(w.t, keys)
		runScript(w.t, keys, filepath.Join(keyScripts, "signer.sh"), "QA")
	}
}

// prepareForGrafeas makes keys, and signs an attestation for the image of app:1.2 with the script of the use case.
func (w *world) prepareForGrafeas(dir string) {
	w.t.Helper()
	w.prepareKeys(dir)
	repository := w.server.Host() + "/example/app"
	digest, err := crane.Digest(repository + ":1.2")
	if err != nil {
		w.t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys")
	signature := runScript(w.t, keys, filepath.Join(dir, "grafeas", "attest.sh"), "signer.key", repository+"@"+digest)
	payload := `{"critical":{"identity":{"docker-reference":"` + repository + `"},"image":{"docker-manifest-digest":"` +
		digest + `"},"type":"Google cloud binauthz container signature"}}`
	for name, content := range map[string]string{"payload.json": payload, "attestation": signature} {
		if err := os.WriteFile(filepath.Join(keys, name), []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	// The signature is one of the signer's certificate over what the module has to send.
	runCommand(w.t, keys, "sh", "-euc", `openssl base64 -d -A -in attestation -out attestation.der
		openssl x509 -in signer.crt -noout -pubkey -out signer.pub
		openssl dgst -sha256 -verify signer.pub -signature attestation.der payload.json`)
}

// newRoot makes root.key and root.crt in a directory. It skips the test if the commands are not at hand.
func newRoot(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil || runtime.GOOS == "windows" {
		t.Skip("the scripts need sh and openssl")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	runScript(t, dir, filepath.Join(keyScripts, "root.sh"))
}

// runScript runs a script of the examples in a directory and returns what it prints.
func runScript(t *testing.T, dir, script string, args ...string) string {
	t.Helper()
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	return runCommand(t, dir, "sh", append([]string{script}, args...)...)
}

func runCommand(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = dir
	output, err := command.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s %v: %v\n%s", name, args, err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(output)
}
