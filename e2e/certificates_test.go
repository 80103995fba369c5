package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"golang.org/x/crypto/bcrypt"
)

// authority is a certificate authority for one test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	// file names the certificate's file in PEM form.
	file string
}

// lifetime of a certificate; no test runs for longer.
const lifetime = 24 * time.Hour

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := template("authority of a test")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	a.certificate, a.file = a.sign(t, template, template, a.key)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // The system has no random numbers.
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lifetime),
	}
}

// sign signs a certificate and writes it to a file, whose name it returns.
func (a *authority) sign(
	t *testing.T, template, parent *x509.Certificate, key *ecdsa.PrivateKey,
) (certificate *x509.Certificate, file string) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, writePEM(t, "CERTIFICATE", der)
}

// issue makes a certificate for hosts and returns the names of its file and of its key's file.
func (a *authority) issue(t *testing.T, usage x509.ExtKeyUsage, names ...string) (certificate, key string) {
	t.Helper()
	own := newKey(t)
	template := template(names[0])
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{usage}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	_, certificate = a.sign(t, template, a.certificate, own)
	der, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, writePEM(t, "PRIVATE KEY", der)
}

// server returns the files for a server at some hosts.
func (a *authority) server(t *testing.T, hosts ...string) *servers.TLS {
	t.Helper()
	certificate, key := a.issue(t, x509.ExtKeyUsageServerAuth, hosts...)
	return &servers.TLS{Certificate: certificate, Key: key}
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	return writeFile(t, "file.pem", string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

// writeFile writes a file into a new directory.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// htpasswd writes a file of users and passwords, which alternate in the arguments, and returns its name.
func htpasswd(t *testing.T, usersAndPasswords ...string) string {
	t.Helper()
	var text strings.Builder
	for i := 0; i+1 < len(usersAndPasswords); i += 2 {
		hash, err := bcrypt.GenerateFromPassword([]byte(usersAndPasswords[i+1]), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s:%s\n", usersAndPasswords[i], hash)
	}
	return writeFile(t, "htpasswd", text.String())
}
