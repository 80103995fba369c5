package manifesto

import (
	"fmt"
	"testing"

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
