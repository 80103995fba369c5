package oci

import (
	"testing"
)

// The zero values name nothing and print as nothing: not as Docker Hub, and not as a lone slash.
func TestZeroValuesPrintNothing(t *testing.T) {
	var r Repository
	_, layout := r.Layout()
	if layout || r.Host() != "" || r.Address() != "" || r.Path() != "" || r.String() != "" {
		t.Errorf("a zero Repository has host %q, address %q, path %q, string %q, layout %t",
			r.Host(), r.Address(), r.Path(), r.String(), layout)
	}
	if got := (Reference{}).String(); got != "" {
		t.Errorf("a zero Reference prints %q", got)
	}
	if got := (Platform{}).String(); got != "" {
		t.Errorf("a zero Platform prints %q", got)
	}
}

func TestRepositorySpellings(t *testing.T) {
	want, err := ParseRepository("alpine", "")
	if err != nil || want.String() != "docker.io/library/alpine" || want.Address() != "index.docker.io" {
		t.Fatalf("ParseRepository(alpine) = %s at %s, %v", want, want.Address(), err)
	}
	for _, text := range []string{"library/alpine", "docker.io/alpine", "index.docker.io/library/alpine"} {
		if got, err := ParseRepository(text, ""); err != nil || got != want {
			t.Errorf("ParseRepository(%q) = %s, %v", text, got, err)
		}
	}
}
