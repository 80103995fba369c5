//go:build unix

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
)

// pluginSignerName is the common name of the signer whose key the plugin has.
const pluginSignerName = "plugin"

// hidden is a secret of Terraform's environment that is none of the plugin's business.
const hidden = "what no plugin is to see"

// ofEveryPlugin are the variables that the provider passes on: those that say where programs, the home directory and
// temporary files are.
var ofEveryPlugin = []string{"PATH", "HOME", "TMPDIR", "TMP", "TEMP"}

// signByPlugin is the provider's attribute for the plugin. The verbs are what finds it, more of its settings, and the
// form of envelopes.
const signByPlugin = `  signing = {
    plugin = {
      %s
      key_id = "e2e"
      config = {
        environment_file = "plugin.env"
        %s
      }
      environment = {
        E2E_PLUGIN_KEY       = file("key.pem")
        E2E_PLUGIN_CHAIN     = file("chain.pem")
        E2E_PLUGIN_ENVELOPES = %q
      }
    }
    envelope = %q
  }
`

// A plugin of the Notary Project signs, and a program of others verifies. The plugin sees only the environment that it
// was given.
func TestPluginSigns(t *testing.T) {
	found, plugin, program := findTools(t), buildProgram(t, "plugin"), buildProgram(t, "verifier")
	for i, c := range []struct {
		name, envelopes, format string
		// installed means that the plugin is where the command notation looks for it.
		installed bool
	}{
		{name: "bare signatures", format: "jws"},
		{name: "bare signatures as COSE, installed", format: "cose", installed: true},
		{name: "envelopes", format: "jws", envelopes: "yes"},
	} {
		for _, kind := range servers.Kinds {
			if !isShort(kind) {
				continue // One kind with the API for referrers and one without it do.
			}
			t.Run(c.name+", "+kind.Title, func(t *testing.T) {
				if testing.Short() && i > 0 {
					t.Skip("left out of short runs")
				}
				t.Parallel()
				s := newSigned(t, found, kind)
				s.issue(pluginSignerName)
				finds := fmt.Sprintf("path = %q", plugin)
				if c.installed {
					finds = `name = "e2e"`
					s.install(plugin)
				}
				s.secrets = append(s.secrets, hidden)
				s.env = append(s.env, "TF_VAR_secret="+hidden, "VAULT_TOKEN="+hidden)
				s.configure(fmt.Sprintf(signByPlugin, finds, "", c.envelopes, c.format) + verify)

				s.succeed("apply", "-auto-approve")
				s.succeed("plan", "-detailed-exitcode")

				v := s.trusting(program, s.authority)
				v.accepts(t, s.reference(signedRepository, s.digestOf("approval")), pluginSignerName)
				v.accepts(t, s.reference(signedRepository, "_manifesto"), pluginSignerName)
				s.checkEnvironment(t)
			})
		}
	}
}

// install puts the plugin where the command notation looks for it.
func (s *signed) install(plugin string) {
	s.t.Helper()
	content, err := os.ReadFile(plugin)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(filepath.Join(s.home, ".config", "notation", "plugins", "e2e", "notation-e2e"), string(content), 0o700)
}

// checkEnvironment checks the environment that the plugin has written to a file.
func (s *signed) checkEnvironment(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "plugin.env"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), hidden) {
		t.Error("the plugin sees a secret of Terraform's environment")
	}
	var variables []string
	if err = json.Unmarshal(text, &variables); err != nil {
		t.Fatal(err)
	}
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		if !slices.Contains(ofEveryPlugin, name) && !strings.HasPrefix(name, "E2E_PLUGIN_") {
			t.Errorf("the plugin sees the variable %s", name)
		}
	}
}

// A plugin that does not answer is ended. The error says which one.
func TestPluginHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of short runs: a plugin has a minute to answer")
	}
	found, plugin := findTools(t), buildProgram(t, "plugin")
	for _, command := range []string{"get-plugin-metadata", "generate-signature"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := newSigned(t, found, servers.Kinds[0])
			s.configure(fmt.Sprintf(signByPlugin, fmt.Sprintf("path = %q", plugin), fmt.Sprintf("hang = %q", command), "",
				"jws"))
			began := time.Now()
			s.fail("plan", "Unusable signing plugin", filepath.Base(plugin), command, "did not answer")
			if took := time.Since(began); took > 2*time.Minute {
				t.Errorf("it took %s", took)
			}
		})
	}
}
