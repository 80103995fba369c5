package provider

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The troubleshooting guide has a heading for every error.
func TestTroubleshootingHasEveryError(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../templates/guides/troubleshooting.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(guide), "\n")
	for _, a := range slices.Concat(advices, layoutAdvices) {
		if !slices.Contains(lines, "### "+a.summary) {
			t.Errorf("the guide has no heading %q", a.summary)
		}
	}
}
