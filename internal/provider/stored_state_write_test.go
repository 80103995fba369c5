package provider

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// TestCLIWriteStatesOfVersion0 writes the states of TestCLIStatesOfVersion0 with a provider that was built before, and
// the Terraform or OpenTofu of the tests:
//
//	git worktree add /tmp/before 42e64a4
//	(cd /tmp/before && go build -o bin/terraform-provider-manifesto .)
//	STATE_PROVIDER=/tmp/before/bin TF_ACC=1 TF_ACC_TERRAFORM_PATH=/path/to/terraform \
//		go test -run TestCLIWriteStatesOfVersion0 ./internal/provider
//	git worktree remove --force /tmp/before
func TestCLIWriteStatesOfVersion0(t *testing.T) {
	provider := os.Getenv("STATE_PROVIDER")
	if provider == "" {
		t.Skip("STATE_PROVIDER is not set: no state is written anew")
	}
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	c.write("cli.tfrc", overrides(provider))
	c.env = append(c.env, "TF_CLI_CONFIG_FILE="+filepath.Join(c.dir, "cli.tfrc"))
	names := w.prepareVersion0(c)
	w.put("legacy", "from the original tool")
	w.strip("legacy")
	_, err := w.store().Put(context.Background(), manifesto.Put{
		Key: w.key("imported"), Content: []byte("[1,\n 2]\n"), MediaType: "application/json",
	})
	if err != nil {
		t.Fatal(err)
	}
	c.terraform("import", "manifesto_metadata.imported", w.ref(":1#imported"))
	c.terraform("import", "manifesto_metadata.legacy", w.ref("@"+w.image.String()+"#legacy"))
	c.terraform("apply", "-auto-approve")
	c.terraform("plan", "-detailed-exitcode")

	state := c.read("terraform.tfstate")
	for placeholder, stands := range names {
		state = strings.ReplaceAll(state, stands, placeholder)
	}
	product := "terraform"
	if c.isOpenTofu() {
		product = "tofu"
	}
	version := regexp.MustCompile(`v(1\.\d+)`).FindStringSubmatch(c.terraform("version"))
	name := filepath.Join(versionZero, product+"-"+version[1]+".tfstate")
	if err := os.WriteFile(name, []byte(state), 0o600); err != nil {
		t.Fatal(err)
	}
}
