package manifesto

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// Why metadata is not to be trusted, besides signing.ErrUnsigned and signing.ErrUntrusted.
var (
	// ErrRolledBack: the manifesto is older than one that was seen before, or than its reader asks for.
	ErrRolledBack = errors.New("older than it must be")
	// ErrForked: two manifestos with different content have one number.
	ErrForked = errors.New("not the manifesto that was seen before")
	// ErrOtherRepository: the manifesto was signed for another repository, or for none.
	ErrOtherRepository = errors.New("signed for another repository")
	// ErrChangedUnsigned: the entry is not the one that its artifact was signed for.
	ErrChangedUnsigned = errors.New("changed since it was signed")
)

// StaleError is the error of a manifesto that is older than the Floor of its reader, or a fork of it, or another
// repository's. It wraps ErrRolledBack, ErrForked or ErrOtherRepository.
type StaleError struct {
	// Digest is that of the refused manifesto, which Demand.Accepted may name; empty if the repository has none.
	Digest oci.Digest
	reason error
}

// Error implements error.
func (e *StaleError) Error() string { return e.reason.Error() }

// Unwrap returns the error that says which it is.
func (e *StaleError) Unwrap() error { return e.reason }

// Floor is the newest manifesto that a reader has seen before. The zero value is none.
type Floor struct {
	// Number is the manifesto's.
	Number int64
	// Digest is that of its manifest; empty if only the number is known.
	Digest oci.Digest
}

// Demand is what a reader asks of a manifesto and its pieces.
type Demand struct {
	// Verifier checks the signatures. If it is nil, no signature is checked, so that anybody who can push can make the
	// number what they like.
	Verifier signing.Verifier
	// Floor refuses what is older, or another manifesto of the same number.
	Floor Floor
	// Minimum refuses manifestos with smaller numbers.
	Minimum int64
	// Accepted is the digest of a manifest that counts although Floor refuses it, or although it was signed for another
	// repository; empty if there is none.
	Accepted oci.Digest
}

// Verified is what one version of a manifesto says of a piece, and whether that is to be trusted.
type Verified struct {
	// Number and Digest are the manifesto's; zero if there is none.
	Number int64
	Digest oci.Digest
	// Manifesto is the manifesto's good signature, and Signature that of the piece; zero if there is none.
	Manifesto, Signature signing.Found
	// Entry is the piece's, if there is one.
	Entry format.Entry
	// Reason is why the piece, or its absence, is not to be trusted; nil if it is. It wraps one of the errors above,
	// signing.ErrUnsigned or signing.ErrUntrusted.
	Reason error
}

// Verify returns what the current manifesto says of a piece once the signatures of both were checked, as Trust and
// Snapshot.Verify do. If there is no such piece, the error is a *NoEntryError; Verified says whether the absence is to
// be trusted. Any other error is one of the network, of ctx or of a manifesto that cannot be read.
func (s *Store) Verify(ctx context.Context, key Key, d Demand) (Verified, error) {
	snapshot, err := s.Trust(ctx, key.Repository, key.Image, d)
	if err != nil {
		return Verified{}, err
	}
	entry, err := snapshot.version.entry(key)
	if err != nil {
		return snapshot.Verified(), err
	}
	return snapshot.Verify(ctx, Described{key.Image, entry})
}

// verifyEntry sets what the signatures of the entry's artifact say.
func (c *committer) verifyEntry(ctx context.Context, key Key, verifier signing.Verifier, verified *Verified) error {
	m, ok := format.ArtifactOf(key.Image, verified.Entry)
	switch {
	case verified.Entry.Artifact == (format.Artifact{}):
		verified.Reason = fmt.Errorf("%w: the piece has no artifact, which is what a signature would be of",
			signing.ErrUnsigned)
		return nil
	case !ok:
		verified.Reason = fmt.Errorf("%w: another tool has changed the entry, and its artifact is still %s",
			ErrChangedUnsigned, verified.Entry.Artifact.Digest)
		return nil
	}
	verdict, err := c.verdicts.of(ctx, c.repository, verifier, m.Descriptor())
	if err != nil {
		return fmt.Errorf("verifying the artifact %s: %w", m.Digest, err)
	}
	if verdict.Good != nil {
		verified.Signature = *verdict.Good
	} else {
		verified.Reason = verdict.Err("the artifact " + m.Digest.String())
	}
	return nil
}

// trusted returns the current version, and whether it is to be trusted.
func (c *committer) trusted(ctx context.Context, image oci.Digest, d Demand) (*version, Verified, error) {
	v, err := c.tag.load(ctx, image)
	if err != nil {
		return nil, Verified{}, err
	}
	for {
		verified, err := c.trust(ctx, v, d)
		if err != nil || verified.Reason == nil {
			return v, verified, err
		}
		if errors.Is(verified.Reason, ErrForked) { // Writers that raced may have shared a number for a moment.
			if err = wait.For(ctx, c.timing.settle()); err != nil {
				return v, verified, err
			}
		}
		moved, err := c.moved(ctx, v)
		if err != nil || moved == nil {
			return v, verified, err
		}
		v = moved
	}
}

// moved returns the version that the tag holds by now; nil if it still holds v. A version that this run has seen
// replaced comes from a lagging replica and does not count.
func (c *committer) moved(ctx context.Context, v *version) (*version, error) {
	began, digest, err := c.tag.look(ctx)
	if err != nil || digest == "" || digest == v.digest {
		return nil, err
	}
	if ancestor, replaced := c.tag.state.predates(digest, v); ancestor || replaced {
		return nil, nil //nolint:nilnil // Nothing newer is there.
	}
	return c.tag.learn(ctx, digest, began)
}

// trust says whether a version is to be trusted. Its number comes first: one that is too small is refused, whoever has
// signed it.
func (c *committer) trust(ctx context.Context, v *version, d Demand) (Verified, error) {
	verified := Verified{Number: v.Number, Digest: v.digest}
	if !v.exists() || d.Verifier == nil || v.Number < d.Minimum {
		verified.Reason = c.fresh(v, d)
		return verified, nil
	}
	verdict, err := c.verdicts.of(ctx, c.repository, d.Verifier, v.manifest)
	if err != nil {
		return verified, fmt.Errorf("verifying %s: %w", c.name.Tagged(format.Tag), err)
	}
	if verdict.Good == nil {
		verified.Reason = verdict.Err("the manifesto " + v.digest.String())
		return verified, nil
	}
	verified.Manifesto = *verdict.Good
	if v.digest != d.Accepted {
		verified.Reason = c.bound(v)
	}
	if verified.Reason == nil {
		verified.Reason = c.fresh(v, d)
	}
	return verified, nil
}

// bound returns why a signed version does not belong to its repository; nil if it does. Layouts on disk have no names
// that readers could agree on.
func (c *committer) bound(v *version) error {
	if name := format.RepositoryName(c.name); name == "" || v.Repository == name {
		return nil
	}
	reason := fmt.Errorf("the manifesto %s is %w: %s", v.digest, ErrOtherRepository, v.Repository)
	if v.Repository == "" {
		reason = fmt.Errorf("the manifesto %s is %w, or for none: it does not name one", v.digest, ErrOtherRepository)
	}
	return &StaleError{v.digest, reason}
}

// fresh returns why a version is older than its reader demands; nil if it is not.
func (c *committer) fresh(v *version, d Demand) error {
	stale := func(kind error, text string) *StaleError {
		if !v.exists() {
			return &StaleError{reason: fmt.Errorf("%w: the repository has no manifesto, %s", kind, text)}
		}
		reason := fmt.Errorf("the manifesto %s is %w: it has the number %d, %s", v.digest, kind, v.Number, text)
		return &StaleError{v.digest, reason}
	}
	switch {
	case v.Number < d.Minimum:
		return stale(ErrRolledBack, fmt.Sprintf("and at least %d is asked for", d.Minimum)).reason
	case v.exists() && v.digest == d.Accepted:
		return nil
	case v.Number < d.Floor.Number:
		return stale(ErrRolledBack, fmt.Sprintf("and %d was seen before", d.Floor.Number))
	case v.Number == d.Floor.Number && d.Floor.Digest != "" && v.digest != d.Floor.Digest:
		return stale(ErrForked, fmt.Sprintf("which %s had before", d.Floor.Digest))
	}
	return nil
}

// verdicts are the results of verifications in this run. The zero value has none. It is safe for concurrent use.
type verdicts struct {
	flight wait.Group

	mu    sync.Mutex
	known map[verdictKey]signing.Verdict
}

// verdictKey is what was verified, and by whom.
type verdictKey struct {
	verifier signing.Verifier
	target   oci.Digest
}

// of returns the verdict on a manifest. One without a good signature is not remembered: the signature may come later in
// the run.
func (v *verdicts) of(
	ctx context.Context, source signing.Source, verifier signing.Verifier, target oci.Descriptor,
) (signing.Verdict, error) {
	key := verdictKey{verifier, target.Digest}
	known := func() (signing.Verdict, bool, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		verdict, ok := v.known[key]
		return verdict, ok, nil
	}
	flight := fmt.Sprintf("%p %s", verifier, target.Digest)
	return wait.Shared(ctx, &v.flight, flight, sharedLimit, known, func(ctx context.Context) (signing.Verdict, error) {
		verdict, err := verifier.Verify(ctx, source, target)
		if err == nil && verdict.Good != nil {
			v.mu.Lock()
			defer v.mu.Unlock()
			if v.known == nil {
				v.known = map[verdictKey]signing.Verdict{}
			}
			v.known[key] = verdict
		}
		return verdict, err
	})
}
