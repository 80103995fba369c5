package notation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/notaryproject/notation-go"
	nverifier "github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/truststore"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/logs"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Bounds of what a Verifier looks at for one manifest. Anyone who can push can attach signatures: a manifest costs a
// request, an envelope another one and the time to check it. Envelopes have some kilobytes, with a timestamp some ten.
const (
	maxManifests = 1000
	maxEnvelopes = 100
	maxEnvelope  = 1 << 20 // Bytes.
)

// verifier implements signing.Verifier.
type verifier struct {
	notation notation.Verifier
	// trusted are the thumbprints of the trusted certificates.
	trusted     map[string]bool
	timestamped bool
	logger      *slog.Logger
}

// NewVerifier returns a verifier. Errors are *OptionError.
func NewVerifier(o VerifierOptions) (signing.Verifier, error) {
	store, policy, err := newTrust(o)
	if err != nil {
		return nil, err
	}
	v := &verifier{
		trusted:     map[string]bool{},
		timestamped: len(o.TimestampCertificates) > 0,
		logger:      logs.For(o.Logger, subsystem),
	}
	for _, root := range store.roots[truststore.TypeCA] {
		v.trusted[thumbprint(root)] = true
	}
	revocation, err := o.revocation()
	if err != nil {
		return nil, &OptionError{Option: optionTrusted, Err: err}
	}
	// No plugin manager: the signature would name the program that verifies it.
	v.notation, err = nverifier.NewWithOptions(policy, store, nil, revocation)
	if err != nil {
		return nil, &OptionError{Option: optionTrusted, Err: err}
	}
	return v, nil
}

// look is one look at the signatures of a manifest.
type look struct {
	*verifier
	source  signing.Source
	target  oci.Descriptor
	verdict signing.Verdict
	// envelopes is how many more may be checked.
	envelopes int
}

// candidate is a signature whose manifest was read.
type candidate struct {
	digest oci.Digest
	stored signing.Stored
}

// Verify implements signing.Verifier. A signature whose manifest claims a trusted certificate is checked at once, the
// others when none of those is good: the claim may be forged, and may be missing.
func (v *verifier) Verify(
	ctx context.Context, source signing.Source, target oci.Descriptor,
) (signing.Verdict, error) {
	if ctx.Err() != nil { // notation-go would call it a signature whose revocation is unknown.
		return signing.Verdict{}, fmt.Errorf("verify %s: %w", target.Digest, context.Cause(ctx))
	}
	l := &look{verifier: v, source: source, target: target, envelopes: maxEnvelopes}
	if err := l.run(ctx); err != nil {
		return signing.Verdict{}, fmt.Errorf("the signatures of %s: %w", target.Digest, err)
	}
	return l.verdict, nil
}

// run looks until a signature is good or there are no more.
func (l *look) run(ctx context.Context) error {
	listed, err := l.source.Referrers(ctx, l.target.Digest)
	if err != nil {
		return err
	}
	digests := l.claimed(ctx, listed)
	if more := len(digests) - maxManifests; more > 0 {
		digests, l.verdict.Unseen = digests[:maxManifests], more
	}
	var later []candidate
	for _, digest := range digests {
		c, ok, err := l.open(ctx, digest)
		switch {
		case err != nil:
			return err
		case !ok:
			continue
		case !slices.ContainsFunc(c.stored.Thumbprints, func(t string) bool { return l.trusted[t] }):
			later = append(later, c)
			continue
		}
		if err := l.check(ctx, c); err != nil || l.verdict.Good != nil {
			return err
		}
	}
	for _, c := range later {
		if err := l.check(ctx, c); err != nil || l.verdict.Good != nil {
			return err
		}
	}
	return nil
}

// claimed returns the digests of what may be a signature: the writer of a list may not have known the type.
func (l *look) claimed(ctx context.Context, listed []oci.ListedReferrer) []oci.Digest {
	var digests []oci.Digest
	seen := map[oci.Digest]bool{}
	for _, entry := range listed {
		if entry.ArtifactType != signing.ArtifactType && entry.ArtifactType != "" || seen[entry.Digest] {
			continue
		}
		seen[entry.Digest] = true
		if _, err := oci.ParseDigest(entry.Digest.String()); err != nil {
			l.refuse(ctx, refused(entry.Digest, err))
			continue
		}
		digests = append(digests, entry.Digest)
	}
	return digests
}

// open reads the manifest of a signature. It reports false for what is no signature, or none to be read.
func (l *look) open(ctx context.Context, digest oci.Digest) (candidate, bool, error) {
	manifest, err := l.source.GetManifest(ctx, digest.String())
	var stored signing.Stored
	switch {
	case isBroken(err):
		l.refuse(ctx, refused(digest, err))
		return candidate{}, false, nil
	case err != nil:
		return candidate{}, false, err
	}
	stored, err = signing.ParseManifest(manifest, l.target.Digest)
	if err != nil {
		if !errors.Is(err, signing.ErrNotSignature) {
			l.refuse(ctx, refused(digest, err))
		}
		return candidate{}, false, nil
	}
	return candidate{digest: digest, stored: stored}, true, nil
}

// check reads and verifies an envelope.
func (l *look) check(ctx context.Context, c candidate) error {
	if l.envelopes == 0 {
		l.verdict.Unseen++
		return nil
	}
	l.envelopes--
	if size := c.stored.Envelope.Size; size > maxEnvelope {
		l.refuse(ctx, refused(c.digest,
			fmt.Errorf("%w: its envelope has %d bytes, more than %d", oci.ErrTooLarge, size, maxEnvelope)))
		return nil
	}
	envelope, err := l.source.GetBlob(ctx, c.stored.Envelope.Digest, maxEnvelope)
	switch {
	case isBroken(err):
		l.refuse(ctx, refused(c.digest, err))
		return nil
	case err != nil:
		return err
	}
	found, err := l.verify(ctx, c.digest, c.stored.Envelope.MediaType, envelope, l.target)
	switch {
	case err != nil:
		return err
	case found.Reason == nil:
		l.verdict.Good = &found
		l.logger.DebugContext(ctx, "verified a signature", slog.String("target", l.target.Digest.String()),
			slog.String("found", found.String()), slog.Bool("expired", found.Expired()))
		return nil
	}
	l.refuse(ctx, found)
	return nil
}

// refuse keeps a signature that does not count.
func (l *look) refuse(ctx context.Context, found signing.Found) {
	l.verdict.Refused = append(l.verdict.Refused, found)
	l.logger.DebugContext(ctx, "refused a signature",
		slog.String("target", l.target.Digest.String()), slog.String("found", found.String()))
}

// isBroken reports whether an error is about what a registry stores. Others are of the network, and say nothing about a
// signature.
func isBroken(err error) bool {
	for _, broken := range []error{
		oci.ErrNotFound, oci.ErrTooLarge, oci.ErrDigestMismatch, oci.ErrNoManifest, oci.ErrBadDigest,
	} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}
