package notation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/tspclient-go"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// maxSigner is the length of the longest subject that is kept, in characters.
const maxSigner = 1000

// claimsOf returns what a signature says of itself. Only if its timestamp was verified does that count as the time.
func claimsOf(info *signature.SignerInfo, timestamped bool) signing.Claims {
	claims := signing.Claims{
		Signer:   signerOf(info.CertificateChain[0]),
		SignedAt: info.SignedAttributes.SigningTime.UTC().Truncate(time.Second),
	}
	if expiry := info.SignedAttributes.Expiry; !expiry.IsZero() {
		claims.ExpiresAt = expiry.UTC().Truncate(time.Second)
	}
	if at, err := timeOf(info.UnsignedAttributes.TimestampSignature); timestamped && err == nil {
		claims.SignedAt, claims.Timestamped = at, true
	}
	return claims
}

// timeOf returns the time that a timestamp says.
func timeOf(token []byte) (time.Time, error) {
	signed, err := tspclient.ParseSignedToken(token)
	if err != nil {
		return time.Time{}, err
	}
	info, err := signed.Info()
	if err != nil {
		return time.Time{}, err
	}
	return info.GenTime.UTC().Truncate(time.Second), nil
}

// signerOf returns the subject of a certificate, as RFC 4514 spells it, in a form that a terminal shows.
func signerOf(certificate *x509.Certificate) string {
	subject := []rune(oci.Printable(certificate.Subject.String()))
	return string(subject[:min(len(subject), maxSigner)])
}

// thumbprint returns the SHA-256 digest of a certificate, in hexadecimal.
func thumbprint(certificate *x509.Certificate) string {
	digest := sha256.Sum256(certificate.Raw)
	return hex.EncodeToString(digest[:])
}

func thumbprints(chain []*x509.Certificate) []string {
	digests := make([]string, len(chain))
	for i, certificate := range chain {
		digests[i] = thumbprint(certificate)
	}
	return digests
}
