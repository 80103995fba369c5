package notation_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// TestVerifyFindsGoodOne has the good signature after others that must not hide it.
func TestVerifyFindsGoodOne(t *testing.T) {
	t.Parallel()
	foreign := notationtest.NewAuthority(t, "theirs").Issue(t, "mallory")
	tests := map[string]func(t *testing.T, w world){
		"malformed manifest": func(_ *testing.T, w world) {
			w.store.AttachManifest(
				oci.NewManifest(oci.MediaTypeOCIManifest, []byte(`{]`)), w.target.Digest, signing.ArtifactType)
		},
		"missing manifest": func(_ *testing.T, w world) {
			w.store.List(w.target.Digest, oci.ListedReferrer{Digest: oci.DigestOf([]byte("gone"))})
		},
		"bad digest": func(_ *testing.T, w world) {
			w.store.List(w.target.Digest, oci.ListedReferrer{Digest: "sha256:../../x", ArtifactType: signing.ArtifactType})
		},
		"empty envelope": func(t *testing.T, w world) {
			w.store.Attach(t, signing.Signature{MediaType: signing.MediaTypeJWS}, w.target)
		},
		"noise": func(t *testing.T, w world) {
			for _, mediaType := range []string{signing.MediaTypeJWS, signing.MediaTypeCOSE} {
				made := signing.Signature{MediaType: mediaType, Envelope: []byte("\xd2\x84noise"), Thumbprints: trusted(w)}
				w.store.Attach(t, made, w.target)
			}
		},
		"dozens of foreign ones": func(t *testing.T, w world) {
			for i := range 150 {
				made := notationtest.Request{SignedAt: time.Now().Add(-time.Duration(i) * time.Second)}.Sign(t, foreign, w.target)
				w.store.Attach(t, made, w.target)
			}
		},
		"forged thumbprints": func(t *testing.T, w world) {
			for i := range 50 {
				made := notationtest.Request{SignedAt: time.Now().Add(-time.Duration(i) * time.Second)}.Sign(t, foreign, w.target)
				made.Thumbprints = trusted(w)
				w.store.Attach(t, made, w.target)
			}
		},
		"oversized envelope": func(t *testing.T, w world) {
			made := signing.Signature{
				MediaType: signing.MediaTypeJWS, Envelope: make([]byte, 1<<20+1), Thumbprints: trusted(w),
			}
			w.store.Attach(t, made, w.target)
		},
		"other type of envelope": func(t *testing.T, w world) {
			made := notationtest.Request{}.Sign(t, w.identity, w.target)
			made.MediaType = signing.MediaTypeCOSE
			w.store.Attach(t, made, w.target)
			made.MediaType = "text/html"
			w.store.Attach(t, made, w.target)
		},
	}
	for name, attach := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			attach(t, w)
			good := w.sign(t)
			verdict := w.verify(t, nil)
			if verdict.Good == nil || verdict.Good.Digest != good {
				t.Errorf("did not find the good signature: %v", verdict.Err("the manifest"))
			}
		})
	}
}

func trusted(w world) []string {
	return notationtest.Thumbprints(w.identity)
}

func TestVerifyWithoutThumbprints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := notationtest.Request{}.Sign(t, w.identity, w.target)
	made.Thumbprints = []string{"forged"}
	w.store.Attach(t, made, w.target)
	verdict := w.verify(t, nil)
	if err := verdict.Err("the manifest"); err != nil {
		t.Error(err)
	}
}

func TestVerifyBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 1001 {
		made := signing.Signature{MediaType: signing.MediaTypeJWS, Envelope: fmt.Append(nil, i)}
		w.store.Attach(t, made, w.target)
	}
	verdict := w.verify(t, nil)
	if len(verdict.Refused) != 100 || verdict.Unseen != 901 {
		t.Errorf("refused %d and did not look at %d", len(verdict.Refused), verdict.Unseen)
	}
	err := verdict.Err("the manifest")
	if lines := strings.Count(err.Error(), "\n"); lines > 12 {
		t.Errorf("the message has %d lines", lines)
	}
}

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
		"a key of more than 8192 bits":    {huge, w.authority.Root().Raw},
		"11 certificates, more than 10":   many,
		"certificate 1 cannot be read":    {[]byte("x")},
		"of the envelope: there are none": {},
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

// TestVerifyHugeTimestamp has such a certificate in a timestamp, which nothing that the signer signed covers.
func TestVerifyHugeTimestamp(t *testing.T) {
	t.Parallel()
	w, tsa := newWorld(t), notationtest.NewTSA(t)
	tsa.Extra = hugeCertificate(t)
	for _, mediaType := range []string{signing.MediaTypeJWS, signing.MediaTypeCOSE} {
		alone := world{authority: w.authority, store: &notationtest.Store{}, target: w.target}
		alone.store.Attach(t, notationtest.Request{MediaType: mediaType, TSA: tsa}.Sign(t, w.identity, w.target), w.target)
		verdict := alone.verify(t, func(o *notation.VerifierOptions) { o.TimestampCertificates = tsa.Roots })
		if err := verdict.Err("x"); !strings.Contains(errorText(err), "a key of more than 8192 bits") {
			t.Errorf("%v, want that the key is refused", err)
		}
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
