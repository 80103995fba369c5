package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
)

var errNotFound = errors.New("the repository to collect has no manifesto")

func startOlareg(Options) (*Server, error) {
	root, remove, err := newDirectory()
	if err != nil {
		return nil, err
	}
	deletes := true
	s := &Server{}
	var shut func() error
	open := func(gc config.ConfigGC) error {
		registry := olareg.New(config.Config{
			Storage: config.ConfigStorage{StoreType: config.StoreDir, RootDir: root, GC: gc},
			API:     config.ConfigAPI{DeleteEnabled: &deletes, Blob: config.ConfigAPIBlob{DeleteEnabled: &deletes}},
		})
		host, scheme, unlisten, err := listen(registry, nil)
		if err != nil {
			return errors.Join(err, registry.Close())
		}
		s.Host, s.Scheme = host, scheme
		shut = func() error { return errors.Join(unlisten(), registry.Close()) }
		return nil
	}
	never := config.ConfigGC{Frequency: -1}
	if err := open(never); err != nil {
		return nil, errors.Join(err, remove())
	}
	// olareg collects a repository when it closes, if someone read from the repository before.
	s.collect = func(repository string, untagged bool) error {
		if err := shut(); err != nil {
			return err
		}
		if err := open(config.ConfigGC{Frequency: -1, GracePeriod: -1, Untagged: &untagged}); err != nil {
			return err
		}
		if err := s.look(repository); err != nil {
			return err
		}
		if err := shut(); err != nil {
			return err
		}
		return open(never)
	}
	s.stop = func() error { return errors.Join(shut(), remove()) }
	return s, nil
}

// look reads a repository's manifesto.
func (s *Server) look(repository string) error {
	address := s.URL() + "/v2/" + repository + "/manifests/_manifesto"
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json") // Otherwise olareg answers 404.
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%w: %s: %s", errNotFound, repository, response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

func startGGCR(Options) (*Server, error) {
	return inMemory(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
}

func startCUE(Options) (*Server, error) {
	return inMemory(ociserver.New(ocimem.New(), nil))
}
