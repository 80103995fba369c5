package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// checkBase checks that the tag still holds the base, unless a look less than half a window ago has shown it.
func (a *attempt) checkBase(ctx context.Context) error {
	if !a.lookedAt.IsZero() && time.Since(a.lookedAt) <= a.timing.window()/2 {
		return nil
	}
	if a.burst.failed {
		a.tag.stagger(ctx)
	}
	return a.look(ctx)
}

// lingerTime is how long a commit goes on after all its callers have given up, once its manifest may be on its way.
const lingerTime = 10 * time.Second

// store puts the manifest and confirms it. Callers that give up cannot cancel that: Terraform waits after an interrupt,
// and they must learn what became of their changes.
func (a *attempt) store(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, stop := wait.Linger(ctx, lingerTime)
	defer stop()
	if err := a.put(ctx); err != nil {
		return err
	}
	return a.confirm(ctx)
}

// put puts the manifest. It is sent once, within half a window after the look that showed the base.
func (a *attempt) put(ctx context.Context) error {
	window := a.timing.window()
	if took := time.Since(a.lookedAt); took > window/2 {
		a.timing.measured(took) // Announce a longer window next time.
		return oci.ErrLate
	}
	a.next.Window = a.timing.announcement()
	m, err := a.image.Manifest(a.name, a.next.Header)
	if err != nil {
		return err
	}
	a.next.digest = m.Digest
	a.putErr = a.repository.PutManifest(ctx, format.Tag, m, a.lookedAt.Add(window/2))
	if errors.Is(a.putErr, oci.ErrLate) {
		return a.putErr
	}
	a.burst.put, a.burst.failed = time.Now(), a.putErr != nil
	a.timing.measured(a.burst.put.Sub(a.lookedAt))
	switch {
	case errors.Is(a.putErr, oci.ErrRateLimited):
		return fmt.Errorf("%w: %w", oci.ErrAmbiguous, a.putErr) // Refused: start over later.
	case a.putErr != nil && !errors.Is(a.putErr, oci.ErrAmbiguous):
		return a.putErr
	}
	return nil
}

// confirm finds out what became of the PUT. If the tag holds our version or a descendant of it, the batch is stored. If
// it holds a rival's version, the changes that this has are stored, and the others start over. If it keeps showing the
// base or an older version, the PUT was lost, or the registry is too far behind to tell.
func (a *attempt) confirm(ctx context.Context) error {
	limit := maxPolls
	if a.putErr != nil {
		limit = maxPolls / 2 // Most likely it never arrived: start over.
	}
	seen, err := a.tag.observe(ctx, a.next, limit, distrustLast)
	switch {
	case err != nil:
		return err
	case seen.kind == standing:
		a.tag.state.show(a.next, seen.began)
		a.confirmed(ctx)
		return nil
	case seen.kind == another && slices.Contains(seen.found.Ancestors, a.next.digest):
		a.confirmed(ctx) // The next writer has built on ours.
		return nil
	case seen.kind == another:
		a.tag.state.lost(a.next)
		a.keepMissing(seen.found)
		a.log.LogAttrs(ctx, slog.LevelDebug, "another writer has replaced our manifesto before it was confirmed",
			slog.String("ours", a.next.digest.String()), slog.String("theirs", seen.digest.String()),
			slog.Any("lost", keysOf(a.batch)))
		return errStartOver
	case a.putErr != nil:
		return a.putErr
	}
	return fmt.Errorf("%w: the registry accepted %s and still shows %s", ErrNotConfirmed,
		a.name.Digested(a.next.digest), a.base.digest)
}

// confirmed decides the batch as stored.
func (a *attempt) confirmed(ctx context.Context) {
	a.log.LogAttrs(ctx, slog.LevelDebug, "committed", slog.String("digest", a.next.digest.String()),
		slog.Int64("number", a.next.Number), slog.Int("changes", len(a.batch)), slog.Any("keys", keysOf(a.batch)),
		slog.Duration("window", a.next.Window))
	a.decide(a.batch, nil, a.next.doc)
	a.burst.add(a.batch, a.next)
	a.batch = nil
}

// keepMissing decides the changes that a rival's version has as stored, and keeps the others in the batch.
func (a *attempt) keepMissing(rival *version) {
	var rest []*ticket
	for _, t := range a.batch {
		if !t.holds(rival.doc) {
			rest = append(rest, t)
			continue
		}
		a.decide([]*ticket{t}, nil, rival.doc)
		a.burst.add([]*ticket{t}, rival)
	}
	a.batch = rest
}
