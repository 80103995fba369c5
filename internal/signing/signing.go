package signing

import (
	"context"
	"errors"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ArtifactType is what lists of referrers call a signature. The manifest of a signature has no artifactType; its config
// has this media type (Notary Project, "Signature specification").
const ArtifactType = "application/vnd.cncf.notary.signature"

// Media types of envelopes.
const (
	MediaTypeJWS  = "application/jose+json"
	MediaTypeCOSE = "application/cose"
)

// ErrUnsigned says that nothing has signed a manifest, ErrUntrusted that no signature of it is one to trust.
var (
	ErrUnsigned  = errors.New("not signed")
	ErrUntrusted = errors.New("no signature to trust")
)

// Claims are what a signature says of itself. Only a Verifier can tell whether they are true.
type Claims struct {
	// Signer is the subject of the signing certificate, as RFC 4514 spells it.
	Signer string
	// SignedAt is when the signature was made, in whole seconds: the signer's claim, unless Timestamped.
	SignedAt time.Time
	// ExpiresAt is when the signature ends, in whole seconds; zero if it does not.
	ExpiresAt time.Time
	// Timestamped says that a time stamping authority (RFC 3161) has signed SignedAt.
	Timestamped bool
}

// Signature is a signature that was just made.
type Signature struct {
	Claims
	// Envelope is what to store, of the given media type.
	Envelope  []byte
	MediaType string
	// Thumbprints are the SHA-256 digests of the certificate chain, in hexadecimal, that of the signing certificate first.
	Thumbprints []string
}

// Signer signs manifests. It is safe for concurrent use.
type Signer interface {
	// Sign signs the media type, the digest and the size of a manifest.
	Sign(ctx context.Context, target oci.Descriptor) (Signature, error)
}

// Source is where a Verifier finds signatures: a repository.
type Source interface {
	// Referrers returns what the repository lists as attached to a manifest: claims, which nothing has verified.
	Referrers(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error)
	// GetManifest returns the manifest that a digest names. It verifies the digest.
	GetManifest(ctx context.Context, identifier string) (oci.Manifest, error)
	// GetBlob returns a blob of at most limit bytes. It verifies the digest.
	GetBlob(ctx context.Context, digest oci.Digest, limit int64) ([]byte, error)
}

// Verifier says whether signatures are to be trusted. It is safe for concurrent use, and comparable with ==.
type Verifier interface {
	// Verify looks up the signatures of a manifest and checks them, until one is good. The error is one of the network or
	// of ctx: whatever is wrong with a signature is in the Verdict.
	Verify(ctx context.Context, source Source, target oci.Descriptor) (Verdict, error)
}

// Found is a signature that a Verifier has looked at.
type Found struct {
	Claims
	// Digest is that of the signature's manifest.
	Digest oci.Digest
	// Reason is why the signature does not count; nil if it does.
	Reason error
	// EndedAt is when the signature or a certificate of it ended, although the signature counts: the Verifier permits
	// that. Zero if none has.
	EndedAt time.Time
}

// Expired reports whether the signature counts although it has ended.
func (f Found) Expired() bool { return !f.EndedAt.IsZero() }

// Verdict is what a Verifier has found. The zero value says that there are no signatures.
type Verdict struct {
	// Good is the signature that counts; nil if none does.
	Good *Found
	// Refused are those that do not count, in the order in which they were looked at.
	Refused []Found
	// Unseen is the number of listed signatures that were not looked at, because there are too many.
	Unseen int
}
