package notation_test

import (
	"os"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

// TestMain lets the test binary be a plugin.
func TestMain(m *testing.M) {
	notationtest.MainIfPlugin()
	os.Exit(m.Run())
}
