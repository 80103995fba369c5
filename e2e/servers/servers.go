package servers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ErrNotInstalled means that the server is a program which this machine does not have.
var ErrNotInstalled = errors.New("not installed")

// Kind is an implementation of a registry.
type Kind struct {
	// Name is the name on the command line.
	Name string
	// Title is the name that people use.
	Title string
	// Start starts an empty registry. ErrNotInstalled means that its program is missing.
	Start func(Options) (*Server, error)
	// Durable means that the server stores in a directory and has a garbage collector.
	Durable bool
	// Secured means that the server supports the options for authentication and TLS.
	Secured bool
}

// Kinds lists all kinds of servers.
var Kinds = []Kind{
	{"distribution", "distribution 3.1", startDistribution, true, true},
	{"docker-registry", "distribution 2.8", startDockerRegistry, true, true},
	{"olareg", "olareg", startOlareg, true, false},
	{"ggcr", "go-containerregistry", startGGCR, false, false},
	{"ociregistry", "CUE's ociregistry", startCUE, false, false},
}

// Find returns the kind with a name. The error for an unknown name lists the known ones.
func Find(name string) (Kind, error) {
	var names []string
	for _, kind := range Kinds {
		if kind.Name == name {
			return kind, nil
		}
		names = append(names, kind.Name)
	}
	return Kind{}, fmt.Errorf("no registry %q: there are %s", name, strings.Join(names, ", "))
}

// Options secure a server. With the zero value it speaks HTTP and lets everyone read and write.
type Options struct {
	// TLS has the server's certificate and, if clients need certificates, their authority. Nil means HTTP.
	TLS *TLS
	// Htpasswd names a file of users and bcrypt hashes of their passwords. Empty means no passwords.
	Htpasswd string
	// Token is the token service to which the server sends clients. Nil means none.
	Token *Token
}

// TLS has the names of files in PEM form. An empty ClientCA means that clients need no certificate.
type TLS struct{ Certificate, Key, ClientCA string }

// Token describes the token service of a server.
type Token struct {
	// Realm is the URL of the token service.
	Realm string
	// Service is the name of the server at the token service.
	Service string
	// Issuer is the name with which the token service signs.
	Issuer string
	// Certificates names a PEM file with the authority of the token service's signing certificate.
	Certificates string
}

// Server is a running registry.
type Server struct {
	// Host is the registry's address as it stands in references: host and port.
	Host string
	// Scheme is http or https.
	Scheme string

	collect func(repository string, untagged bool) error
	stop    func() error
}

// URL returns the URL of the registry.
func (s *Server) URL() string { return s.Scheme + "://" + s.Host }

// Collect runs the garbage collector of a durable server once, at least on a repository. With untagged, it also deletes
// manifests without a tag. Host may change.
func (s *Server) Collect(repository string, untagged bool) error {
	return s.collect(repository, untagged)
}

// Close stops the server and removes its directory.
func (s *Server) Close() error { return s.stop() }

// readTimeout limits the time in which a client must send the head of a request.
const readTimeout = time.Minute

// listen serves a handler on a free port.
func listen(handler http.Handler, files *TLS) (host, scheme string, shut func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It does not block.
	if err != nil {
		return "", "", nil, err
	}
	host, scheme = listener.Addr().String(), "http"
	if files != nil {
		config, err := files.config()
		if err != nil {
			return "", "", nil, errors.Join(err, listener.Close())
		}
		listener, scheme = tls.NewListener(listener, config), "https"
	}
	// Clients that give up a TLS handshake are part of the tests.
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return host, scheme, func() error {
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

var errNoCertificate = errors.New("no certificate in PEM form")

func (f *TLS) config() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}
	if f.ClientCA == "" {
		return config, nil
	}
	text, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, err
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: %w", f.ClientCA, errNoCertificate)
	}
	return config, nil
}

// newDirectory makes a directory for a server. The function that it returns removes it.
func newDirectory() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "registry")
	return filepath.Clean(dir), func() error { return os.RemoveAll(dir) }, err
}

// inMemory starts a server that stores in memory.
func inMemory(handler http.Handler) (*Server, error) {
	host, scheme, shut, err := listen(handler, nil)
	if err != nil {
		return nil, err
	}
	return &Server{Host: host, Scheme: scheme, stop: shut}, nil
}
