package notationtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// Subject returns the subject of the signing certificates that Issue makes. Its common name is name.
func Subject(name string) pkix.Name {
	return pkix.Name{
		Country: []string{"DE"}, Province: []string{"Berlin"}, Organization: []string{"Example"}, CommonName: name,
	}
}

// TrustedIdentity is an identity that the certificates of Issue have, as notation.VerifierOptions takes it.
const TrustedIdentity = "x509.subject: C=DE, ST=Berlin, O=Example"

// Authority is a certificate authority with a root and an intermediate certificate.
type Authority struct {
	root, intermediate pair
}

type pair struct {
	key         crypto.Signer
	certificate *x509.Certificate
}

// NewAuthority returns an authority, which is valid from a year ago for ten years.
func NewAuthority(tb testing.TB, name string) *Authority {
	tb.Helper()
	a := &Authority{}
	a.root = issue(tb, authorityTemplate(name+" root"), newKey(tb), nil)
	a.intermediate = issue(tb, authorityTemplate(name+" intermediate"), newKey(tb), &a.root)
	return a
}

func authorityTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:               Subject(name),
		NotBefore:             time.Now().Add(-365 * 24 * time.Hour),
		NotAfter:              time.Now().Add(9 * 365 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
}

// Root returns the root certificate.
func (a *Authority) Root() *x509.Certificate { return a.root.certificate }

// RootPEM returns the root certificate in PEM.
func (a *Authority) RootPEM() []byte { return PEM(a.root.certificate) }

// Edit changes the template of a signing certificate.
type Edit func(template *x509.Certificate)

// Edits of certificates that cannot sign.
var (
	// Expired ended a day ago.
	Expired Edit = func(template *x509.Certificate) { template.NotAfter = time.Now().Add(-24 * time.Hour) }
	// NotYetValid begins tomorrow.
	NotYetValid Edit = func(template *x509.Certificate) { template.NotBefore = time.Now().Add(24 * time.Hour) }
	// AsCA is the certificate of an authority.
	AsCA Edit = func(template *x509.Certificate) {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	}
	// WithoutKeyUsage does not say what it is for.
	WithoutKeyUsage Edit = func(template *x509.Certificate) { template.KeyUsage = 0 }
)

// Named sets the subject.
func Named(subject pkix.Name) Edit {
	return func(template *x509.Certificate) { template.Subject = subject }
}

// Issue returns a signing certificate with a new EC key on P-256. Without edits it may sign, from a month ago on for a
// year, and its subject is Subject(name).
func (a *Authority) Issue(tb testing.TB, name string, edits ...Edit) Identity {
	tb.Helper()
	return a.IssueFor(tb, name, newKey(tb), edits...)
}

// IssueFor returns a signing certificate for a key.
func (a *Authority) IssueFor(tb testing.TB, name string, key crypto.Signer, edits ...Edit) Identity {
	tb.Helper()
	template := &x509.Certificate{
		Subject:     Subject(name),
		NotBefore:   time.Now().Add(-30 * 24 * time.Hour),
		NotAfter:    time.Now().Add(335 * 24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	for _, edit := range edits {
		edit(template)
	}
	leaf := issue(tb, template, key, &a.intermediate)
	return Identity{
		Key:   key,
		Chain: []*x509.Certificate{leaf.certificate, a.intermediate.certificate, a.root.certificate},
	}
}

// Identity is what signs: a private key and its certificates.
type Identity struct {
	Key crypto.Signer
	// Chain begins with the signing certificate and ends with the root.
	Chain []*x509.Certificate
}

// KeyPEM returns the private key in PEM, as PKCS#8.
func (i Identity) KeyPEM(tb testing.TB) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.Key)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// ChainPEM returns the certificates in PEM.
func (i Identity) ChainPEM() []byte { return PEM(i.Chain...) }

// PEM returns certificates in PEM.
func PEM(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return text
}

func newKey(tb testing.TB) crypto.Signer {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// issue returns a certificate, issued by itself if there is no issuer.
func issue(tb testing.TB, template *x509.Certificate, key crypto.Signer, issuer *pair) pair {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	template.SerialNumber = serial
	if issuer == nil {
		issuer = &pair{key: key, certificate: template}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.certificate, key.Public(), issuer.key)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return pair{key: key, certificate: certificate}
}

// RevocationList returns a list of revoked certificates (CRL) of what issues signing certificates, in DER.
func (a *Authority) RevocationList(tb testing.TB, revoked ...*x509.Certificate) []byte {
	tb.Helper()
	list := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
	}
	for _, certificate := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: certificate.SerialNumber, RevocationTime: time.Now().Add(-time.Minute),
		})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.intermediate.certificate, a.intermediate.key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

// WithRevocationList sets where the list of revoked certificates is.
func WithRevocationList(url string) Edit {
	return func(template *x509.Certificate) { template.CRLDistributionPoints = []string{url} }
}
