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

// lingerTime is how long a commit goes on after all its callers have given up, once its manifest may be on its way.
const lingerTime = 10 * time.Second

// maxLate is the number of PUTs that could not be sent in time after which a commit gives up.
const maxLate = maxPolls

// store puts the manifest soon enough after a look that showed the base. If the outcome is unknown, it finds out.
// Callers that give up cannot cancel the PUT and what follows: Terraform waits after an interrupt, and they must learn
// what became of their changes.
func (a *attempt) store(ctx context.Context) error {
	if a.exclusive != nil {
		return a.exclusive.Exclusively(ctx, a.storeAlone)
	}
	lingering, stop := wait.Linger(ctx, lingerTime)
	defer stop()
	for late := range maxLate {
		if late > 0 && a.publisher.signer != nil {
			if err := a.seal(ctx); err != nil { // The window that the manifest announces has grown.
				return err
			}
		}
		within := a.timing.sendWithin(a.base.Window, late)
		if err := a.checkBase(ctx, within); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := a.replace(lingering, within); !errors.Is(err, oci.ErrLate) {
			return err
		}
		a.timing.measured(a.timing.window() / 2) // Announce a window twice as long.
		a.log.LogAttrs(ctx, slog.LevelDebug, "the manifest could not be sent in time after the look at the tag",
			slog.Duration("limit", within))
	}
	return fmt.Errorf("%w: between a look at the tag and the change too much time went by, %d times",
		ErrNotConfirmed, maxLate)
}

// checkBase checks that the tag still holds the base, unless a recent look has shown it.
func (a *attempt) checkBase(ctx context.Context, within time.Duration) error {
	if !a.lookedAt.IsZero() && time.Since(a.lookedAt) <= within {
		return nil
	}
	return a.look(ctx)
}

// noLimit is how long after a look a manifest may be put while no other writer can come in between.
const noLimit = 24 * time.Hour

// replace puts the manifest within the given time after the look, and decides the batch.
func (a *attempt) replace(ctx context.Context, within time.Duration) error {
	began := time.Now()
	if err := a.put(ctx, within); err != nil {
		return err
	}
	if a.putErr != nil {
		return a.confirm(ctx)
	}
	a.tag.state.show(a.next, began)
	a.accepted(ctx)
	return nil
}

// put puts the manifest. It is sent once, within the given time after the look that showed the base, or not at all; the
// error is then oci.ErrLate.
func (a *attempt) put(ctx context.Context, within time.Duration) error {
	if took := time.Since(a.lookedAt); took > within {
		a.timing.measured(took)
		return oci.ErrLate
	}
	if a.publisher.signer == nil { // Otherwise it was sealed before the look, because that takes time.
		if err := a.seal(ctx); err != nil {
			return err
		}
	}
	a.putErr = a.repository.PutManifest(ctx, format.Tag, a.manifest, a.lookedAt.Add(within))
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

// confirm finds out what became of a PUT that has failed. If the tag holds our version or a descendant of it, the batch
// is stored. If it holds a rival's version, the changes that this has are stored, and the others start over. If it
// keeps showing the base or an older version, the PUT was lost.
func (a *attempt) confirm(ctx context.Context) error {
	seen, err := a.tag.observe(ctx, a.next, maxPolls/2, distrustLast) // Most likely it never arrived: start over.
	switch {
	case err != nil:
		return err
	case seen.kind == standing:
		a.tag.state.show(a.next, seen.began)
		a.accepted(ctx)
		return nil
	case seen.kind == another && slices.Contains(seen.found.Ancestors, a.next.digest):
		a.accepted(ctx) // The next writer has built on ours.
		return nil
	case seen.kind == another:
		a.tag.state.lost(a.next)
		a.keepMissing(seen.found)
		a.log.LogAttrs(ctx, slog.LevelDebug, "another writer has replaced our manifesto before it was confirmed",
			slog.String("ours", a.next.digest.String()), slog.String("theirs", seen.digest.String()),
			slog.Any("lost", keysOf(a.batch)))
		return errStartOver
	}
	return a.putErr
}

// accepted decides the batch as stored. The next look at the tag, or the last of the burst, confirms that.
func (a *attempt) accepted(ctx context.Context) {
	a.log.LogAttrs(ctx, slog.LevelDebug, "committed", slog.String("digest", a.next.digest.String()),
		slog.Int64("number", a.next.Number), slog.Int("changes", len(a.batch)), slog.Any("keys", keysOf(a.batch)),
		slog.Duration("window", a.next.Window))
	for _, t := range a.batch {
		t.unverified = a.unverified
	}
	a.decide(a.batch, nil, a.next)
	a.burst.supersede(a)
	a.burst.add(a.batch, a.next)
	a.burst.add(a.again, a.next)
	a.burst.last = a.next.digest
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
		a.decide([]*ticket{t}, nil, rival)
		a.burst.add([]*ticket{t}, rival)
	}
	a.batch = rest
}
