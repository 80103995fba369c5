package provider

import (
	"os"
	"path/filepath"
	"testing"
)

// The examples of the guide about keys in a KMS fit the schema. What runs with them is not at hand.
func TestCLIExamplesOfKMS(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/guides/kms/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			c := newCommandLine(t)
			if c.minor() < 11 {
				t.Skip("ephemeral variables need version 1.10 of Terraform and 1.11 of OpenTofu")
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c.write("main.tf", requirement+string(content))
			c.terraform("validate")
		})
	}
}
