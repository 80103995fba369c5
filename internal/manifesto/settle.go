package manifesto

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// Between a writer's last look at the tag and the moment at which its PUT takes effect, a rival's PUT can
// be overwritten without either noticing. That time is the writer's window; it announces a bound of it in
// its manifests. Whoever looked before our PUT has put before the largest window has passed since. A
// manifest that the tag holds then, or a descendant of it, can only be built upon: it is settled
// (section 4 of the design).

// Bounds of a window. The lower one covers what is too short to be measured well, the upper one is the
// longest that a run waits for others.
const (
	minWindow = 250 * time.Millisecond
	maxWindow = format.MaxWindow
	// lagDivisor says how much of a window a replica's answer may be behind the registry: a look that
	// shows the tag as it was extends its writer's window by that much.
	lagDivisor = 2
	// windowFactor is how much longer than the slowest measured a window may take.
	windowFactor = 4
	// relayDivisor says which part of another writer's window is not relayed: who settles for one and a half
	// times the rest has waited for all of it.
	relayDivisor = 4
)

// timing is what a run knows of its own and others' windows.
type timing struct {
	// fixed replaces the measured settle time where the user set one; negative means measure.
	fixed time.Duration

	mu sync.Mutex
	// slowest is this run's longest time from a look to the end of its PUT, seen the largest window that
	// any manifest has announced.
	slowest, seen time.Duration
}

// observe records how long a look and its PUT took.
func (t *timing) observe(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowest = max(t.slowest, d)
}

// announced records another writer's window.
func (t *timing) announced(window time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = max(t.seen, window)
}

// window is the bound of this run's own.
func (t *timing) window() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return min(max(windowFactor*t.slowest, minWindow), maxWindow)
}

// announcement is the window that the next manifest announces: this run's own or, so that a slow writer is
// not forgotten with the first manifest of a fast one, a part of the largest that was announced to it. All of
// it would be remembered for ever.
func (t *timing) announcement() time.Duration {
	own := t.window()
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(own, t.seen-t.seen/relayDivisor)
}

// settle is how long after a PUT nobody can overwrite it unseen any more.
func (t *timing) settle() time.Duration {
	if t.fixed >= 0 {
		return t.fixed
	}
	own := t.window()
	t.mu.Lock()
	defer t.mu.Unlock()
	window := max(own, t.seen)
	return window + window/lagDivisor
}

// burst is what the committer has done since it was last idle.
type burst struct {
	// touched are the pin manifests that it has put and not confirmed yet.
	touched map[int]putPins
	// edits are the last confirmed one of each key: what must be in the manifesto when it settles.
	edits map[Key]*edit
	// put is when the last PUT of the manifesto ended; zero where there was none. failed says that it did not succeed.
	put    time.Time
	failed bool
}

// add records edits that were confirmed in a version.
func (b *burst) add(edits []*edit, v *version) {
	for _, e := range edits {
		e.confirmed = v.digest
		b.edits[e.key] = e
	}
}

// endBurst ends a burst: it settles, and the pins are confirmed, whatever became of the last batch. It returns
// early, with edits, where more have arrived, which prolong the burst: they cannot be withdrawn any more, so
// that it will be settled after them. last is the edit whose caller waits, and is told what went wrong.
func (r *repository) endBurst(ctx context.Context, b *burst, last *edit) []*edit {
	for ctx.Err() == nil {
		err := r.settleBurst(ctx, b, last)
		if errors.Is(err, errProlonged) {
			if batch := r.more(); len(batch) > 0 {
				return batch
			}
			continue // Whoever came has given up.
		}
		if ctx.Err() != nil {
			break // Nobody waits any more: what was confirmed is.
		}
		if pinErr := r.confirmPins(ctx, b.touched); err == nil {
			err = pinErr
		}
		if last.err == nil {
			last.err = err
		}
		break
	}
	return nil
}

// errProlonged says that more edits have arrived before a burst was settled.
var errProlonged = errors.New("more edits have arrived")

// settleBurst waits until the burst is settled, and commits again what a rival's PUT has overwritten in the
// meantime.
func (r *repository) settleBurst(ctx context.Context, b *burst, last *edit) error {
	for !b.put.IsZero() {
		settle := r.timing.settle()
		if err := r.idleUntil(ctx, b.put.Add(settle)); err != nil {
			return err
		}
		var lost []*edit
		if settle > 0 { // Otherwise there is no other writer to look for.
			var err error
			if lost, err = r.lostEdits(ctx, b); err != nil {
				return err
			}
		}
		b.put = time.Time{} // The commit sets it anew, unless there is nothing to change.
		if len(lost) == 0 {
			clear(b.edits)
			break
		}
		r.commit(ctx, lost, b)
		for _, e := range lost {
			conflict := errors.Is(e.err, ErrExists) || errors.Is(e.err, ErrChanged)
			switch {
			case conflict && e.key == last.key:
				return e.err
			case conflict: // Its caller has its answer; the next plan shows who was faster.
			case e.err != nil:
				return fmt.Errorf("%s was overwritten by another writer and could not be stored again: %w", e.key, e.err)
			}
		}
	}
	return nil
}

// idleUntil waits until a time. It returns errProlonged where more edits have arrived, and the error of ctx
// where that has ended.
func (r *repository) idleUntil(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		r.mu.Lock()
		more := len(r.queue) > 0
		r.mu.Unlock()
		if more {
			return errProlonged
		}
		select {
		case <-timer.C:
			return nil
		case <-r.arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lostEdits looks at the tag and returns, ready to be committed again, the edits of the burst that what it
// holds does not have.
func (r *repository) lostEdits(ctx context.Context, b *burst) ([]*edit, error) {
	current := r.known()
	for look, ended := range looks(ctx) {
		if ended != nil {
			return nil, ended
		}
		looked, digest, err := r.look(ctx)
		switch {
		case err != nil:
			return nil, err
		case digest != "" && digest == current.digest:
			return b.missingFrom(current), nil
		case digest != "" && (look == maxLooks || !r.lags(current, digest, look)):
			// An older manifesto that stays is no replica's any more: something has sent its PUT again.
			v, err := r.learn(ctx, digest, looked)
			if err != nil {
				return nil, err
			}
			return b.missingFrom(v), nil
		}
	}
	return nil, r.vanished(current)
}

// missingFrom returns copies of the burst's edits that a version lacks: the originals' callers may have
// their answers already. Whoever has built on the version that an edit was confirmed in has seen it, and
// may have changed it since.
func (b *burst) missingFrom(v *version) []*edit {
	var lost []*edit
	for _, e := range b.edits {
		if e.confirmed != v.digest && !slices.Contains(v.Ancestors, e.confirmed) && !e.holds(v.doc) {
			lost = append(lost, e.again())
		}
	}
	slices.SortFunc(lost, func(a, b *edit) int { return cmp.Compare(a.key.String(), b.key.String()) })
	return lost
}

// again returns the edit as it was before it was committed.
func (e *edit) again() *edit {
	return &edit{
		key: e.key, check: e.check, apply: e.apply, holds: e.holds, remove: e.remove, create: e.create,
		content: e.content, repair: e.repair, ctx: e.ctx, done: make(chan struct{}),
	}
}
