package registrytest

import (
	"context"
	"slices"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// New starts a registry and stops it when the test ends.
func New(t testing.TB, options Options) *Server {
	t.Helper()
	s, err := Start(options)
	if err != nil {
		t.Fatalf("starting a registry: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("stopping the registry: %v", err)
		}
	})
	return s
}

// Open gives a test access to a repository of the server by a client of its own.
func (s *Server) Open(t testing.TB, path string, options registry.Options) *registry.Repository {
	t.Helper()
	repository, err := oci.ParseRepository(s.Host()+"/"+path, "")
	if err != nil {
		t.Fatalf("parsing a repository: %v", err)
	}
	client := registry.NewClient(options)
	t.Cleanup(client.Close)
	return client.Open(repository)
}

// Image pushes an image for a test and returns its digest.
func (s *Server) Image(t testing.TB, path, tag, seed string) oci.Digest {
	t.Helper()
	digest, err := PushImage(context.Background(), s.Open(t, path, registry.Options{}), tag, seed)
	if err != nil {
		t.Fatalf("pushing %s:%s: %v", path, tag, err)
	}
	return digest
}

// Refused ends a test because the registry refused what the test needs to have there. The test fails with an embedded
// registry, which should take everything, and is skipped with a registry that the environment names.
func Refused(t testing.TB, what string, err error) {
	t.Helper()
	if slices.Contains(Kinds, External) {
		t.Skipf("this registry refuses %s: %v", what, err)
	}
	t.Fatalf("%s: %v", what, err)
}
