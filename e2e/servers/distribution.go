package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // Registers itself.
	_ "github.com/distribution/distribution/v3/registry/auth/token"    // Registers itself.
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"
)

// httpSecret signs distribution's upload locations.
const httpSecret = "of a test"

// authRealm is the realm in distribution's challenge for a password.
const authRealm = "e2e"

func startDistribution(options Options) (*Server, error) {
	// By default distribution looks for a collector of traces and logs every request.
	if err := os.Setenv("OTEL_TRACES_EXPORTER", "none"); err != nil {
		return nil, err
	}
	logrus.SetOutput(io.Discard)
	root, remove, err := newDirectory()
	if err != nil {
		return nil, err
	}
	settings := &configuration.Configuration{
		Storage: configuration.Storage{"filesystem": {"rootdirectory": root}, "delete": {"enabled": true}},
	}
	settings.HTTP.Secret = httpSecret
	switch {
	case options.Htpasswd != "":
		settings.Auth = configuration.Auth{"htpasswd": {"realm": authRealm, "path": options.Htpasswd}}
	case options.Token != nil:
		settings.Auth = configuration.Auth{"token": {
			"realm": options.Token.Realm, "service": options.Token.Service, "issuer": options.Token.Issuer,
			"rootcertbundle": options.Token.Certificates,
		}}
	}
	ctx, cancel := context.WithCancel(context.Background())
	host, scheme, shut, err := listen(handlers.NewApp(ctx, settings), options.TLS)
	if err != nil {
		cancel()
		return nil, errors.Join(err, remove())
	}
	return &Server{
		Host: host, Scheme: scheme,
		collect: func(_ string, untagged bool) error {
			driver := filesystem.New(filesystem.DriverParameters{RootDirectory: root, MaxThreads: 100})
			names, err := storage.NewRegistry(ctx, driver)
			if err != nil {
				return err
			}
			return storage.MarkAndSweep(ctx, driver, names, storage.GCOpts{RemoveUntagged: untagged, Quiet: true})
		},
		stop: func() error {
			err := shut()
			cancel()
			return errors.Join(err, remove())
		},
	}, nil
}

// dockerRegistry is Debian's name of distribution 2.8.
const dockerRegistry = "docker-registry"

// startPatience limits the time in which a program must start to listen.
const startPatience = 30 * time.Second

var (
	listening    = regexp.MustCompile(`listening on (127\.0\.0\.1:\d+)`)
	errListening = errors.New(dockerRegistry + " does not listen")
)

func startDockerRegistry(options Options) (*Server, error) {
	program, err := exec.LookPath(dockerRegistry)
	if err != nil {
		return nil, fmt.Errorf("%w: %s (Debian: apt-get install %s)", ErrNotInstalled, dockerRegistry, dockerRegistry)
	}
	dir, remove, err := newDirectory()
	if err != nil {
		return nil, err
	}
	settings := filepath.Join(dir, "config.yml")
	if err = os.WriteFile(settings, []byte(options.yaml(filepath.Join(dir, "store"))), 0o600); err != nil {
		return nil, errors.Join(err, remove())
	}
	//nolint:gosec // The installed program.
	command := exec.CommandContext(context.Background(), program, "serve", settings)
	output, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	stop := func() error {
		err := command.Process.Kill()
		_ = command.Wait() // The error only says that it was killed.
		return errors.Join(err, remove())
	}
	host := make(chan string)
	go func() {
		defer close(host)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				host <- found[1]
			}
		}
	}()
	address := ""
	select {
	case address = <-host:
	case <-time.After(startPatience):
	}
	if address == "" {
		return nil, errors.Join(errListening, stop())
	}
	scheme := "http"
	if options.TLS != nil {
		scheme = "https"
	}
	collect := func(_ string, untagged bool) error {
		args := []string{"garbage-collect"}
		if untagged {
			args = append(args, "-m")
		}
		//nolint:gosec // The installed program.
		command := exec.CommandContext(context.Background(), program, append(args, settings)...)
		output, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, output)
		}
		return nil
	}
	return &Server{Host: address, Scheme: scheme, collect: collect, stop: stop}, nil
}

// yaml returns the configuration of distribution 2.8 with a directory to store in.
func (o Options) yaml(store string) string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("version: 0.1")
	line("log:\n  level: info\n  accesslog:\n    disabled: true")
	line("storage:\n  filesystem:\n    rootdirectory: %q\n  delete:\n    enabled: true", store)
	line("http:\n  addr: 127.0.0.1:0\n  secret: %s", httpSecret)
	if o.TLS != nil {
		line("  tls:\n    certificate: %q\n    key: %q", o.TLS.Certificate, o.TLS.Key)
		if o.TLS.ClientCA != "" {
			line("    clientcas: [%q]", o.TLS.ClientCA)
		}
	}
	switch {
	case o.Htpasswd != "":
		line("auth:\n  htpasswd:\n    realm: %s\n    path: %q", authRealm, o.Htpasswd)
	case o.Token != nil:
		line("auth:\n  token:\n    realm: %q\n    service: %q\n    issuer: %q\n    rootcertbundle: %q",
			o.Token.Realm, o.Token.Service, o.Token.Issuer, o.Token.Certificates)
	}
	return text.String()
}
