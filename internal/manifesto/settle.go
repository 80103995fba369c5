package manifesto

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// burst is what committer.run has done since it was last idle.
type burst struct {
	// pins are the pin manifests that it has put and not confirmed yet.
	pins map[int]pinPut
	// edits maps a key to its last confirmed edits, one for each reference, which the manifesto must have when the burst
	// settles.
	edits map[Key][]confirmed
	// put is when the last PUT of the manifesto ended; zero if there was none. failed says that this PUT failed.
	put    time.Time
	failed bool
}

// confirmed is an edit that was seen under the tag.
type confirmed struct {
	edit
	// in is the digest of the version that has the edit.
	in oci.Digest
}

func newBurst() *burst { return &burst{pins: map[int]pinPut{}, edits: map[Key][]confirmed{}} }

// add records tickets that were confirmed in a version.
func (b *burst) add(tickets []*ticket, v *version) {
	for _, t := range tickets {
		for _, e := range t.change {
			earlier := slices.DeleteFunc(b.edits[e.key], func(old confirmed) bool { return e.supersedes(old.edit) })
			b.edits[e.key] = append(earlier, confirmed{edit: e, in: v.digest})
		}
	}
}

// endBurst settles a burst and confirms its pins, even if the last batch failed. If more tickets arrive before that,
// they prolong the burst, and endBurst returns them. They are drained by then and cannot be withdrawn, so the burst
// will be settled after them. last is the ticket whose caller waits for the end, and gets the error.
func (c *committer) endBurst(ctx context.Context, b *burst, last *ticket) []*ticket {
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
		if pinErr := c.pins.confirm(ctx, b.pins, c.tag.state.current()); err == nil {
			err = pinErr
		}
		if last.err == nil {
			last.err = err
		}
		break
	}
	return nil
}

// settleBurst waits until the burst is settled, and stores the edits again that a rival's PUT has overwritten
// meanwhile.
func (c *committer) settleBurst(ctx context.Context, b *burst, last *ticket) error {
	for !b.put.IsZero() {
		settle := c.timing.settle()
		c.log.LogAttrs(ctx, slog.LevelDebug, "waiting until no other writer can overwrite the manifesto unseen",
			slog.Duration("settle", settle), slog.Duration("wait", max(time.Until(b.put.Add(settle)), 0)))
		if err := c.queue.idleUntil(ctx, b.put.Add(settle)); err != nil {
			return err
		}
		var lost []*ticket
		if settle > 0 { // Otherwise there is no other writer to look for.
			var err error
			if lost, err = c.lostTickets(ctx, b); err != nil {
				return err
			}
		}
		b.put = time.Time{} // storeAgain sets it if it puts a manifest.
		if len(lost) == 0 {
			clear(b.edits)
			c.log.LogAttrs(ctx, slog.LevelDebug, "settled")
			return nil
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
		case t.isConflict() && last.covers(key):
			return t.err
		case t.isConflict():
		case t.err != nil:
			return fmt.Errorf("%s was overwritten by another writer and could not be stored again: %w", key, t.err)
		}
	}
	return nil
}

// lostTickets returns tickets for the edits of the burst that the version under the tag lacks.
func (c *committer) lostTickets(ctx context.Context, b *burst) ([]*ticket, error) {
	current := c.tag.state.current()
	seen, err := c.tag.observe(ctx, current, maxPolls, trustLast)
	switch {
	case err != nil:
		return nil, err
	case seen.kind == standing:
		return b.missingFrom(ctx, current), nil
	case seen.kind == another:
		return b.missingFrom(ctx, seen.found), nil
	}
	return nil, c.tag.vanished(current)
}

// missingFrom returns tickets for the edits of the burst that a version lacks. Each ticket has one edit, because the
// callers of the original tickets may have their answers. If the version descends from the one with the edit, its
// writer has seen the edit and may have changed the entry since.
func (b *burst) missingFrom(ctx context.Context, v *version) []*ticket {
	var lost []*ticket
	for _, edits := range b.edits {
		for _, e := range edits {
			built := e.in == v.digest || slices.Contains(v.Ancestors, e.in)
			if !built && !e.holds(v.doc) {
				lost = append(lost, newTicket(ctx, change{e.edit}))
			}
		}
	}
	slices.SortFunc(lost, func(a, b *ticket) int {
		return cmp.Or(cmp.Compare(a.change[0].key.String(), b.change[0].key.String()),
			cmp.Compare(a.change[0].reference, b.change[0].reference))
	})
	return lost
}
