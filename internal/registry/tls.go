package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// TLSConfig is the user's TLS settings for one registry. The zero value means the system's certificate authorities and
// no client certificate.
type TLSConfig struct {
	// CACertificate is PEM: authorities that are trusted in addition to the system's.
	CACertificate []byte
	// ClientCertificate and ClientKey are PEM: the certificate by which the registry knows the client, and its key. Both
	// are set, or neither.
	ClientCertificate, ClientKey []byte
	// InsecureSkipVerify accepts any certificate of the registry and its token service.
	InsecureSkipVerify bool
}

// Errors of TLS settings.
var (
	errNoCertificate = errors.New("no certificate in PEM form")
	errNoKey         = errors.New("a client certificate without its key")
)

// Validate reports what is wrong with the settings.
func (c TLSConfig) Validate() error {
	_, _, err := tlsConfigs(HostConfig{TLS: c}, nil)
	return err
}

// SystemCertDirectories returns the directories in which Docker and Podman look for a subdirectory named after a
// registry. Of its files, *.crt are authorities, and *.cert with *.key are the client's certificate and key.
func SystemCertDirectories() []string {
	dirs := []string{"/etc/containers/certs.d", "/etc/docker/certs.d"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append([]string{filepath.Join(home, ".config", "containers", "certs.d")}, dirs...)
	}
	return dirs
}

// certDirectories returns the subdirectories of dirs that exist for a registry.
func certDirectories(dirs []string, host string) []string {
	var found []string
	for _, parent := range dirs {
		for _, name := range oci.HostSpellings(host) {
			dir := filepath.Join(parent, name)
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				found = append(found, dir)
			}
		}
	}
	return found
}

// tlsConfigs returns the TLS configuration for the registry itself, and for hosts that it redirects to; nil means Go's
// default. The client's certificate and InsecureSkipVerify apply to the registry only.
func tlsConfigs(host HostConfig, dirs []string) (own, foreign *tls.Config, err error) {
	found := material{settings: host.TLS}
	for _, dir := range dirs {
		if err = found.read(dir); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
	var roots *x509.CertPool
	if len(found.authorities) > 0 || len(host.TLS.CACertificate) > 0 {
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
		for _, pem := range append(found.authorities, host.TLS.CACertificate) {
			if len(pem) > 0 && !roots.AppendCertsFromPEM(pem) {
				return nil, nil, fmt.Errorf("certificate authorities: %w", errNoCertificate)
			}
		}
		foreign = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	client, err := found.client()
	if err != nil {
		return nil, nil, err
	}
	if roots == nil && client == nil && !host.TLS.InsecureSkipVerify {
		return nil, nil, nil
	}
	own = &tls.Config{
		RootCAs: roots, Certificates: client, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: host.TLS.InsecureSkipVerify, //nolint:gosec // The user asks for it.
	}
	return own, foreign, nil
}

// material is the certificates and keys for one host.
type material struct {
	settings    TLSConfig
	authorities [][]byte
	pairs       []tls.Certificate
}

// read reads a directory in the layout of Docker's and Podman's certs.d. It skips files that this user may not read,
// such as a daemon's key.
func (m *material) read(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ignorePermission(err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch filepath.Ext(path) {
		case ".crt":
			pem, err := os.ReadFile(path) //nolint:gosec // The directories are those of certificates.
			if ignorePermission(err) != nil {
				return err
			}
			m.authorities = append(m.authorities, pem)
		case ".cert":
			if err := ignorePermission(m.readPair(path)); err != nil {
				return fmt.Errorf("%s: %w", entry.Name(), err)
			}
		}
	}
	return nil
}

// readPair reads a client's certificate and its key, unless the settings have them.
func (m *material) readPair(path string) error {
	if m.settings.hasClient() {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(path, strings.TrimSuffix(path, ".cert")+".key")
	if errors.Is(err, os.ErrNotExist) {
		return errNoKey
	}
	if err != nil {
		return err
	}
	m.pairs = append(m.pairs, pair)
	return nil
}

func ignorePermission(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	return err
}

func (c TLSConfig) hasClient() bool { return len(c.ClientCertificate) > 0 || len(c.ClientKey) > 0 }

// client returns the client's certificates: the one of the settings, or else those of the directories.
func (m *material) client() ([]tls.Certificate, error) {
	s := m.settings
	if !s.hasClient() {
		return m.pairs, nil
	}
	if len(s.ClientCertificate) == 0 || len(s.ClientKey) == 0 {
		return nil, errNoKey
	}
	pair, err := tls.X509KeyPair(s.ClientCertificate, s.ClientKey)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return []tls.Certificate{pair}, nil
}
