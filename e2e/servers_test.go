// Package e2e tests the provider and its commit protocol against real registry servers: distribution 3.1
// and olareg in this process, and distribution 2.8 as the program docker-registry, as Debian packages it.
package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
	"github.com/sirupsen/logrus"
)

// server is a registry that keeps what it stores in a directory.
type server struct {
	// host is its address as references write it.
	host string
	// collect runs its garbage collector once; untagged lets it delete manifests without a tag, too.
	collect func(t *testing.T, untagged bool)
}

// kind is an implementation of a registry.
type kind struct {
	name  string
	start func(t *testing.T) *server
}

var kinds = []kind{
	{"distribution 3.1", startDistribution},
	{"distribution 2.8", startDockerRegistry},
	{"olareg", startOlareg},
}

func startDistribution(t *testing.T) *server {
	t.Helper()
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	root := t.TempDir()
	settings := &configuration.Configuration{
		Storage: configuration.Storage{"filesystem": {"rootdirectory": root}, "delete": {"enabled": true}},
	}
	logrus.SetOutput(io.Discard)
	settings.HTTP.Secret = "of a test"
	ctx, cancel := context.WithCancel(context.Background())
	http := httptest.NewServer(handlers.NewApp(ctx, settings))
	t.Cleanup(func() {
		http.Close()
		cancel()
	})
	return &server{host: strings.TrimPrefix(http.URL, "http://"), collect: func(t *testing.T, untagged bool) {
		t.Helper()
		driver := filesystem.New(filesystem.DriverParameters{RootDirectory: root, MaxThreads: 100})
		names, err := storage.NewRegistry(ctx, driver)
		if err == nil {
			err = storage.MarkAndSweep(ctx, driver, names, storage.GCOpts{RemoveUntagged: untagged, Quiet: true})
		}
		if err != nil {
			t.Fatalf("collecting: %v", err)
		}
	}}
}

// dockerRegistry is how Debian names distribution 2.8.
const dockerRegistry = "docker-registry"

var listening = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)

func startDockerRegistry(t *testing.T) *server {
	t.Helper()
	program, err := exec.LookPath(dockerRegistry)
	if err != nil {
		t.Skipf("%s is not installed (Debian: apt-get install %s)", dockerRegistry, dockerRegistry)
	}
	dir := t.TempDir()
	settings := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog:\n  level: info\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: %s\n"+
		"  delete:\n    enabled: true\nhttp:\n  addr: 127.0.0.1:0\n  secret: of a test\n", filepath.Join(dir, "store"))
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "serve", settings)
	output, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	t.Cleanup(func() {
		if err := command.Process.Kill(); err != nil {
			t.Errorf("stopping %s: %v", program, err)
		}
		_ = command.Wait() // It says that it was killed.
	})
	host := make(chan string)
	go func() {
		defer close(host)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				host <- found[1]
			}
		}
	}()
	select {
	case address, ok := <-host:
		if !ok {
			t.Fatalf("%s ended without listening", program)
		}
		return &server{host: address, collect: func(t *testing.T, untagged bool) {
			t.Helper()
			args := []string{"garbage-collect"}
			if untagged {
				args = append(args, "-m")
			}
			if output, err := exec.Command(program, append(args, settings)...).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, output)
			}
		}}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not listen", program)
	}
	return nil
}

func startOlareg(t *testing.T) *server {
	t.Helper()
	root := t.TempDir()
	open := func(gc config.ConfigGC) (*olareg.Server, *httptest.Server) {
		deletes := true
		s := olareg.New(config.Config{
			Storage: config.ConfigStorage{StoreType: config.StoreDir, RootDir: root, GC: gc},
			API:     config.ConfigAPI{DeleteEnabled: &deletes, Blob: config.ConfigAPIBlob{DeleteEnabled: &deletes}},
		})
		return s, httptest.NewServer(s)
	}
	registry, http := open(config.ConfigGC{Frequency: -1})
	shut := func(t *testing.T) {
		t.Helper()
		http.Close()
		if err := registry.Close(); err != nil {
			t.Errorf("stopping olareg: %v", err)
		}
	}
	t.Cleanup(func() { shut(t) })
	result := &server{host: strings.TrimPrefix(http.URL, "http://")}
	// It collects a repository that was looked at when it is closed.
	result.collect = func(t *testing.T, untagged bool) {
		t.Helper()
		shut(t)
		registry, http = open(config.ConfigGC{Frequency: -1, GracePeriod: -1, Untagged: &untagged})
		result.host = strings.TrimPrefix(http.URL, "http://")
		if _, err := result.open(t, collected).HeadManifest(context.Background(), manifesto.Tag); err != nil {
			t.Fatal(err)
		}
		shut(t)
		registry, http = open(config.ConfigGC{Frequency: -1})
		result.host = strings.TrimPrefix(http.URL, "http://")
	}
	return result
}

// open gives a test direct access to a repository.
func (s *server) open(t *testing.T, path string) *registry.Remote {
	t.Helper()
	name, err := registry.ParseRepository(s.host+"/"+path, "")
	if err != nil {
		t.Fatal(err)
	}
	client := registry.NewClient(registry.Options{})
	t.Cleanup(client.Close)
	return client.Open(name)
}

// push stores an image and returns its digest.
func (s *server) push(t *testing.T, path, tag string) registry.Digest {
	t.Helper()
	digest, err := registrytest.PushImage(context.Background(), s.open(t, path), tag, tag)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}
