package manifesto

import (
	"context"
	"errors"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestResolve(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t, registrytest.Olareg)
	index, children, err := registrytest.PushIndex(ctx, f.remote, "multi", "m",
		"linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "unknown/unknown")
	if err != nil {
		t.Fatal(err)
	}
	s := f.run(t)
	platform := func(text string) oci.Platform {
		if text == "" {
			return oci.Platform{}
		}
		p, err := oci.ParsePlatform(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := []struct {
		tag, platform string
		want          oci.Digest
		err           error
	}{
		{"1", "", f.image, nil},
		{"multi", "", index, nil},
		{"multi", "linux/amd64", children["linux/amd64"], nil},
		{"multi", "linux/arm64", children["linux/arm64/v8"], nil},
		{"multi", "linux/arm/v7", children["linux/arm/v7"], nil},
		{"multi", "linux/arm", "", oci.ErrPlatformNotFound},
		{"multi", "linux/s390x", "", oci.ErrPlatformNotFound},
		{"1", "linux/amd64", "", oci.ErrNoPlatforms},
		{"nothing", "", "", oci.ErrNotFound},
	}
	for _, test := range tests {
		got, err := s.Resolve(ctx, f.remote.Repository().Tagged(test.tag), platform(test.platform))
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("Resolve(%s, %s) = %s, %v; want %s, %v", test.tag, test.platform, got, err, test.want, test.err)
		}
	}
	f.server.Reset()
	inParallel(50, func(int) {
		if _, err := s.Resolve(ctx, f.remote.Repository().Tagged("1"), oci.Platform{}); err != nil {
			t.Error(err)
		}
	})
	if n := len(f.server.Requests()); n != 0 {
		t.Errorf("%d requests for a tag that was resolved", n)
	}
}
