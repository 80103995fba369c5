package e2e

import (
	"context"
	"errors"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// server is a registry that stops when its test ends.
type server struct{ *servers.Server }

// durable returns the kinds of servers that store in a directory.
func durable() []servers.Kind {
	var kinds []servers.Kind
	for _, kind := range servers.Kinds {
		if kind.Durable {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// isShort reports whether short runs test with a kind: one has the API for referrers, the other has not.
func isShort(kind servers.Kind) bool { return kind.Name == "distribution" || kind.Name == "olareg" }

func start(t *testing.T, kind servers.Kind, options servers.Options) *server {
	t.Helper()
	s, err := kind.Start(options)
	if errors.Is(err, servers.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("starting %s: %v", kind.Title, err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("stopping %s: %v", kind.Title, err)
		}
	})
	return &server{s}
}

// open gives a test access to a repository by a client of its own.
func (s *server) open(t *testing.T, path string) *registry.Repository {
	t.Helper()
	name, err := oci.ParseRepository(s.Host+"/"+path, "")
	if err != nil {
		t.Fatal(err)
	}
	client := registry.NewClient(registry.Options{})
	t.Cleanup(client.Close)
	return client.Open(name)
}

// push stores an image with the tag 1 and returns its digest.
func (s *server) push(t *testing.T, path string) oci.Digest {
	t.Helper()
	digest, err := registrytest.PushImage(context.Background(), s.open(t, path), "1", "1")
	if err != nil {
		t.Fatal(err)
	}
	return digest
}
