package notation_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// TestVerifyHugeChains has certificates that would keep a processor busy for long, before anything is known of who made
// the signature.
func TestVerifyHugeChains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	huge := hugeCertificate(t)
	many := make([][]byte, 11)
	for i := range many {
		many[i] = w.identity.Chain[0].Raw
	}
	for want, chain := range map[string][][]byte{
		"a key of more than 8192 bits":       {huge, w.authority.Root().Raw},
		"11 certificates, more than 10":      many,
		"malformed: a certificate":           {[]byte("x")},
		"malformed: the envelope has no cer": {},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			envelope, err := json.Marshal(map[string]any{
				"payload": "e30", "protected": "e30", "signature": "AA", "header": map[string]any{"x5c": chain},
			})
			if err != nil {
				t.Fatal(err)
			}
			alone := world{authority: w.authority, store: &notationtest.Store{}, target: w.target}
			alone.store.Attach(t, signing.Signature{MediaType: signing.MediaTypeJWS, Envelope: envelope}, w.target)
			verdict := alone.verify(t, nil)
			if err := verdict.Err("x"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

// hugeCertificate has a key of 400 000 bits.
func hugeCertificate(t *testing.T) []byte {
	t.Helper()
	modulus := new(big.Int).Lsh(big.NewInt(1), 400_000)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: notationtest.Subject("huge"),
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template,
		&rsa.PublicKey{N: modulus.Add(modulus, big.NewInt(1)), E: 65537}, ecKey(t, elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	return der
}
