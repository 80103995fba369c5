package manifesto

import (
	"context"
	"log/slog"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// committer commits changes to one repository's manifesto. A process has one for each repository. It is safe for
// concurrent use.
type committer struct {
	name       oci.Repository
	repository Repository
	// exclusive is the repository if it can keep other writers out, and nil otherwise.
	exclusive Exclusive
	now       func() time.Time
	jitter    func(time.Duration) time.Duration
	log       *slog.Logger
	timing    *timing
	tag       *tag
	pins      *pinner
	publisher *publisher
	// base is what versions must be like that this run builds upon. Its Verifier is nil if this run does not sign.
	base Demand
	// sealed maps the manifests of manifestos that this run has signed to their signatures, until those are removed. Only
	// the commits use it, one after the other.
	sealed   map[oci.Digest]oci.Digest
	verdicts verdicts
	attached attachments
	ledger   ledger
	queue    *queue
}

func newCommitter(name oci.Repository, repository Repository, s *Store) *committer {
	log := s.log.With(slog.String("repository", name.String()))
	timing := &timing{fixed: s.options.Settle}
	exclusive, _ := repository.(Exclusive)
	if exclusive != nil && timing.fixed < 0 {
		timing.fixed = 0
	}
	base := Demand{Accepted: s.options.Accepted}
	if s.options.Signer != nil {
		base.Verifier = s.options.Verifier
	}
	t := &tag{name: name, repository: repository, timing: timing, jitter: s.jitter, log: log}
	return &committer{
		name: name, repository: repository, exclusive: exclusive, now: s.options.Now, jitter: s.jitter, log: log,
		timing: timing, tag: t, pins: newPinner(t), queue: newQueue(), sealed: map[oci.Digest]oci.Digest{},
		base:      base,
		publisher: &publisher{name: name, repository: repository, signer: s.options.Signer, log: log},
	}
}

// inspect returns an entry, and whether its content is pinned or missing. The error is a *NoEntryError if there is
// none.
func (c *committer) inspect(ctx context.Context, key Key) (Piece, error) {
	v, err := c.tag.load(ctx, key.Image)
	if err != nil {
		return Piece{}, err
	}
	entry, err := v.entry(key)
	if err != nil {
		return Piece{}, err
	}
	return c.inspectEntry(ctx, v, entry)
}

// inspectEntry finds out whether the content of a version's entry is pinned or missing.
func (c *committer) inspectEntry(ctx context.Context, v *version, entry format.Entry) (Piece, error) {
	if entry.Digest == "" {
		return Piece{Entry: entry, Missing: true}, nil
	}
	return c.pins.inspect(ctx, v.doc, entry)
}
