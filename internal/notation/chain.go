package notation

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	nx509 "github.com/notaryproject/notation-core-go/x509"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}

// nameOf returns how errors call a certificate.
func nameOf(certificate *x509.Certificate) string {
	return fmt.Sprintf("certificate %q (valid from %s to %s)", oci.Printable(certificate.Subject.String()),
		certificate.NotBefore.UTC().Format(time.RFC3339), certificate.NotAfter.UTC().Format(time.RFC3339))
}

// checkChain checks a certificate chain for signing by the rules of the Notary Project. notation-go checks them as
// well, with texts that do not say which certificate to change, and how.
func checkChain(chain []*x509.Certificate, now time.Time) error {
	if err := checkLeaf(chain[0]); err != nil {
		return err
	}
	if err := checkIssuers(chain); err != nil {
		return err
	}
	if err := checkValidity(chain, now); err != nil {
		return err
	}
	if err := nx509.ValidateCodeSigningCertChain(chain, &now); err != nil {
		return fmt.Errorf("the chain breaks a rule of the Notary Project: %w", err)
	}
	return nil
}

// checkKey checks that the key is that of the signing certificate.
func checkKey(key crypto.Signer, chain []*x509.Certificate) error {
	own, ok := key.Public().(interface {
		Equal(other crypto.PublicKey) bool
	})
	if !ok {
		return errors.New("the private key cannot be compared with a certificate")
	}
	for i, certificate := range chain {
		switch {
		case !own.Equal(certificate.PublicKey):
			continue
		case i == 0:
			return nil
		}
		return fmt.Errorf("the private key belongs to certificate %d of certificate_chain, %s: put that first, "+
			"and after each certificate the one that issued it", i+1, nameOf(certificate))
	}
	return fmt.Errorf("the private key does not belong to the first certificate of certificate_chain, %s",
		nameOf(chain[0]))
}

// checkLeaf checks what a signing certificate may be used for.
func checkLeaf(leaf *x509.Certificate) error {
	if leaf.BasicConstraintsValid && leaf.IsCA {
		return fmt.Errorf("the first %s is that of a certificate authority (basicConstraints has CA:TRUE), which must not "+
			"sign manifests: issue a certificate for signing, and put that first", nameOf(leaf))
	}
	if err := checkPublicKey(leaf.PublicKey); err != nil {
		return fmt.Errorf("%s: %w", nameOf(leaf), err)
	}
	if leaf.KeyUsage != x509.KeyUsageDigitalSignature || !hasCriticalKeyUsage(leaf) {
		return fmt.Errorf("%s is not for signing: its keyUsage must be critical and digitalSignature alone "+
			"(openssl: keyUsage=critical,digitalSignature)", nameOf(leaf))
	}
	if slices.ContainsFunc(leaf.ExtKeyUsage, isOtherPurpose) {
		return fmt.Errorf("%s is for other purposes than signing: its extendedKeyUsage may be codeSigning, or missing",
			nameOf(leaf))
	}
	return nil
}

// isOtherPurpose reports whether a certificate with an extended key usage must not sign manifests.
func isOtherPurpose(usage x509.ExtKeyUsage) bool {
	switch usage {
	case x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection,
		x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageOCSPSigning:
		return true
	default:
		return false
	}
}

func hasCriticalKeyUsage(certificate *x509.Certificate) bool {
	for _, extension := range certificate.Extensions {
		if extension.Id.Equal(oidKeyUsage) {
			return extension.Critical
		}
	}
	return false
}

// checkIssuers checks that each certificate is issued by the next one, and the last by itself.
func checkIssuers(chain []*x509.Certificate) error {
	last := len(chain) - 1
	for i, certificate := range chain[:last] {
		next := chain[i+1]
		if !bytes.Equal(certificate.RawIssuer, next.RawSubject) || certificate.CheckSignatureFrom(next) != nil {
			return fmt.Errorf("%s was not issued by the next certificate of the chain, %s, but by %q: put after each "+
				"certificate the one that issued it", nameOf(certificate), nameOf(next),
				oci.Printable(certificate.Issuer.String()))
		}
		if bytes.Equal(certificate.RawIssuer, certificate.RawSubject) {
			return fmt.Errorf("%s is issued by itself, and more follow it: the chain ends with its root", nameOf(certificate))
		}
	}
	root := chain[last]
	switch {
	case !bytes.Equal(root.RawIssuer, root.RawSubject):
		return fmt.Errorf("the root is missing: the last %s was issued by %q, whose certificate must follow",
			nameOf(root), oci.Printable(root.Issuer.String()))
	case root.CheckSignature(root.SignatureAlgorithm, root.RawTBSCertificate, root.Signature) != nil:
		return fmt.Errorf("the root is missing: the last %s has the name of its issuer but was not signed by itself",
			nameOf(root))
	}
	return nil
}

// checkValidity checks that all certificates are valid at a time.
func checkValidity(chain []*x509.Certificate, at time.Time) error {
	for _, certificate := range chain {
		switch {
		case at.Before(certificate.NotBefore):
			return fmt.Errorf("%s is not yet valid at %s: wait, or check the clock of this machine",
				nameOf(certificate), at.UTC().Format(time.RFC3339))
		case at.After(certificate.NotAfter):
			return fmt.Errorf("%s has expired: issue a new one", nameOf(certificate))
		}
	}
	return nil
}

// earliestEnd returns the certificate of a chain that ends first.
func earliestEnd(chain []*x509.Certificate) *x509.Certificate {
	first := chain[0]
	for _, certificate := range chain[1:] {
		if certificate.NotAfter.Before(first.NotAfter) {
			first = certificate
		}
	}
	return first
}

// checkEnd checks that a signature does not claim to count for longer than its certificates. Where a time stamping
// authority confirms when it was made it may: then it outlives them.
func (o SignerOptions) checkEnd(chain []*x509.Certificate, now time.Time) error {
	first := earliestEnd(chain)
	if o.Expiry == 0 || o.TimestampURL != "" || !now.Add(o.Expiry).After(first.NotAfter) {
		return nil
	}
	return optionErrorf(optionExpiry, "a signature of %s would count for longer than %s: take at most %s",
		o.Expiry, nameOf(first), first.NotAfter.Sub(now).Truncate(time.Minute))
}
