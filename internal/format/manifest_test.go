package format_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// A manifest of tens of thousands of layers is refused: each of them would be fetched.
func TestTooManyLayers(t *testing.T) {
	for n, want := range map[int]error{format.MaxLayers: nil, format.MaxLayers + 1: format.ErrTooLarge} {
		layers := strings.TrimSuffix(strings.Repeat(`{"digest":"`+dig("a").String()+`"},`, n), ",")
		m := oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{"schemaVersion":2,"layers":[`+layers+`]}`))
		if _, err := format.ParseManifest(m); !errors.Is(err, want) {
			t.Errorf("%d layers: %v, want %v", n, err, want)
		}
	}
}
