package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// TestMain hides the developer's own credentials and CLI configuration from the tests.
func TestMain(m *testing.M) {
	notationtest.MainIfPlugin()
	if served, err := noop(); err != nil {
		panic(err)
	} else if served {
		return
	}
	dir, err := os.MkdirTemp("", "manifesto-test")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{envUsername, envPassword, "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"} {
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	config := filepath.Join(dir, "cli.tfrc")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		panic(err)
	}
	for name, value := range map[string]string{
		"DOCKER_CONFIG":      dir,
		"TF_CLI_CONFIG_FILE": config,
		"CHECKPOINT_DISABLE": "1",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"manifesto": func() (tfprotov6.ProviderServer, error) { return NewServer("test")(), nil },
}

const address = "manifesto_metadata.test"

// planned returns plan checks before apply.
func planned(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

func action(a plancheck.ResourceActionType) plancheck.PlanCheck {
	return plancheck.ExpectResourceAction(address, a)
}

// acceptance runs steps with the provider.
func acceptance(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
}

func state(attribute string, value knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func plannedValue(attribute string, value knownvalue.Check) plancheck.PlanCheck {
	return plancheck.ExpectKnownValue(address, tfjsonpath.New(attribute), value)
}

func plannedUnknown(attribute string) plancheck.PlanCheck {
	return plancheck.ExpectUnknownValue(address, tfjsonpath.New(attribute))
}

var emptyPlan = planned(plancheck.ExpectEmptyPlan())

// words returns a pattern that matches wherever Terraform breaks lines.
func words(pattern string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)` + strings.ReplaceAll(pattern, " ", `\s+`))
}

// metadataConfig is the configuration of one resource, manifesto_metadata.test.
func metadataConfig(image, attributes string) string {
	return fmt.Sprintf("resource \"manifesto_metadata\" \"test\" {\n  image = %q\n%s\n}\n", image, attributes)
}

// dataConfig is the configuration of a data source, such as data.manifesto_image.test.
func dataConfig(typ, image, attributes string) string {
	return fmt.Sprintf("data %q \"test\" {\n  image = %q\n%s\n}\n", typ, image, attributes)
}

// providerConfig is the configuration of the provider.
func providerConfig(settings string) string {
	return "provider \"manifesto\" {\n" + settings + "\n}\n"
}
