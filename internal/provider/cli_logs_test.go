package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// What the program writes to its standard error, which Terraform reads, parses and mostly drops, is what a variable of
// the environment asks for, and nothing without one.
func TestCLIWritesNoLogThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	const plugin, proto, framework, own = "", "sdk.proto", "sdk.framework", "manifesto"
	const registry, commit = own + ".registry", own + ".commit"
	const credentials = own + ".credentials"
	tests := map[string]struct {
		environment []string
		// want are the modules that must write lines at TRACE, DEBUG and above; everything else must not write any.
		trace, debug []string
	}{
		"nothing asked":            {nil, nil, nil},
		"only Terraform's own log": {[]string{"TF_LOG_CORE=TRACE"}, nil, nil},
		"only this provider's, which Terraform does not show": {
			[]string{logs.Variable + "=TRACE", logs.Variable + "_COMMIT=TRACE"}, nil, nil,
		},
		"warnings": {[]string{"TF_LOG=WARN"}, nil, nil},
		"everything": {
			[]string{"TF_LOG=TRACE"},
			[]string{proto, framework, registry, commit, credentials}, []string{plugin, framework, own, registry, commit},
		},
		"JSON": {
			[]string{"TF_LOG=JSON"},
			[]string{proto, framework, registry, commit, credentials}, []string{plugin, framework, own, registry, commit},
		},
		"providers": {
			[]string{"TF_LOG_PROVIDER=DEBUG"}, nil, []string{plugin, framework, own, registry, commit},
		},
		"providers but this": {[]string{"TF_LOG_PROVIDER=TRACE", logs.Variable + "=OFF"}, nil, nil},
		"the framework": {
			[]string{"TF_LOG_SDK_FRAMEWORK=TRACE"}, []string{framework}, []string{framework},
		},
		"all but the framework": {
			[]string{"TF_LOG=DEBUG", "TF_LOG_SDK_FRAMEWORK=OFF"}, nil, []string{plugin, own, registry, commit},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			log := c.recordStderr()
			w := newWorld(t, registrytest.Options{})
			c.write("main.tf", requirement+metadataConfig(w.ref(":1"), `type = "t"`+"\n"+`content = "text"`))
			c.env = append(c.env, test.environment...)
			c.terraform("apply", "-auto-approve")
			traced, others := modules(t, log)
			if !slices.Equal(traced, sorted(test.trace)) {
				t.Errorf("lines at TRACE are from %q, want %q", traced, test.trace)
			}
			if !slices.Equal(others, sorted(test.debug)) {
				t.Errorf("lines at DEBUG and above are from %q, want %q", others, test.debug)
			}
		})
	}
}

// recordStderr makes Terraform start the program with its standard error in the file whose name it returns.
func (c *commandLine) recordStderr() string {
	c.t.Helper()
	if runtime.GOOS == "windows" {
		c.t.Skip("needs a shell script in the place of the program")
	}
	bin, err := buildProvider()
	if err != nil {
		c.t.Fatal(err)
	}
	dir := c.t.TempDir()
	log := filepath.Join(dir, "stderr")
	const name = "terraform-provider-manifesto"
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\" 2>>'%s'\n", filepath.Join(bin, name), log)
	if err = os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
		c.t.Fatal(err)
	}
	config := filepath.Join(dir, "cli.tfrc")
	if err = os.WriteFile(config, []byte(overrides(dir)), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.env = append(c.env, "TF_CLI_CONFIG_FILE="+config)
	return log
}

// modules returns the modules that wrote lines of a log, apart for lines at TRACE and others. A line that is not in the
// format of Terraform's logs fails the test.
func modules(t *testing.T, log string) (traced, others []string) {
	t.Helper()
	content, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for text := range bytes.Lines(content) {
		var line struct {
			Level  string `json:"@level"`
			Module string `json:"@module"`
		}
		if err := json.Unmarshal(text, &line); err != nil {
			t.Errorf("%v: %s", err, text)
			continue
		}
		if line.Level == "trace" {
			traced = append(traced, line.Module)
		} else {
			others = append(others, line.Module)
		}
	}
	return sorted(traced), sorted(others)
}

// sorted returns the distinct values in order.
func sorted(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}
