package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/jsonschema"
)

const (
	// kyvernoPolicies are the policies of the guide about signed approvals.
	kyvernoPolicies = "../examples/use-cases/signed-approval/kyverno"
	// kyverno is the module whose source has the published schemas, and kyvernoSum its checksum in go.sum's form. Nothing
	// of it is compiled.
	kyverno    = "github.com/kyverno/kyverno@v1.19.1"
	kyvernoSum = "h1:/MkgFii3/VlQfKR1JpC9tVwNNVNQTt2S4U6qCsafsTU="
)

// The policies fit the schemas that Kyverno publishes, as a strict API server reads them: without fields that are
// unknown. No policy is applied.
func TestKyvernoPoliciesFitTheirSchemas(t *testing.T) {
	crds := filepath.Join(kyvernoSource(t), "config", "crds")
	for file, test := range map[string]struct {
		crd string
		// wrong maps texts of the policy to texts that a schema refuses, which shows that it is looked at so deep.
		wrong map[string]string
	}{
		"image-validating-policy.yaml": {
			"policies.kyverno.io/policies.kyverno.io_imagevalidatingpolicies.yaml", map[string]string{
				"referrer:":   "referer:",
				"value: |-":   "text: |-",
				"- glob: ":    "- pattern: ",
				"[Deny]":      "Deny",
				"expression:": "cel:",
			},
		},
		"cluster-policy.yaml": {
			"kyverno/kyverno.io_clusterpolicies.yaml", map[string]string{
				"type: Notary":       "type: Notation",
				"timeoutSeconds: 30": "timeoutSeconds: long",
				"cert: |-":           "certificate: |-",
				"operator: Equals":   "operator: Is",
				"conditions:":        "condition:",
			},
		},
	} {
		t.Run(file, func(t *testing.T) {
			policy := readText(t, filepath.Join(kyvernoPolicies, file))
			schema := customResource(t, filepath.Join(crds, filepath.FromSlash(test.crd)))
			if found := schema.Check(asJSON(t, policy)); len(found) > 0 {
				t.Errorf("%s: %s", file, strings.Join(found, "; "))
			}
			for good, bad := range test.wrong {
				changed := strings.ReplaceAll(policy, good, bad)
				if found := schema.Check(asJSON(t, changed)); len(found) == 0 || changed == policy {
					t.Errorf("%s with %q in the place of %q fits", file, bad, good)
				}
			}
		})
	}
}

// kyvernoSource returns the directory with the source of Kyverno, which Go's module cache keeps.
func kyvernoSource(t *testing.T) string {
	t.Helper()
	command := exec.Command("go", "mod", "download", "-json", kyverno)
	command.Dir = t.TempDir() // Outside of this module, which does not require it.
	output, err := command.Output()
	var module struct{ Dir, Sum, Error string }
	if err = errors.Join(err, json.Unmarshal(output, &module)); err != nil || module.Error != "" {
		t.Fatalf("downloading %s: %v %s", kyverno, err, module.Error)
	}
	if module.Sum != kyvernoSum {
		t.Fatalf("%s has the checksum %s, want %s", kyverno, module.Sum, kyvernoSum)
	}
	return module.Dir
}

// customResource returns the schema of the version v1 of a custom resource, closed against unknown fields.
func customResource(t *testing.T, crd string) *jsonschema.Schema {
	t.Helper()
	var definition struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema map[string]any `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(readText(t, crd)), &definition); err != nil {
		t.Fatal(err)
	}
	for _, version := range definition.Spec.Versions {
		if version.Name != "v1" {
			continue
		}
		schema := version.Schema.OpenAPIV3Schema
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			t.Fatalf("%s has no properties", crd)
		}
		properties["apiVersion"] = map[string]any{"const": definition.Spec.Group + "/v1"}
		properties["kind"] = map[string]any{"const": definition.Spec.Names.Kind}
		properties["metadata"] = map[string]any{"required": []string{"name"}}
		closeObjects(schema)
		text, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		compiled, err := jsonschema.Compile(string(text))
		if err != nil {
			t.Fatal(err)
		}
		return compiled
	}
	t.Fatalf("%s has no version v1", crd)
	return nil
}

// closeObjects lets each object with properties below a value have no others.
func closeObjects(value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			closeObjects(element)
		}
	case map[string]any:
		for _, element := range value {
			closeObjects(element)
		}
		_, isSchema := value["type"].(string) // Otherwise it may be fields that are called so.
		_, has := value["properties"].(map[string]any)
		if isSchema && has && value["x-kubernetes-preserve-unknown-fields"] == nil {
			value["additionalProperties"] = false
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func asJSON(t *testing.T, text string) []byte {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
