package provider

import (
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Neither a plan nor an error shows sensitive contents, ours or those that others have put in their place.
func TestCLIRepositoryMetadataSensitive(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	w := newWorld(t, registrytest.Options{})
	two := w.push("2", "two")
	c.write("main.tf", requirement+"variable \"secret\" {\n  type = string\n  sensitive = true\n}\n"+
		w.all("images = { \"1\" = var.secret, \"2\" = \"{}\" }\njson_schema = jsonencode({ type = \"object\" })"))
	var outputs strings.Builder
	c.env = append(c.env, "TF_VAR_secret=my-secret")
	output, code := c.run(c.tool, "apply", "-auto-approve")
	outputs.WriteString(output)
	if code == 0 || !strings.Contains(output, mismatchedSchema) {
		t.Errorf("exit code %d\n%s", code, output)
	}
	c.env = append(c.env, `TF_VAR_secret={"password":"my-secret"}`)
	outputs.WriteString(c.terraform("apply", "-auto-approve"))
	c.terraform("plan", "-detailed-exitcode")
	if err := w.contacts(map[oci.Digest]string{w.image: `{"password":"my-secret"}`, two: "{}"})(nil); err != nil {
		t.Error(err)
	}
	w.put("contact", `{"password":"their-secret"}`)
	outputs.WriteString(c.terraform("plan", "-out=saved"))
	w.put("contact", `{"password":"other-secret"}`)
	output, code = c.run(c.tool, "apply", "saved")
	outputs.WriteString(output)
	if code == 0 || !strings.Contains(output, "changed outside Terraform since the plan") {
		t.Errorf("exit code %d\n%s", code, output)
	}
	for _, secret := range []string{"my-secret", "their-secret", "other-secret"} {
		if strings.Contains(outputs.String(), secret) {
			t.Errorf("an output shows %q:\n%s", secret, &outputs)
		}
	}
}
