package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	// The packages that are checked: go test runs these tests again when one of them changes, or what it imports.
	_ "github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	_ "github.com/imagemanifesto/terraform-provider-manifesto/internal/jsonschema"
	_ "github.com/imagemanifesto/terraform-provider-manifesto/internal/layout"
	_ "github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	_ "github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	_ "github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

const (
	internal  = "github.com/imagemanifesto/terraform-provider-manifesto/internal/"
	terraform = "github.com/hashicorp/"
)

// pure are the packages that must work without a network and without Terraform.
var pure = []string{"format", "jsonschema", "layout", "logs", "manifesto", "oci", "rawjson", "signing", "wait"}

// TestPurePackages checks all that the pure packages reach, directly or not. The linter sees direct imports only.
func TestPurePackages(t *testing.T) {
	t.Parallel()
	for _, name := range pure {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, reached := range dependencies(t, name) {
				if isForbidden(reached) {
					t.Errorf("internal/%s reaches %s", name, reached)
				}
			}
		})
	}
}

// TestRegistryReachesHTTP shows that TestPurePackages could fail: internal/registry must not pass its check.
func TestRegistryReachesHTTP(t *testing.T) {
	t.Parallel()
	reached := dependencies(t, "registry")
	for _, want := range []string{"net/http", internal + "registry", internal + "oci"} {
		if !slices.Contains(reached, want) {
			t.Errorf("internal/registry does not reach %s", want)
		}
	}
	if !slices.ContainsFunc(reached, isForbidden) {
		t.Error("nothing that internal/registry reaches is forbidden")
	}
}

func isForbidden(reached string) bool {
	return reached == "net/http" || reached == internal+"registry" || strings.HasPrefix(reached, terraform)
}

// dependencies returns the import paths of an internal package and of all that it reaches.
func dependencies(t *testing.T, name string) []string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", internal+name).Output()
	if err != nil {
		t.Fatalf("listing the dependencies of internal/%s: %v", name, err)
	}
	return strings.Fields(string(output))
}
