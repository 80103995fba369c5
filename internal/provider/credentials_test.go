package provider

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

func TestAccRegistryCredentials(t *testing.T) {
	t.Parallel()
	w := secured(t)
	configure := func(attributes string) string {
		return w.withProvider(w.registries(attributes))
	}
	acceptance(t,
		resource.TestStep{
			Config:      w.metadata(some),
			ExpectError: words(`refused the credentials.*registries\["` + w.server.Host() + `"\]`),
		},
		resource.TestStep{
			Config:      configure(`username = "robot", password = "wrong"`),
			ExpectError: words(`refused the credentials`),
		},
		resource.TestStep{Config: configure(`username = "robot"`), ExpectError: words(`password.* must be specified`)},
		resource.TestStep{
			Config:      configure(`token = "t", username = "robot", password = "p"`),
			ExpectError: words(`cannot be specified when`),
		},
		resource.TestStep{
			Config: configure(fmt.Sprintf(`username = %q, password = %q`, user, secret)),
			Check:  w.has("t", "x"),
		},
	)
}

// The provider's username and password reach only the default registry.
func TestAccDefaultRegistry(t *testing.T) {
	w := secured(t)
	other := secured(t)
	settings := fmt.Sprintf("default_registry = %q", w.server.Host())
	config := func(attributes, image string) string {
		return providerConfig(attributes) + metadataConfig(image, some)
	}
	t.Run("configured", func(t *testing.T) {
		acceptance(t,
			resource.TestStep{
				Config:            config(settings+fmt.Sprintf("\nusername = %q\npassword = %q", user, secret), "app:1"),
				ConfigStateChecks: []statecheck.StateCheck{state("repository", knownvalue.StringExact(w.ref("")))},
				Check:             w.has("t", "x"),
			},
			resource.TestStep{
				Config:      config(settings+fmt.Sprintf("\nusername = %q\npassword = %q", user, secret), other.ref(":1")),
				ExpectError: words(`refused the credentials.*for the default registry only`),
			},
		)
	})
	t.Run("environment", func(t *testing.T) {
		t.Setenv(envUsername, user)
		t.Setenv(envPassword, secret)
		acceptance(t,
			resource.TestStep{Config: config(settings, "app:1"), Check: w.has("t", "x")},
			resource.TestStep{Config: config(settings, other.ref(":1")), ExpectError: words(`refused the credentials`)},
		)
	})
	t.Run("incomplete", func(t *testing.T) {
		acceptance(t, resource.TestStep{
			Config:      config(settings+"\nusername = \"robot\"", "app:1"),
			ExpectError: words(`Incomplete credentials.*` + envPassword),
		})
	})
	t.Run("registries first", func(t *testing.T) {
		acceptance(t, resource.TestStep{
			Config: config(settings+"\nusername = \"x\"\npassword = \"y\"\n"+
				w.registries(fmt.Sprintf("username = %q, password = %q", user, secret)), "app:1"),
			Check: w.has("t", "x"),
		})
	})
}

func TestAccDockerConfig(t *testing.T) {
	w := secured(t)
	dir := t.TempDir()
	content := fmt.Sprintf(`{"auths":{%q:{"username":%q,"password":%q}}}`, w.server.Host(), user, secret)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	acceptance(t, resource.TestStep{Config: w.metadata(some), Check: w.has("t", "x")})
}

// The provider looks at docker_config after its own settings and before the files of the machine. With anonymous, it
// uses none of them.
func TestAccSourcesOfCredentials(t *testing.T) {
	t.Parallel()
	w := secured(t)
	dockerConfig := func(host, password string) string {
		auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
		return fmt.Sprintf("docker_config = jsonencode({ auths = { %q = { auth = %q } } })", host, auth)
	}
	host := w.server.Host()
	acceptance(t,
		resource.TestStep{
			Config:      w.withProvider(`docker_config = "{"`),
			ExpectError: words(`Invalid Docker configuration.*auths, credHelpers or credsStore`),
		},
		resource.TestStep{
			Config:      w.withProvider(dockerConfig("other.example.com", secret)),
			ExpectError: words(`refused the credentials.*logged in as: anonymous`),
		},
		resource.TestStep{
			Config:      w.withProvider(dockerConfig(host, "wrong")),
			ExpectError: words(`refused the credentials.*logged in as: credentials of the provider's docker_config`),
		},
		resource.TestStep{
			Config:      w.withProvider(dockerConfig(host, secret) + "\n" + w.registries("anonymous = true")),
			ExpectError: words(`refused the credentials.*logged in as: anonymous`),
		},
		resource.TestStep{Config: w.withProvider(dockerConfig(host+"/app", secret)), Check: w.has("t", "x")},
		resource.TestStep{Config: w.withProvider(
			dockerConfig(host, "wrong") + "\n" + w.registries(fmt.Sprintf("username = %q, password = %q", user, secret)),
		),
			ConfigPlanChecks: emptyPlan},
	)
}

// Modules pass settings through: null, false, and a token that ends with the newline of its file.
func TestAccPassedThroughSettings(t *testing.T) {
	t.Parallel()
	w := secured(t)
	login := fmt.Sprintf("username = %q, password = %q", user, secret)
	acceptance(t,
		resource.TestStep{
			Config:      w.withProvider(w.registries("anonymous = true, " + login)),
			ExpectError: words(`Contradictory settings`),
		},
		resource.TestStep{
			Config:      w.withProvider(w.registries(`username = "", password = ""`)),
			ExpectError: words(`string length must be at least 1`),
		},
		resource.TestStep{
			Config:      w.withProvider(w.registries(`token = "a\nb"`)),
			ExpectError: words(`refused the credentials.*no header may have`),
		},
		resource.TestStep{Config: w.withProvider(w.registries("anonymous = false, " + login)), Check: w.has("t", "x")},
		resource.TestStep{
			Config: w.withProvider(fmt.Sprintf(`registries = { "other.example.com" = null, %q = { %s } }`,
				w.server.Host(), login)),
			ConfigPlanChecks: emptyPlan,
		},
	)
}
