package manifesto

import (
	"context"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// Snapshot is one version of a manifesto, with the result of its verification. Everything that is read from it was in
// that version, whatever other writers store meanwhile.
type Snapshot struct {
	committer *committer
	version   *version
	demand    Demand
	verified  Verified
}

// Described is a piece that a manifesto lists, and the image that it describes.
type Described struct {
	Image oci.Digest
	Entry format.Entry
}

// Trust returns the current manifesto of a repository once its signature was checked. A manifesto that cannot be
// trusted may have been replaced meanwhile, so the tag is looked at again before that is believed. Each signature is
// checked once a run. image is an image of the repository, which shows that the repository can be read if it has no
// manifesto; it may be empty. The error is one of the network, of ctx or of a manifesto that cannot be read.
func (s *Store) Trust(ctx context.Context, name oci.Repository, image oci.Digest, d Demand) (*Snapshot, error) {
	c := s.committer(name)
	v, verified, err := c.trusted(ctx, image, d)
	if err != nil {
		return nil, err
	}
	return &Snapshot{committer: c, version: v, demand: d, verified: verified}, nil
}

// Verified says whether the manifesto is to be trusted. It has neither an entry nor the signature of one.
func (s *Snapshot) Verified() Verified { return s.verified }

// Images returns the images that have metadata, in the manifesto's order, possibly none.
func (s *Snapshot) Images() []Image { return s.version.images() }

// Entries returns the entries of an image in the manifesto's order, possibly none.
func (s *Snapshot) Entries(image oci.Digest) []format.Entry { return s.version.doc.Entries(image) }

// Get returns the entry of a key, as Store.Get does. If there is none, the error is a *NoEntryError.
func (s *Snapshot) Get(ctx context.Context, key Key) (Piece, error) {
	entry, err := s.version.entry(key)
	if err != nil {
		return Piece{}, err
	}
	return s.committer.inspectEntry(ctx, s.version, entry)
}

// Verify says whether a piece of the snapshot is to be trusted: the manifesto is, and so is the signature of the
// piece's artifact. The error is one of the network or of ctx.
func (s *Snapshot) Verify(ctx context.Context, piece Described) (Verified, error) {
	verified := s.verified
	verified.Entry = piece.Entry
	if verified.Reason != nil || s.demand.Verifier == nil {
		return verified, nil //nolint:nilerr // The reason is a result.
	}
	key := Key{Repository: s.committer.name, Image: piece.Image, Type: piece.Entry.Type}
	err := s.committer.verifyEntry(ctx, key, s.demand.Verifier, &verified)
	return verified, err
}

// VerifyAll verifies several pieces, some of them at a time. Each result is at the index of its piece.
func (s *Snapshot) VerifyAll(ctx context.Context, pieces []Described) ([]Verified, error) {
	results := make([]Verified, len(pieces))
	err := eachAtOnce(ctx, pieces, lookParallel, func(ctx context.Context, i int, piece Described) (err error) {
		results[i], err = s.Verify(ctx, piece)
		return err
	})
	return results, err
}
