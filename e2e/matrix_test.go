package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// The whole acceptance suite runs against every server, and a table says what ran. Settings of the environment:
//
//   - E2E_MATRIX_RUN chooses tests, as go test -run does;
//   - E2E_MATRIX_KINDS chooses servers by words of their titles, separated by commas;
//   - REGISTRYTEST_ADDRESS adds a registry that runs somewhere (see the package registrytest).
func TestMatrix(t *testing.T) {
	if os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		t.Fatal("TF_ACC_TERRAFORM_PATH is not set: run make matrix")
	}
	m := newMatrix(t)
	var columns []column
	for _, kind := range servers.Kinds {
		columns = append(columns, column{kind.Title, func(t *testing.T) []string {
			t.Helper()
			stop, err := kind.Start(servers.Options{}) // Is it there?
			if errors.Is(err, servers.ErrNotInstalled) {
				t.Skip(err)
			}
			if err == nil {
				err = stop.Close()
			}
			if err != nil {
				t.Fatalf("%s: %v", kind.Title, err)
			}
			return []string{registrytest.EnvCommand + "=" + m.program + " " + kind.Name}
		}})
	}
	columns = append(columns, column{"distribution with TLS and a login, by address", secured})
	if address := os.Getenv(registrytest.EnvAddress); address != "" {
		columns = append(columns, column{address, func(*testing.T) []string { return nil }})
	}
	for _, c := range columns {
		if !chosen(c.title) {
			continue
		}
		t.Run(c.title, func(t *testing.T) {
			r := &result{title: c.title, skipped: map[string]string{}}
			m.results = append(m.results, r)
			r.state = "not installed"
			environment := c.environment(t)
			r.state = "ran"
			m.run(t, r, environment)
		})
	}
	t.Logf("the acceptance suite against real servers:\n\n%s", m.table())
}

// column is one registry of the matrix.
type column struct {
	title string
	// environment starts what is needed and returns the variables that lead the suite to it.
	environment func(t *testing.T) []string
}

func chosen(title string) bool {
	words := os.Getenv("E2E_MATRIX_KINDS")
	return words == "" || slices.ContainsFunc(strings.Split(words, ","), func(word string) bool {
		return strings.Contains(title, strings.TrimSpace(word))
	})
}

// secured starts a registry with TLS and a password, as one that the suite is pointed at by address.
func secured(t *testing.T) []string {
	t.Helper()
	authority := newAuthority(t)
	s := start(t, servers.Kinds[0], servers.Options{TLS: authority.server(t, "127.0.0.1"), Htpasswd: htpasswd(t, "matrix", "pass word")})
	return []string{
		registrytest.EnvAddress + "=" + s.URL() + "/project", registrytest.EnvUsername + "=matrix", registrytest.EnvPassword + "=pass word",
		"SSL_CERT_FILE=" + authority.file,
	}
}

type matrix struct {
	// suite is the compiled suite, dir where its package is, program what starts a registry.
	suite, dir, program string
	results             []*result
}

// result is what came of one run of the suite.
type result struct {
	title, state   string
	passed, failed int
	// skipped are reasons by test.
	skipped map[string]string
	time    time.Duration
}

// newMatrix compiles the suite, once, and the program that starts registries.
func newMatrix(t *testing.T) *matrix {
	t.Helper()
	dir, err := filepath.Abs("../internal/provider")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	m := &matrix{dir: dir, suite: filepath.Join(out, "provider.test"), program: filepath.Join(out, "registry")}
	for _, build := range []struct {
		dir  string
		args []string
	}{
		{dir, []string{"test", "-c", "-o", m.suite, "."}},
		{".", []string{"build", "-o", m.program, "./registry"}},
	} {
		command := exec.Command("go", build.args...)
		command.Dir = build.dir
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(build.args, " "), err, output)
		}
	}
	return m
}

// event is one of those that test2json writes.
type event struct{ Action, Test, Output string }

// run runs the suite once.
func (m *matrix) run(t *testing.T, r *result, environment []string) {
	t.Helper()
	args := []string{"tool", "test2json", m.suite, "-test.v=test2json", "-test.timeout=30m"}
	if tests := os.Getenv("E2E_MATRIX_RUN"); tests != "" {
		args = append(args, "-test.run="+tests)
	}
	command := exec.Command("go", args...)
	command.Dir = m.dir
	for _, variable := range os.Environ() {
		if environment == nil || !strings.HasPrefix(variable, "REGISTRYTEST_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, environment...)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	began := time.Now()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	r.read(t, output)
	err = command.Wait()
	r.time = time.Since(began)
	switch {
	case r.failed > 0:
		t.Errorf("%d tests fail: see above", r.failed)
	case err != nil:
		t.Errorf("the suite: %v", err)
	case r.passed == 0:
		t.Error("no test ran")
	}
}

// frame is what the output of a test has besides what it says itself.
var frame = regexp.MustCompile(`^\s*(=== |--- )`)

// location is where a test says something.
var location = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// read counts the results of the tests. Of those that have parts only the parts count.
func (r *result) read(t *testing.T, output io.Reader) {
	t.Helper()
	said, parents, outcomes := map[string]string{}, map[string]bool{}, map[string]string{}
	for lines := bufio.NewReader(output); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			t.Logf("%s", line)
			continue
		}
		switch e.Action {
		case "run":
			if parent, _, found := cutLast(e.Test, "/"); found {
				parents[parent] = true
			}
		case "output":
			if !frame.MatchString(e.Output) {
				said[e.Test] += e.Output
			}
		case "pass", "fail", "skip":
			if e.Test != "" {
				outcomes[e.Test] = e.Action
			}
		}
	}
	for test, outcome := range outcomes {
		if outcome == "fail" && (!parents[test] || said[test] != "") {
			t.Errorf("%s:\n%s", test, said[test])
		}
		if parents[test] && outcome != "fail" {
			continue
		}
		switch outcome {
		case "pass":
			r.passed++
		case "fail":
			r.failed++
		case "skip":
			r.skipped[test] = strings.TrimSpace(location.ReplaceAllString(said[test], ""))
		}
	}
	if outcomes[""] == "" && said[""] != "" && strings.Contains(said[""], "panic:") {
		t.Errorf("the suite broke off:\n%s", said[""])
	}
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// table is the results for people.
func (m *matrix) table() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // To memory.
	line("registry\tpassed\tfailed\tskipped\ttime")
	for _, r := range m.results {
		if r.state != "ran" {
			line("%s\t%s", r.title, r.state)
			continue
		}
		line("%s\t%d\t%d\t%d\t%s", r.title, r.passed, r.failed, len(r.skipped), r.time.Round(time.Second))
	}
	_ = w.Flush() // To memory.
	for _, r := range m.results {
		for _, test := range slices.Sorted(func(yield func(string) bool) {
			for test := range r.skipped {
				if !yield(test) {
					return
				}
			}
		}) {
			fmt.Fprintf(&text, "\nskipped on %s: %s: %s", r.title, test, r.skipped[test])
		}
	}
	return text.String()
}
