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

// TestMatrix runs the whole acceptance suite against every server and logs a table of the results. Environment
// variables:
//
//   - E2E_MATRIX_RUN selects tests like go test -run;
//   - E2E_MATRIX_KINDS selects servers by words in their titles, separated by commas;
//   - REGISTRYTEST_ADDRESS adds a running registry (see package registrytest).
func TestMatrix(t *testing.T) {
	if os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		t.Fatal("TF_ACC_TERRAFORM_PATH is not set: run make matrix")
	}
	m := newMatrix(t)
	var columns []column
	for _, kind := range servers.Kinds {
		columns = append(columns, column{kind.Title, func(t *testing.T) []string {
			t.Helper()
			stop, err := kind.Start(servers.Options{}) // Only to see whether it is installed.
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
	// environment starts the registry if necessary and returns the variables that name it to the suite.
	environment func(t *testing.T) []string
}

func chosen(title string) bool {
	words := os.Getenv("E2E_MATRIX_KINDS")
	return words == "" || slices.ContainsFunc(strings.Split(words, ","), func(word string) bool {
		return strings.Contains(title, strings.TrimSpace(word))
	})
}

// secured starts a registry with TLS and a password, and returns the variables that name it by address.
func secured(t *testing.T) []string {
	t.Helper()
	authority := newAuthority(t)
	s := start(t, servers.Kinds[0], servers.Options{
		TLS: authority.server(t, "127.0.0.1"), Htpasswd: htpasswd(t, "matrix", "pass word"),
	})
	return []string{
		registrytest.EnvAddress + "=" + s.URL() + "/project",
		registrytest.EnvUsername + "=matrix", registrytest.EnvPassword + "=pass word",
		"SSL_CERT_FILE=" + authority.file,
	}
}

type matrix struct {
	// suite is the file of the compiled suite, and dir the directory of its package.
	suite, dir string
	// program is the file of the program that starts registries.
	program string
	results []*result
}

// result is the result of one run of the suite.
type result struct {
	title, state   string
	passed, failed int
	// skipped maps a test to the reason.
	skipped map[string]string
	time    time.Duration
}

// newMatrix compiles the suite and the program that starts registries.
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

// event is an event in the output of test2json.
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

// frame matches the lines that package testing adds to the output of a test.
var frame = regexp.MustCompile(`^\s*(=== |--- )`)

// location matches the place in the code that starts a line of a test.
var location = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// events collects the events of one run by test. Those of the whole run have the empty name.
type events struct {
	// said is the output without frames.
	said map[string]string
	// parents are the tests with subtests.
	parents map[string]bool
	// outcomes are pass, fail or skip.
	outcomes map[string]string
}

// read counts the results of the tests. Of a test with subtests only the subtests count, unless it fails.
func (r *result) read(t *testing.T, output io.Reader) {
	t.Helper()
	all := events{said: map[string]string{}, parents: map[string]bool{}, outcomes: map[string]string{}}
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
		all.add(e)
	}
	for test, outcome := range all.outcomes {
		if outcome == "fail" && (!all.parents[test] || all.said[test] != "") {
			t.Errorf("%s:\n%s", test, all.said[test])
		}
		if !all.parents[test] || outcome == "fail" {
			r.count(test, outcome, all.said[test])
		}
	}
	if strings.Contains(all.said[""], "panic:") {
		t.Errorf("the suite broke off:\n%s", all.said[""])
	}
}

func (all *events) add(e event) {
	switch e.Action {
	case "run":
		if parent, _, found := cutLast(e.Test, "/"); found {
			all.parents[parent] = true
		}
	case "output":
		if !frame.MatchString(e.Output) {
			all.said[e.Test] += e.Output
		}
	case "pass", "fail", "skip":
		if e.Test != "" {
			all.outcomes[e.Test] = e.Action
		}
	}
}

func (r *result) count(test, outcome, said string) {
	switch outcome {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
	case "skip":
		r.skipped[test] = strings.TrimSpace(location.ReplaceAllString(said, ""))
	}
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}

// table returns the results as text.
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
