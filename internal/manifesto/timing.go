package manifesto

import (
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// Between a writer's last look at the tag and the moment its PUT takes effect, it can overwrite a rival's PUT without
// either of them noticing. That time is the writer's window; it announces a bound of it in its manifests. A writer that
// looked before our PUT has finished its own PUT once the largest window has elapsed. From then on the manifest that
// the tag holds, or a descendant of it, can only be built upon: it is settled.

// Bounds of a window. The lower one covers what is too short to be measured well, the upper one is the longest that a
// run waits for others.
const (
	minWindow = 250 * time.Millisecond
	maxWindow = format.MaxWindow
	// lagDivisor says how much of a window a replica's answer may be behind the registry: a look that
	// shows an outdated tag extends its writer's window by that much.
	lagDivisor = 2
	// windowFactor is how much longer than the slowest measured a window may take.
	windowFactor = 4
	// relayDivisor says which part of another writer's window is not relayed: a run that settles for one and a half
	// times the rest has waited for all of it.
	relayDivisor = 4
)

// timing is what a run knows of its own and others' windows. It is safe for concurrent use.
type timing struct {
	// fixed replaces the measured settle time if the user set one; negative means measure.
	fixed time.Duration

	mu sync.Mutex
	// slowest is this run's longest time from a look to the end of its PUT, announced the largest window that
	// any manifest has announced.
	slowest, announced time.Duration
}

// measured records how long a look and its PUT took.
func (t *timing) measured(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slowest = max(t.slowest, d)
}

// hear records the window that a manifest announces.
func (t *timing) hear(window time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.announced = max(t.announced, window)
}

// window is the bound of this run's own.
func (t *timing) window() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.windowLocked()
}

func (t *timing) windowLocked() time.Duration {
	return min(max(windowFactor*t.slowest, minWindow), maxWindow)
}

// announcement is the window that the next manifest announces: this run's own, or a part of the largest that was
// announced to it, so that a fast writer's first manifest does not make others forget a slow writer. Relaying it in
// full would keep one slow window alive indefinitely.
func (t *timing) announcement() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.windowLocked(), t.announced-t.announced/relayDivisor)
}

// settle is how long after a PUT nobody can overwrite it unseen any more.
func (t *timing) settle() time.Duration {
	if t.fixed >= 0 {
		return t.fixed
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	window := max(t.windowLocked(), t.announced)
	return window + window/lagDivisor
}
