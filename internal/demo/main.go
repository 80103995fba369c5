package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

//go:embed story
var story embed.FS

func main() {
	coloured := flag.Bool("color", isTerminal(os.Stdout), "print in colours, which is the default on a terminal")
	flag.Parse()
	if err := run(os.Stdout, *coloured, flag.Args()); err != nil {
		fmt.Fprintf(os.Stderr, "\nThe demo failed: %v\n", err)
		os.Exit(1)
	}
}

// isTerminal reports whether a file is a terminal.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// run finds the command line tool, builds the provider into a temporary directory and tells the story.
func run(out io.Writer, coloured bool, args []string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tool, err := findTool(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "manifesto-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &stage{
		out: out, coloured: coloured, tool: tool, dir: filepath.Join(dir, "work"), config: filepath.Join(dir, "cli.tfrc"),
	}
	if err := s.prepare(ctx, filepath.Join(dir, "bin")); err != nil {
		return err
	}
	return s.tell(ctx)
}

// findTool returns the path of Terraform or OpenTofu: that of the first argument or else the first one on PATH.
func findTool(args []string) (string, error) {
	candidates := []string{"terraform", "tofu"}
	if len(args) > 0 && args[0] != "" {
		candidates = args[:1]
	}
	for _, name := range candidates {
		if found, err := exec.LookPath(name); err == nil {
			return filepath.Abs(found)
		}
	}
	return "", fmt.Errorf("found neither Terraform nor OpenTofu (looked for %s). Install Terraform "+
		"(https://developer.hashicorp.com/terraform/install) or OpenTofu "+
		"(https://opentofu.org/docs/intro/install/) and run make demo again", strings.Join(candidates, ", "))
}

// stage is the directory in which the story plays. It has a configuration, and a CLI configuration that names the
// provider that was just built.
type stage struct {
	out               io.Writer
	coloured          bool
	tool, dir, config string
	// variables are those of Terraform, as VARIABLE=VALUE.
	variables []string
	chapters  int
}

// prepare builds the provider and writes the CLI configuration.
func (s *stage) prepare(ctx context.Context, bin string) error {
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return err
	}
	program := filepath.Join(bin, "terraform-provider-manifesto"+executableSuffix())
	build := exec.CommandContext(ctx, "go", "build", "-o", program, ".")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the provider: %w\n%s", err, output)
	}
	settings := fmt.Sprintf("provider_installation {\n"+
		"  dev_overrides {\n    \"imagemanifesto/manifesto\" = %q\n  }\n  direct {}\n}\n", bin)
	return os.WriteFile(s.config, []byte(settings), 0o600)
}

// executableSuffix returns the suffix of the names of programs on this operating system.
func executableSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// terraform runs the tool and shows the lines of its output that are worth a look. Another exit code than want is an
// error. With -detailed-exitcode, 2 means that the plan has changes.
func (s *stage) terraform(ctx context.Context, want int, look look, args ...string) error {
	s.print("", "")
	s.print(blue, fmt.Sprintf("$ %s %s", filepath.Base(s.tool), strings.Join(args, " ")))
	command := exec.CommandContext(ctx, s.tool, args...)
	command.Dir = s.dir
	if runtime.GOOS != "windows" { // Windows has no such signal: Terraform is killed there.
		command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	}
	command.Env = append(cleanEnvironment(), "DOCKER_CONFIG="+filepath.Dir(s.config),
		"TF_CLI_CONFIG_FILE="+s.config, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_CLI_ARGS=-no-color", "TF_INPUT=0")
	for _, variable := range s.variables {
		command.Env = append(command.Env, "TF_VAR_"+variable)
	}
	raw, err := command.CombinedOutput()
	output := shorten(withoutOverrideWarning(string(raw)))
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if code := command.ProcessState.ExitCode(); code != want {
		_, _ = fmt.Fprint(s.out, output)
		return fmt.Errorf("%s %s ended with exit code %d, expected %d", filepath.Base(s.tool), args[0], code, want)
	}
	s.show(look.at(output))
	return nil
}

// cleanEnvironment returns the user's environment without the variables that change how Terraform or the provider work.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "TF_") || strings.HasPrefix(variable, "REGISTRY_")
	})
}
