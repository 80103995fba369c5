package notation

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	blockCertificate = "CERTIFICATE"
	keysThatSign     = "take an RSA key of 2048, 3072 or 4096 bits, or an EC key on P-256, P-384 or P-521"
)

// parseKey reads a private key. No error repeats what the text contains, nor wraps the error of a parser that might.
func parseKey(text []byte) (crypto.Signer, error) {
	var found *pem.Block
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "EC PARAMETERS": // openssl ecparam writes them before the key.
			continue
		case found != nil:
			return nil, errors.New("it has more than one PEM block: leave only the private key")
		}
		found = block
	}
	if found == nil {
		return nil, errNoPEM
	}
	if found.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(found.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, errors.New("the private key is encrypted: decrypt it with openssl pkey -in FILE -out FILE")
	}
	switch found.Type {
	case "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(found.Bytes)
		return signingKey(key, err)
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(found.Bytes)
		return signingKey(key, err)
	case "EC PRIVATE KEY":
		key, err := x509.ParseECPrivateKey(found.Bytes)
		return signingKey(key, err)
	case "OPENSSH PRIVATE KEY":
		return nil, errors.New("it is a private key in the form of OpenSSH: convert it with ssh-keygen -p -m PKCS8 -f FILE")
	}
	return nil, fmt.Errorf("the PEM block is no private key but %q", found.Type)
}

// signingKey returns the key if the Notary Project knows a signature algorithm for it.
func signingKey(key any, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, errors.New("the private key is damaged, or of another kind than its PEM block says")
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return key, checkPublicKey(&key.PublicKey)
	case *ecdsa.PrivateKey:
		return key, checkPublicKey(&key.PublicKey)
	case ed25519.PrivateKey:
		return key, checkPublicKey(key.Public())
	}
	return nil, fmt.Errorf("keys of its kind do not sign: %s", keysThatSign)
}

// checkPublicKey returns an error if the Notary Project knows no signature algorithm for the key.
func checkPublicKey(key any) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.Size() * 8; bits != 2048 && bits != 3072 && bits != 4096 {
			return fmt.Errorf("an RSA key of %d bits does not sign: %s", bits, keysThatSign)
		}
		return nil
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits != 256 && bits != 384 && bits != 521 {
			return fmt.Errorf("an EC key on %s does not sign: %s", key.Curve.Params().Name, keysThatSign)
		}
		return nil
	case ed25519.PublicKey:
		return fmt.Errorf("the Notary Project has no signatures with Ed25519 keys: %s", keysThatSign)
	}
	return fmt.Errorf("keys of its kind do not sign: %s", keysThatSign)
}

// parseChain reads certificates that are not in PEM.
func parseChain(chain [][]byte) ([]*x509.Certificate, error) {
	if len(chain) == 0 {
		return nil, errors.New("there are none")
	}
	certificates := make([]*x509.Certificate, len(chain))
	for i, der := range chain {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", i+1, err)
		}
		certificates[i] = certificate
	}
	return certificates, nil
}

// parseCertificates reads one or more certificates, and nothing else.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	block, rest := pem.Decode(text)
	for ; block != nil; block, rest = pem.Decode(rest) {
		number := len(certificates) + 1
		if block.Type != blockCertificate {
			return nil, fmt.Errorf("PEM block %d is no certificate but %q", number, block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", number, err)
		}
		certificates = append(certificates, certificate)
	}
	switch {
	case len(certificates) == 0:
		return nil, errNoPEM
	case bytes.Contains(rest, []byte("-----BEGIN")):
		return nil, fmt.Errorf("what follows certificate %d begins like PEM and cannot be read", len(certificates))
	}
	return certificates, nil
}
