package registry

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// secureServer starts a registry with TLS and returns its host and its certificate as PEM.
func secureServer(t *testing.T, configure func(*tls.Config)) (host string, ca []byte) {
	t.Helper()
	server := httptest.NewUnstartedServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // The server logs refused handshakes.
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	configure(server.TLS)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return strings.TrimPrefix(server.URL, "https://"), ca
}

// clientPair returns a self-signed certificate for a client, and its key.
func clientPair(t *testing.T) (certificate, key []byte, parsed *x509.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}), parsed
}

func TestCertificates(t *testing.T) {
	certificate, key, parsed := clientPair(t)
	open, ca := secureServer(t, func(*tls.Config) {})
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	mutual, mutualCA := secureServer(t, func(c *tls.Config) {
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool
	})
	dirs := t.TempDir()
	write := func(host, name string, content []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dirs, host), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dirs, host, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(mutual, "ca.crt", mutualCA)
	write(mutual, "client.cert", certificate)
	write(mutual, "client.key", key)

	withClient := TLSConfig{CACertificate: mutualCA, ClientCertificate: certificate, ClientKey: key}
	for name, test := range map[string]struct {
		host string
		tls  TLSConfig
		dirs []string
		want error
	}{
		"unknown authority":         {host: open, want: ErrCertificate},
		"authority":                 {host: open, tls: TLSConfig{CACertificate: ca}, want: oci.ErrNotFound},
		"not verified":              {host: open, tls: TLSConfig{InsecureSkipVerify: true}, want: oci.ErrNotFound},
		"no client certificate":     {host: mutual, tls: TLSConfig{CACertificate: mutualCA}, want: ErrClientCertificate},
		"client certificate":        {host: mutual, tls: withClient, want: oci.ErrNotFound},
		"directory":                 {host: mutual, dirs: []string{filepath.Join(dirs, "none"), dirs}, want: oci.ErrNotFound},
		"directory, other registry": {host: open, dirs: []string{dirs}, want: ErrCertificate},
		"unusable":                  {host: open, tls: TLSConfig{CACertificate: []byte("x")}, want: ErrTLSConfig},
	} {
		r := openHost(t, test.host, Options{
			Registries:      map[string]HostConfig{test.host: {Scheme: "https", TLS: test.tls}},
			CertDirectories: test.dirs,
		})
		if _, err := r.GetManifest(context.Background(), "tag"); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	write(open, "client.cert", certificate)
	r := openHost(t, open, Options{
		Registries: map[string]HostConfig{open: {Scheme: "https"}}, CertDirectories: []string{dirs},
	})
	_, err := r.GetManifest(context.Background(), "tag")
	if !errors.Is(err, ErrTLSConfig) || !strings.Contains(err.Error(), "client.cert") {
		t.Errorf("a certificate without a key: %v", err)
	}
}

// Certificates are read by the first request to a registry and not by Open, which holds the client's lock: slow files
// of one registry hold up no other.
func TestCertificatesAreReadWithoutTheLock(t *testing.T) {
	server := serve(t, never)
	host := strings.TrimPrefix(server.URL, "http://")
	client := NewClient(Options{CertDirectories: []string{t.TempDir()}})
	t.Cleanup(client.Close)
	at := func(host string) *Repository {
		t.Helper()
		repository, err := oci.ParseRepository(host+"/app", "")
		if err != nil {
			t.Fatal(err)
		}
		return client.Open(repository)
	}
	slow := at("slow.example.com")
	if slow.host.transport.loaded.Load() != nil {
		t.Error("Open has read the certificates")
	}
	reading, proceed := make(chan struct{}), make(chan struct{})
	errDisk := errors.New("the disk is gone")
	slow.host.transport.load = func() (transports, error) {
		close(reading)
		<-proceed
		return transports{}, errDisk
	}
	failed := make(chan error, 1)
	go func() {
		_, err := slow.GetManifest(context.Background(), "tag")
		failed <- err
	}()
	<-reading
	if _, err := at(host).GetManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("a request to another registry: %v", err)
	}
	client.Close()
	close(proceed)
	if err := <-failed; !errors.Is(err, errDisk) {
		t.Errorf("a request whose certificates cannot be read: %v", err)
	}
}

// A registry without TLS has another error than one that cannot be reached.
func TestNoTLS(t *testing.T) {
	server := serve(t, never)
	host := strings.TrimPrefix(server.URL, "http://")
	r := openHost(t, host, Options{Registries: map[string]HostConfig{host: {Scheme: "https"}}, Backoff: time.Hour})
	if _, err := r.GetManifest(context.Background(), "tag"); !errors.Is(err, ErrNoTLS) {
		t.Errorf("GetManifest: %v", err)
	}
}

// The client's certificate and InsecureSkipVerify apply to the registry, and not to the storage that it redirects to.
func TestForeignTLS(t *testing.T) {
	certificate, key, _ := clientPair(t)
	own, foreign, err := tlsConfigs(HostConfig{TLS: TLSConfig{
		ClientCertificate: certificate, ClientKey: key, CACertificate: certificate, InsecureSkipVerify: true}}, nil)
	if err != nil || len(own.Certificates) != 1 || !own.InsecureSkipVerify || own.RootCAs == nil {
		t.Errorf("own: %+v, %v", own, err)
	}
	if foreign == nil || len(foreign.Certificates) != 0 || foreign.InsecureSkipVerify || foreign.RootCAs == nil {
		t.Errorf("foreign: %+v", foreign)
	}
	if own, foreign, err := tlsConfigs(HostConfig{}, nil); own != nil || foreign != nil || err != nil {
		t.Errorf("without settings: %v, %v, %v", own, foreign, err)
	}
	for name, c := range map[string]TLSConfig{
		"certificate without key": {ClientCertificate: certificate}, "key without certificate": {ClientKey: key},
		"not a pair": {ClientCertificate: certificate, ClientKey: certificate}, "not a certificate": {CACertificate: key},
	} {
		if c.Validate() == nil {
			t.Errorf("%s is valid", name)
		}
	}
}
