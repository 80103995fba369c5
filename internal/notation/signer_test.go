package notation_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestNewSignerTakesKeys(t *testing.T) {
	t.Parallel()
	authority := notationtest.NewAuthority(t, "ours")
	keys := map[string]crypto.Signer{
		"P-256": ecKey(t, elliptic.P256()), "P-384": ecKey(t, elliptic.P384()), "P-521": ecKey(t, elliptic.P521()),
		"RSA 2048": rsaKey(t, 2048), "RSA 3072": rsaKey(t, 3072),
	}
	for name, key := range keys {
		identity := authority.IssueFor(t, "signer", key)
		texts := map[string][]byte{"PKCS#8": identity.KeyPEM(t)}
		switch key := key.(type) {
		case *rsa.PrivateKey:
			texts["PKCS#1"] = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
		case *ecdsa.PrivateKey:
			der, err := x509.MarshalECPrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			texts["SEC 1"] = append(block("EC PARAMETERS", []byte{6, 0}), block("EC PRIVATE KEY", der)...)
		}
		for form, text := range texts {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				signer, err := notation.NewSigner(t.Context(), notation.SignerOptions{
					PrivateKey: text, CertificateChain: identity.ChainPEM(),
				})
				if err != nil {
					t.Fatal(err)
				}
				w := world{authority: authority, identity: identity, store: &notationtest.Store{}, target: notationtest.Target("x")}
				made, err := signer.Sign(t.Context(), w.target)
				if err != nil {
					t.Fatal(err)
				}
				w.store.Attach(t, made, w.target)
				verdict := w.verify(t, nil)
				if err := verdict.Err("x"); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	t.Parallel()
	ours, theirs := notationtest.NewAuthority(t, "ours"), notationtest.NewAuthority(t, "theirs")
	good, other := ours.Issue(t, "signer"), ours.Issue(t, "other")
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := func(identity notationtest.Identity) func(*notation.SignerOptions) {
		return func(o *notation.SignerOptions) {
			o.PrivateKey, o.CertificateChain = identity.KeyPEM(t), identity.ChainPEM()
		}
	}
	key := func(text []byte) func(*notation.SignerOptions) {
		return func(o *notation.SignerOptions) { o.PrivateKey = text }
	}
	chain := func(certificates ...*x509.Certificate) func(*notation.SignerOptions) {
		return func(o *notation.SignerOptions) { o.CertificateChain = notationtest.PEM(certificates...) }
	}
	expiry := func(d time.Duration) func(*notation.SignerOptions) {
		return func(o *notation.SignerOptions) { o.Expiry = d }
	}
	leaf, intermediate, root := good.Chain[0], good.Chain[1], good.Chain[2]
	tests := map[string]struct {
		edit         func(*notation.SignerOptions)
		option, want string
	}{
		"nothing": {
			func(o *notation.SignerOptions) { *o = notation.SignerOptions{} }, "private_key", "missing",
		},
		"no certificates": {chain(), "certificate_chain", "missing"},
		"no key":          {key(nil), "private_key", "missing"},
		"key is no PEM":   {key([]byte("hunter2")), "private_key", "it is not PEM"},
		"key is damaged":  {key(block("PRIVATE KEY", []byte("hunter2"))), "private_key", "damaged"},
		"key of wrong kind": {
			key(block("EC PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey(t, 2048)))), "private_key", "damaged",
		},
		"encrypted key": {key(block("ENCRYPTED PRIVATE KEY", []byte("x"))), "private_key", "openssl pkey"},
		"encrypted in the old way": {
			key([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n" +
				"-----END RSA PRIVATE KEY-----\n")), "private_key", "openssl pkey",
		},
		"key of OpenSSH":       {key(block("OPENSSH PRIVATE KEY", []byte("x"))), "private_key", "ssh-keygen"},
		"certificate as key":   {key(notationtest.PEM(leaf)), "private_key", `no private key but "CERTIFICATE"`},
		"two keys":             {key(append(good.KeyPEM(t), good.KeyPEM(t)...)), "private_key", "more than one"},
		"Ed25519":              {from(ours.IssueFor(t, "signer", edKey)), "private_key", "Ed25519"},
		"P-224":                {from(ours.IssueFor(t, "signer", ecKey(t, elliptic.P224()))), "private_key", "P-224"},
		"RSA 1024":             {from(ours.IssueFor(t, "signer", rsaKey(t, 1024))), "private_key", "1024 bits"},
		"other key":            {key(other.KeyPEM(t)), "private_key", `does not belong to the first certificate`},
		"key of another place": {chain(intermediate, leaf, root), "private_key", "belongs to certificate 2"},
		"chain is no PEM": {
			func(o *notation.SignerOptions) { o.CertificateChain = []byte("x") }, "certificate_chain", "it is not PEM",
		},
		"key in chain": {
			func(o *notation.SignerOptions) { o.CertificateChain = append(o.CertificateChain, good.KeyPEM(t)...) },
			"certificate_chain", `no certificate but "PRIVATE KEY"`,
		},
		"damaged certificate": {
			func(o *notation.SignerOptions) { o.CertificateChain = block("CERTIFICATE", []byte("x")) },
			"certificate_chain", "certificate 1 cannot be read",
		},
		"cut chain": {
			func(o *notation.SignerOptions) { o.CertificateChain = o.CertificateChain[:len(o.CertificateChain)-20] },
			"certificate_chain", "begins like PEM and cannot be read",
		},
		"CA": {
			from(ours.Issue(t, "signer", notationtest.AsCA)), "certificate_chain", "certificate authority",
		},
		"no key usage": {
			from(ours.Issue(t, "signer", notationtest.WithoutKeyUsage)), "certificate_chain", "keyUsage",
		},
		"for a server": {
			from(ours.Issue(t, "signer", forServer)), "certificate_chain", "extendedKeyUsage",
		},
		"expired": {
			from(ours.Issue(t, "signer", notationtest.Expired)), "certificate_chain", "has expired",
		},
		"not yet valid": {
			from(ours.Issue(t, "signer", notationtest.NotYetValid)), "certificate_chain", "not yet valid",
		},
		"root missing": {chain(leaf, intermediate), "certificate_chain", "the root is missing"},
		"leaf alone":   {chain(leaf), "certificate_chain", "the root is missing"},
		"foreign root": {
			chain(leaf, intermediate, theirs.Root()), "certificate_chain", "was not issued by the next",
		},
		"hole": {chain(leaf, root), "certificate_chain", "was not issued by the next"},
		"root twice": {
			chain(leaf, intermediate, root, root), "certificate_chain", "issued by itself",
		},
		"envelope": {
			func(o *notation.SignerOptions) { o.Envelope = "jws" }, "envelope", "application/jose+json",
		},
		"expiry of parts of a second": {expiry(1500 * time.Millisecond), "expiry", "whole number of seconds"},
		"negative expiry":             {expiry(-time.Second), "expiry", "negative"},
		"expiry beyond certificate": {
			expiry(20 * 365 * 24 * time.Hour), "expiry", "count for longer than certificate",
		},
		"timestamps without roots": {
			func(o *notation.SignerOptions) { o.TimestampURL = "http://127.0.0.1" }, "timestamp_certificates", "missing",
		},
		"roots without timestamps": {
			func(o *notation.SignerOptions) { o.TimestampCertificates = ours.RootPEM() }, "timestamp_url", "missing",
		},
		"timestamps of no URL": {
			func(o *notation.SignerOptions) { o.TimestampURL, o.TimestampCertificates = "tsa", ours.RootPEM() },
			"timestamp_url", "no URL",
		},
		"timestamps with a password": {
			func(o *notation.SignerOptions) {
				o.TimestampURL, o.TimestampCertificates = "http://me:hunter2@127.0.0.1", ours.RootPEM()
			},
			"timestamp_url", "must not have a user",
		},
		"timestamps of a leaf": {
			func(o *notation.SignerOptions) {
				o.TimestampURL, o.TimestampCertificates = "http://127.0.0.1", notationtest.PEM(leaf)
			},
			"timestamp_certificates", "neither that of a certificate authority",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := notation.SignerOptions{PrivateKey: good.KeyPEM(t), CertificateChain: good.ChainPEM()}
			test.edit(&options)
			signer, err := notation.NewSigner(t.Context(), options)
			var of *notation.OptionError
			if !errors.As(err, &of) || of.Option != test.option || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("%v, want %s: %q", err, test.option, test.want)
			}
			if signer != nil {
				t.Errorf("an error came with a signer")
			}
			checkNoSecret(t, err, options.PrivateKey)
		})
	}
}

func forServer(template *x509.Certificate) {
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

// checkNoSecret checks that no error in the chain repeats a line of a private key, nor its bytes.
func checkNoSecret(t *testing.T, err error, key []byte) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))
	if parsed, _ := pem.Decode(key); parsed != nil && parsed.Type != "CERTIFICATE" {
		for line := range bytes.Lines(key) {
			if line = bytes.TrimSpace(line); len(line) > 20 && !bytes.HasPrefix(line, []byte("-")) &&
				strings.Contains(text, string(line)) {
				t.Errorf("%s repeats the key", text)
			}
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("%s repeats a secret", text)
	}
}
