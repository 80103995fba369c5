//go:build !race

// The race detector makes these tests ten times slower and has nothing to find in one goroutine. make test runs them
// without it.

package layout

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/memtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// An index.json that is made to take much memory takes at most twice as much as an honest one of the largest size. One
// that exceeds a bound takes hardly more than its text.
func TestHostileIndex(t *testing.T) {
	const size = maxIndex - 1000
	list := func(element string, n int) string {
		return `{"manifests":[` + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + `]}`
	}
	honest := `{"mediaType":"` + oci.MediaTypeOCIManifest + `","digest":"` + oci.DigestOf(nil).String() +
		`","size":1234,"annotations":{"org.opencontainers.image.ref.name":"v1.2.3"}}`
	limit := 2 * indexCost(t, list(honest, size/(len(honest)+1)), "")
	few := `{"digest":"x"}`
	urls := `{"digest":"x","urls":[` + strings.TrimSuffix(strings.Repeat(`"",`, 100_000), ",") + `]}`
	const refused = 80 << 20 // Reading the text takes 34 MB, and 69 MB with the race detector.
	tests := map[string]struct {
		text, says string
		most       uint64
	}{
		"manifests":      {list(few, size/(len(few)+1)), "more than 120000 values", refused},
		"null manifests": {list("null", size/5), "more than 120000 values", refused},
		"addresses":      {list(urls, size/(len(urls)+1)), "more than 1000000 values", refused},
		"the most":       {list(few, 120_000), "", limit},
	}
	for name, test := range tests {
		used := indexCost(t, test.text, test.says)
		t.Logf("%s: %d MB for %d kB", name, used>>20, len(test.text)>>10)
		if used > test.most {
			t.Errorf("%s: %d MB, the limit is %d MB", name, used>>20, test.most>>20)
		}
	}
}

// indexCost returns what it costs to look for a tag in an index, in bytes.
func indexCost(t *testing.T, text, says string) uint64 {
	t.Helper()
	l := Open(newLayout(t, text))
	return memtest.Allocated(func() {
		_, err := l.HeadManifest(t.Context(), "absent")
		want := oci.ErrNotFound
		if says != "" {
			want = oci.ErrTooLarge
		}
		if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("HeadManifest: %v, want %v and %q", err, want, says)
		}
	})
}

// A manifest with too many values is refused although the layout has it.
func TestHostileManifest(t *testing.T) {
	l := Open(newLayout(t, emptyIndex))
	content := []byte(`{"schemaVersion":2,"manifests":[` + strings.Repeat(`{},`, 1<<20) + `{}]}`)
	digest, err := l.PutBlob(t.Context(), content)
	if err != nil {
		t.Fatal(err)
	}
	used := memtest.Allocated(func() {
		if _, err = l.GetManifest(t.Context(), digest.String()); !errors.Is(err, oci.ErrTooLarge) {
			t.Errorf("GetManifest: %v", err)
		}
	})
	if used > 24<<20 {
		t.Errorf("%d MB", used>>20)
	}
}
