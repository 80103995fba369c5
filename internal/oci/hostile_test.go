package oci_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/memtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// repeated returns a list of an element, up to a size in bytes, between two texts.
func repeated(before, element, after string, size int) string {
	n := size / (len(element) + 1)
	return before + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + after
}

// honestIndex returns an index of a number of images with a platform and two annotations each.
func honestIndex(images int) string {
	var list []string
	for i := range images {
		list = append(list, fmt.Sprintf(`{"mediaType":"application/vnd.oci.image.manifest.v1+json",`+
			`"digest":"sha256:%064x","size":%d,"platform":{"architecture":"a%d","os":"linux"},`+
			`"annotations":{"org.opencontainers.image.created":"2026-01-02T03:04:05Z","com.example.build":"%d"}}`, i, i, i, i))
	}
	return `{"schemaVersion":2,"manifests":[` + strings.Join(list, ",") + `]}`
}

// A manifest that is made to take much memory takes at most twice as much as an honest index of 10,000 images. One that
// exceeds a bound takes none.
func TestHostileManifests(t *testing.T) {
	const size = oci.MaxManifestSize - 1000
	many := func(n int) string {
		var fields strings.Builder
		for i := range n {
			fmt.Fprintf(&fields, `"%c":"",`, 'A'+i)
		}
		return strings.TrimSuffix(fields.String(), ",")
	}
	index := `{"schemaVersion":2,"manifests":[`
	lists := `"urls":` + repeated(`[`, `""`, `]`, 27_000)
	tests := map[string]struct {
		content string
		says    string // Empty for a manifest within the bounds.
	}{
		"children":           {repeated(index, `{}`, `]}`, size), "more than 10000 values"},
		"null children":      {repeated(index, `null`, `]}`, size), "more than 10000 values"},
		"layers":             {repeated(`{"layers":[`, `{}`, `]}`, size), "more than 10000 values"},
		"annotations":        {repeated(`{"annotations":{`, `"":""`, `}}`, size), "more than 10000 values"},
		"platforms":          {repeated(index, `{"platform":{}}`, `]}`, size), "more than 10000 values"},
		"unknown fields":     {repeated(`{"x":[`, `[]`, `]}`, size), "more than 10000 values"},
		"addresses":          {repeated(index, `{`+lists+`}`, `]}`, size), "150000 values"},
		"deep nesting":       {strings.Repeat(`{"x":`, size/5), "more than 100 deep"},
		"the most maps":      {repeated(index, `{"annotations":{`+many(11)+`}}`, `]}`, 9_000*98), ""},
		"the most addresses": {repeated(index, `{`+lists+`}`, `]}`, 15*27_000), ""},
		"the most children":  {repeated(index, `{}`, `]}`, 29_000), ""},
	}
	honest := oci.NewManifest(oci.MediaTypeOCIIndex, []byte(honestIndex(10_000)))
	limit := 2 * memtest.Allocated(func() {
		if children, err := honest.Children(); err != nil || len(children) != 10_000 {
			t.Errorf("an honest index has %d children, %v", len(children), err)
		}
	})
	t.Logf("an honest index of %d kB takes %d kB", len(honest.Content)>>10, limit/2>>10)
	for name, test := range tests {
		m := oci.NewManifest(oci.MediaTypeOCIIndex, []byte(test.content))
		most := uint64(1 << 20) // What exceeds a bound is not decoded.
		if test.says == "" {
			most = limit
		}
		used := memtest.Allocated(func() {
			_, err := m.Children()
			switch {
			case test.says == "":
				if errors.Is(err, oci.ErrTooLarge) {
					t.Errorf("%s: %v", name, err)
				}
			case !errors.Is(err, oci.ErrTooLarge) || !strings.Contains(err.Error(), test.says):
				t.Errorf("%s: %v, want %q", name, err, test.says)
			}
			m.IsManifest()
		})
		t.Logf("%s: %d kB for a manifest of %d kB", name, used>>10, len(m.Content)>>10)
		if used > most {
			t.Errorf("%s: %d kB, the limit is %d kB", name, used>>10, most>>10)
		}
	}
}
