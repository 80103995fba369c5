package manifesto

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func TestKeyString(t *testing.T) {
	repository, err := oci.ParseRepository("alpine", "")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(Key{Repository: repository, Image: dig("a"), Type: "a#b"})
	if want := "docker.io/library/alpine@" + string(dig("a")) + "#a#b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// dig returns a digest that reads like its letter.
func dig(letter string) oci.Digest { return oci.Digest("sha256:" + hexOf(letter)) }

func hexOf(letter string) string { return strings.Repeat(letter, 64) }

func layerOf(t testing.TB, compression registrytest.Compression, files ...registrytest.File) []byte {
	t.Helper()
	layer, err := registrytest.Layer(compression, files...)
	if err != nil {
		t.Fatal(err)
	}
	return layer
}
