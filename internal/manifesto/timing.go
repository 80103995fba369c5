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

// Bounds of a window. Times below the lower bound cannot be measured well; the upper bound is the longest that a run
// waits for other writers.
const (
	minWindow = 250 * time.Millisecond
	maxWindow = format.MaxWindow
	// lagDivisor is the ratio of a window to the time by which a replica may lag. A look that shows an outdated tag
	// extends its writer's window by that time.
	lagDivisor = 2
	// windowFactor is the ratio of the window to the slowest time that was measured.
	windowFactor = 4
	// maxUnknown is the number of times that a PUT may miss what other writers know, after which it is sent by what only
	// this run knows.
	maxUnknown = 3
	// relayDivisor is the part of another writer's window that is not relayed: a quarter. A run that settles for one
	// and a half times the rest still waits for the whole window.
	relayDivisor = 4
)

// timing is what a run knows about its own window and those of other writers. It is safe for concurrent use.
type timing struct {
	// fixed is the settle time that the user has set; if negative, it is measured.
	fixed time.Duration

	mu sync.Mutex
	// slowest is the longest time that this run has taken from a look to the end of its PUT. announced is the largest
	// window that a manifest has announced.
	slowest, announced time.Duration
	// uploads is how long the last uploads of a manifest's blobs took, look how long the last look beside them.
	uploads, look time.Duration
}

// uploaded records how long the uploads of a manifest's blobs took.
func (t *timing) uploaded(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.uploads = d
}

// looked records how long a look beside the uploads took.
func (t *timing) looked(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look = d
}

// lookDelay returns how long after the beginning of the uploads a look must begin to end with them.
func (t *timing) lookDelay() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.uploads-t.look, 0)
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

// window returns this run's window.
func (t *timing) window() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.windowLocked()
}

func (t *timing) windowLocked() time.Duration {
	return min(max(windowFactor*t.slowest, minWindow), maxWindow)
}

// sendWithin returns how long after a look at the tag a PUT may be sent: half a window. Others settle by the window
// that they know of: the one that the manifest under the tag has announced. A window that has grown since then is of no
// use until a manifest announces it. If the registry is so slow that this cannot be kept, which late counts, this run's
// own window must do: others have measured the same slow registry.
func (t *timing) sendWithin(announced time.Duration, late int) time.Duration {
	window := t.window()
	if late < maxUnknown {
		window = min(window, max(announced, minWindow))
	}
	return window / 2
}

// announcement returns the window for the next manifest to announce: this run's own, or three quarters of the largest
// that other manifests have announced, so that the manifest of a fast writer does not make others forget a slow one.
// Relaying that window in full would keep it alive indefinitely.
func (t *timing) announcement() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.windowLocked(), t.announced-t.announced/relayDivisor)
}

// settle returns how long after a PUT another writer could still overwrite it unseen.
func (t *timing) settle() time.Duration {
	if t.fixed >= 0 {
		return t.fixed
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	window := max(t.windowLocked(), t.announced)
	return window + window/lagDivisor
}
