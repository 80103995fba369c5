package notationtest

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/signature"
	_ "github.com/notaryproject/notation-core-go/signature/cose" // Registers its envelopes.
	_ "github.com/notaryproject/notation-core-go/signature/jws"  // Registers its envelopes.
	"github.com/notaryproject/tspclient-go"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// NewSigner returns a signer with the key and the certificates of an identity.
func NewSigner(tb testing.TB, identity Identity) signing.Signer {
	tb.Helper()
	signer, err := notation.NewSigner(tb.Context(), notation.SignerOptions{
		PrivateKey: identity.KeyPEM(tb), CertificateChain: identity.ChainPEM(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return signer
}

// NewVerifier returns a verifier that trusts all signers of an authority.
func NewVerifier(tb testing.TB, authority *Authority) signing.Verifier {
	tb.Helper()
	verifier, err := notation.NewVerifier(notation.VerifierOptions{
		Certificates: authority.RootPEM(), Identities: []string{"*"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return verifier
}

// Request is a signature that notation.NewSigner may refuse to make. The zero value signs now, without end, as JWS.
type Request struct {
	// MediaType is that of the envelope; empty means signing.MediaTypeJWS.
	MediaType string
	// SignedAt is when the signature claims to be made; zero means now.
	SignedAt time.Time
	// ExpiresAt is when it ends; zero means never.
	ExpiresAt time.Time
	// Attributes are signed besides.
	Attributes []signature.Attribute
	// Scheme is the signing scheme; empty means notary.x509.
	Scheme signature.SigningScheme
	// TSA confirms when it was made; nil means that nothing does.
	TSA *TSA
}

// Sign makes a signature.
func (r Request) Sign(tb testing.TB, identity Identity, target oci.Descriptor) signing.Signature {
	tb.Helper()
	if r.MediaType == "" {
		r.MediaType = signing.MediaTypeJWS
	}
	if r.SignedAt.IsZero() {
		r.SignedAt = time.Now()
	}
	if r.Scheme == "" {
		r.Scheme = signature.SigningSchemeX509
	}
	payload, err := json.Marshal(map[string]oci.Descriptor{
		"targetArtifact": {MediaType: target.MediaType, Digest: target.Digest, Size: target.Size},
	})
	if err != nil {
		tb.Fatal(err)
	}
	local, err := signature.NewLocalSigner(identity.Chain, identity.Key)
	if err != nil {
		tb.Fatal(err)
	}
	envelope, err := signature.NewEnvelope(r.MediaType)
	if err != nil {
		tb.Fatal(err)
	}
	request := &signature.SignRequest{
		Payload: signature.Payload{ContentType: "application/vnd.cncf.notary.payload.v1+json", Content: payload},
		Signer:  local, SigningTime: r.SignedAt, Expiry: r.ExpiresAt, SigningScheme: r.Scheme,
		ExtendedSignedAttributes: r.Attributes,
	}
	if r.TSA != nil {
		request.TSARootCAs = x509.NewCertPool()
		request.TSARootCAs.AppendCertsFromPEM(r.TSA.Roots)
		if request.Timestamper, err = tspclient.NewHTTPTimestamper(nil, r.TSA.URL); err != nil {
			tb.Fatal(err)
		}
	}
	made, err := envelope.Sign(request)
	if err != nil {
		tb.Fatal(err)
	}
	return signing.Signature{
		Claims: signing.Claims{
			Signer:    identity.Chain[0].Subject.String(),
			SignedAt:  r.SignedAt.UTC().Truncate(time.Second),
			ExpiresAt: r.ExpiresAt.UTC().Truncate(time.Second),
		},
		Envelope:    made,
		MediaType:   r.MediaType,
		Thumbprints: Thumbprints(identity),
	}
}

// Thumbprints returns the SHA-256 digests of an identity's certificates, in hexadecimal.
func Thumbprints(identity Identity) []string {
	digests := make([]string, len(identity.Chain))
	for i, certificate := range identity.Chain {
		digest := sha256.Sum256(certificate.Raw)
		digests[i] = hex.EncodeToString(digest[:])
	}
	return digests
}
