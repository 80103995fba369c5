//go:build unix

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// workspace is a directory in which Terraform runs with the built provider. It has a home directory and an environment
// of its own. Terraform and the provider log everything to a file.
type workspace struct {
	t               *testing.T
	tool, dir, home string
	env             []string
	// secrets must be neither in outputs nor in the log.
	secrets []string
	// unlogged must not be in the log. Outputs may have it.
	unlogged []string
	outputs  bytes.Buffer
}

// newWorkspace makes a workspace. provider is the file of a CLI configuration that names the built provider.
func newWorkspace(t *testing.T, tool, provider string) *workspace {
	t.Helper()
	w := &workspace{t: t, tool: tool, dir: t.TempDir(), home: t.TempDir()}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case strings.HasPrefix(name, "TF_"), strings.HasPrefix(name, "REGISTRY"), strings.HasPrefix(name, "XDG_"),
			strings.HasSuffix(strings.ToUpper(name), "_PROXY"), name == "HOME", name == "DOCKER_CONFIG":
			continue
		}
		w.env = append(w.env, variable)
	}
	// TF_LOG=TRACE also shows what the provider logs through tflog, in its root logger and in subsystems: their level is
	// TRACE unless variables such as TF_LOG_PROVIDER_MANIFESTO are set, which were left out above.
	w.env = append(w.env, "HOME="+w.home, "TF_CLI_CONFIG_FILE="+provider, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1",
		"TF_INPUT=0", "TF_CLI_ARGS=-no-color", "TF_LOG=TRACE", "TF_LOG_PATH="+w.log())
	t.Cleanup(w.checkSecrets)
	return w
}

// findTools returns Terraform and the provider, which it builds.
func findTools(t *testing.T) tools {
	t.Helper()
	found := tools{terraform: os.Getenv("TF_ACC_TERRAFORM_PATH")}
	if found.terraform == "" {
		t.Fatal("TF_ACC_TERRAFORM_PATH is not set: run make e2e")
	}
	found.provider = buildProvider(t)
	return found
}

func (w *workspace) log() string { return filepath.Join(w.home, "trace.log") }

// write writes a file below the workspace's directory or home.
func (w *workspace) write(path, content string, mode fs.FileMode) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		w.t.Fatal(err)
	}
}

// run runs Terraform and returns its output and exit code.
func (w *workspace) run(args ...string) (string, int) {
	w.t.Helper()
	command := exec.Command(w.tool, args...)
	command.Dir, command.Env = w.dir, w.env
	output, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		w.t.Fatal(err)
	}
	w.outputs.Write(output)
	return plain(string(output)), command.ProcessState.ExitCode()
}

// output reads an output of the applied configuration.
func (w *workspace) output(name string, value any) {
	w.t.Helper()
	command := exec.Command(w.tool, "output", "-json", name)
	command.Dir, command.Env = w.dir, w.env
	text, err := command.Output()
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		w.t.Fatalf("the output %s: %v", name, err)
	}
}

// succeed runs Terraform and fails the test unless it succeeds.
func (w *workspace) succeed(args ...string) {
	w.t.Helper()
	if output, code := w.run(args...); code != 0 {
		w.t.Fatalf("terraform %s: exit code %d\n%s", strings.Join(args, " "), code, errorsOf(output))
	}
}

// fail runs a command of Terraform, which must fail with all those texts in its output.
func (w *workspace) fail(command string, want ...string) {
	w.t.Helper()
	args := []string{command}
	if command != "plan" {
		args = append(args, "-auto-approve")
	}
	output, code := w.run(args...)
	if code != 1 {
		w.t.Errorf("%s: exit code %d\n%s", command, code, errorsOf(output))
	}
	for _, text := range want {
		if !strings.Contains(output, text) {
			w.t.Errorf("%s does not say %q:\n%s", command, text, errorsOf(output))
		}
	}
}

// plain returns an output without the frames and line breaks of Terraform's diagnostics.
func plain(output string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(output)), " ")
}

// errorsOf returns the end of an output from its first error on, or all of it if it has none.
func errorsOf(output string) string {
	if i := strings.Index(output, "Error: "); i >= 0 {
		return output[i:]
	}
	return output
}

// ofProvider marks the provider's lines in Terraform's log.
const ofProvider = "provider.terraform-provider-manifesto"

// checkSecrets looks for secrets in the outputs and the log.
func (w *workspace) checkSecrets() {
	log, err := os.ReadFile(w.log())
	if err != nil || !bytes.Contains(log, []byte(ofProvider)) {
		w.t.Errorf("there is no log of the provider: %v", err)
	}
	if !bytes.Contains(log, []byte("@module=manifesto")) { // The lines of the SDK alone would not say much.
		w.t.Error("the log has no line that the provider itself has written")
	}
	lacks := func(where string, text []byte, secret string) {
		for _, spelling := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if i := bytes.Index(text, []byte(spelling)); i >= 0 {
				from := bytes.LastIndexByte(text[:i], '\n') + 1
				w.t.Errorf("the %s has a secret: %.400q", where, text[from:i+len(spelling)])
			}
		}
	}
	for _, secret := range w.secrets {
		lacks("output", w.outputs.Bytes(), secret)
		lacks("log", log, secret)
	}
	for _, content := range w.unlogged {
		lacks("log", log, content)
	}
}
