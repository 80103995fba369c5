// Package servers starts real registry servers on free loopback ports: distribution 3.1, olareg,
// go-containerregistry's and CUE's in this process, and distribution 2.8 as the program docker-registry, as
// Debian packages it.
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

// ErrNotInstalled says that the server is a program that this machine does not have.
var ErrNotInstalled = errors.New("not installed")

// Kind is an implementation of a registry.
type Kind struct {
	// Name is how the command line names it, Title how people do.
	Name, Title string
	// Start starts an empty one.
	Start func(Options) (*Server, error)
	// Durable ones keep what they store in a directory, and have a garbage collector.
	Durable bool
	// Secured ones know the options for authentication and TLS.
	Secured bool
}

// Kinds are all of them.
var Kinds = []Kind{
	{"distribution", "distribution 3.1", startDistribution, true, true},
	{"docker-registry", "distribution 2.8", startDockerRegistry, true, true},
	{"olareg", "olareg", startOlareg, true, false},
	{"ggcr", "go-containerregistry", startGGCR, false, false},
	{"ociregistry", "CUE's ociregistry", startCUE, false, false},
}

// Find returns the kind of a name.
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

// Options secure a server. The zero value is open to everyone, over HTTP.
type Options struct {
	// TLS is the server's certificate, and the authority of the clients' where it wants one.
	TLS *TLS
	// Htpasswd is a file of users and bcrypt hashes of their passwords.
	Htpasswd string
	// Token is the token service that the server sends clients to.
	Token *Token
}

// TLS names files in PEM form.
type TLS struct{ Certificate, Key, ClientCA string }

// Token is what a server of distribution knows of its token service.
type Token struct {
	// Realm is its URL.
	Realm string
	// Service is the server's own name there, Issuer the name that it signs with, Certificates a PEM file of its.
	Service, Issuer, Certificates string
}

// Server is a registry that runs.
type Server struct {
	// Host is its address as references write it.
	Host string
	// Scheme is http or https.
	Scheme string

	collect func(repository string, untagged bool) error
	stop    func() error
}

// URL is where the registry is.
func (s *Server) URL() string { return s.Scheme + "://" + s.Host }

// Collect runs the garbage collector of a durable server once; untagged lets it delete manifests without a
// tag, too. The repository is one that has to be collected. Host may be another one afterwards.
func (s *Server) Collect(repository string, untagged bool) error {
	return s.collect(repository, untagged)
}

// Close stops the server and removes what it stored.
func (s *Server) Close() error { return s.stop() }

// readTimeout is how long a client may take for the head of a request.
const readTimeout = time.Minute

// listen serves a handler on a free port.
func listen(handler http.Handler, files *TLS) (host, scheme string, shut func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // It takes no time.
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
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
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

// newDirectory makes a directory for a server, and what removes it.
func newDirectory() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "registry")
	return filepath.Clean(dir), func() error { return os.RemoveAll(dir) }, err
}

// inMemory starts a server that is a handler and keeps nothing.
func inMemory(handler http.Handler) (*Server, error) {
	host, scheme, shut, err := listen(handler, nil)
	if err != nil {
		return nil, err
	}
	return &Server{Host: host, Scheme: scheme, stop: shut}, nil
}
