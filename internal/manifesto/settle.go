package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// endBurst settles a burst and confirms its pins, even if the last batch failed. If more tickets arrive before that,
// they prolong the burst, and endBurst returns them. They are drained by then and cannot be withdrawn, so the burst
// will be settled after them. last is the ticket whose caller waits for the end, and gets the error. If its change is
// stored, an interrupt does not end that at once: callers of the burst were told that theirs are stored, too.
func (c *committer) endBurst(ctx context.Context, b *burst, last *ticket) []*ticket {
	if last.err == nil {
		var stop func()
		ctx, stop = wait.Linger(ctx, lingerTime)
		defer stop()
	}
	for ctx.Err() == nil {
		err := c.settleBurst(ctx, b, last)
		if errors.Is(err, errProlonged) {
			if batch := c.queue.drain(); len(batch) > 0 {
				return batch
			}
			continue // The caller of the new ticket has given up.
		}
		if ctx.Err() != nil {
			break // No caller waits any more.
		}
		if pinErr := c.confirmPins(ctx, b); err == nil {
			err = pinErr
		}
		if err == nil {
			c.cleanUp(ctx, b, last)
		}
		if last.err == nil {
			last.err = err
		}
		break
	}
	return nil
}

// confirmPins confirms the pins of a burst. Where other writers can be kept out, nobody settles, so that they must not
// put pins between the look at them here and what is put after it.
func (c *committer) confirmPins(ctx context.Context, b *burst) error {
	if len(b.pins) == 0 {
		return nil
	}
	confirm := func(ctx context.Context) error { return c.pins.confirm(ctx, b.pins, c.tag.state.current()) }
	if c.exclusive != nil {
		return c.exclusive.Exclusively(ctx, confirm)
	}
	return confirm(ctx)
}

// maxBackwards is how often in a row a burst stores its edits again because the tag holds an older version than the one
// that the registry has accepted.
const maxBackwards = 3

// settleBurst waits until the burst is settled. It stores the edits again that a rival's PUT has overwritten meanwhile.
// If the user has turned settling off, it looks at once and only once.
func (c *committer) settleBurst(ctx context.Context, b *burst, last *ticket) error {
	backwards := 0
	for !b.put.IsZero() {
		settle := c.timing.settle()
		c.log.LogAttrs(ctx, slog.LevelDebug, "waiting until no other writer can overwrite the manifesto unseen",
			slog.Duration("settle", settle), slog.Duration("wait", max(time.Until(b.put.Add(settle)), 0)))
		if err := c.queue.idleUntil(ctx, b.put.Add(settle)); err != nil {
			return err
		}
		stored := c.tag.state.current()
		v, err := c.settled(ctx, stored)
		if err != nil {
			return err
		}
		lost := b.missingFrom(v)
		b.put = time.Time{} // storeAgain sets it if it puts a manifest.
		if len(lost) == 0 {
			clear(b.edits)
			c.log.LogAttrs(ctx, slog.LevelDebug, "settled")
			return nil
		}
		if slices.Contains(stored.Ancestors, v.digest) {
			backwards++
		}
		if backwards > maxBackwards {
			return fmt.Errorf("%w: the registry accepted %s and still shows %s", ErrNotConfirmed,
				c.name.Digested(stored.digest), v.digest)
		}
		if err := c.storeAgain(ctx, b, lost, last); err != nil {
			return err
		}
	}
	return nil
}

// storeAgain commits edits that a rival has overwritten. A conflict is an error only for the caller that still waits.
// The other callers have their answers, and their next plan shows the rival's entry.
func (c *committer) storeAgain(ctx context.Context, b *burst, lost []*ticket, last *ticket) error {
	c.log.LogAttrs(ctx, slog.LevelDebug, "another writer has overwritten changes, which are stored again",
		slog.Any("keys", keysOf(lost)))
	c.commit(ctx, lost, b)
	for _, t := range lost {
		key := t.change[0].key
		switch {
		case t.isConflict():
			if b.drop(t); last.covers(key) {
				return t.err
			}
		case t.err != nil:
			return fmt.Errorf("%s was overwritten by another writer and could not be stored again: %w", key, t.err)
		}
	}
	return nil
}

// settled returns the version that the tag holds once the burst has settled. It believes even an older version than the
// current one, if that stays.
func (c *committer) settled(ctx context.Context, current *version) (*version, error) {
	seen, err := c.tag.observe(ctx, current, maxPolls, trustLast)
	switch {
	case err != nil:
		return nil, err
	case seen.kind == standing:
		return current, nil
	case seen.kind == another:
		return seen.found, nil
	}
	return nil, c.tag.vanished(current)
}
