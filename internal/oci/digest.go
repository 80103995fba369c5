package oci

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Digest is the sha256 of some bytes as the OCI image specification spells it: "sha256:" and 64 lowercase hexadecimal
// digits. The zero value is no digest. ParseDigest refuses other algorithms: the original manifesto wrote sha256 only,
// and so does every registry that this client was tried against.
type Digest = digest.Digest

const sha256Prefix = "sha256:"

// DigestOf returns the digest of content.
func DigestOf(content []byte) Digest {
	sum := sha256.Sum256(content)
	return Digest(sha256Prefix + hex.EncodeToString(sum[:]))
}

// DigestFrom returns the digest of the bytes that were written to sum, a sha256 hash.
func DigestFrom(sum hash.Hash) Digest {
	return Digest(sha256Prefix + hex.EncodeToString(sum.Sum(nil)))
}

// ParseDigest reads a digest with its "sha256:" prefix, or without it, as the original manifesto wrote the digests of
// images. The error wraps ErrBadDigest.
func ParseDigest(s string) (Digest, error) {
	digits := strings.TrimPrefix(s, sha256Prefix)
	if len(digits) != 2*sha256.Size {
		return "", fmt.Errorf("%w: %q is not sha256: and 64 hexadecimal digits; it has %d", ErrBadDigest, s, len(digits))
	}
	for _, c := range []byte(digits) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", fmt.Errorf("%w: %q is not sha256: and 64 lowercase hexadecimal digits", ErrBadDigest, s)
		}
	}
	if len(digits) < len(s) {
		return Digest(s), nil // Not copied: a document holds a hundred thousand digests.
	}
	return Digest(sha256Prefix + digits), nil
}

// Verify compares content with the digest that it must have. The error wraps ErrDigestMismatch.
func Verify(content []byte, want Digest) error {
	if got := DigestOf(content); got != want {
		return fmt.Errorf("%w: the registry sent %s", ErrDigestMismatch, got)
	}
	return nil
}
