package manifesto

import (
	"context"
	"errors"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// VerifyAll is Verify for all entries that a filter selects, of one version of the manifesto. The first result is about
// the manifesto alone: it has no entry. Pieces have the reasons of their own artifacts only, so that those whose
// signatures hold are known although the manifesto's does not. A manifesto of which none may be believed has no pieces
// in the result: one that is older than it must be, a fork, or that of another repository.
func (s *Store) VerifyAll(
	ctx context.Context, name oci.Repository, filter Filter, d Demand,
) (Verified, map[Key]Verified, error) {
	c := s.committer(name)
	v, whole, err := c.trusted(ctx, filter.Image, d)
	if err != nil || whole.Reason != nil && !isUnsigned(whole.Reason) {
		return whole, nil, err
	}
	selected := v.selected(name, filter)
	results := make([]Verified, len(selected))
	err = eachAtOnce(ctx, selected, lookParallel, func(ctx context.Context, i int, l Located) error {
		results[i] = Verified{Number: whole.Number, Digest: whole.Digest, Manifesto: whole.Manifesto, Entry: l.Piece.Entry}
		return c.verifyEntry(ctx, l.Key, d.Verifier, &results[i])
	})
	if err != nil {
		return whole, nil, err
	}
	pieces := make(map[Key]Verified, len(selected))
	for i, l := range selected {
		pieces[l.Key] = results[i]
	}
	return whole, pieces, nil
}

// isUnsigned reports whether all that a manifesto lacks is a signature that counts.
func isUnsigned(reason error) bool {
	return errors.Is(reason, signing.ErrUnsigned) || errors.Is(reason, signing.ErrUntrusted)
}
