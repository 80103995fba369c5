package manifesto

import "time"

// Terraform works on ten resources at once. A commit that started with the first of the next changes would have few of
// them, and the one after it the others: at least twice as many commits as necessary, each as expensive as the document
// is large. So a commit waits for as many changes as there were callers at the same time, while they keep coming. If
// fewer come, it soon expects no more than those: Terraform would stand still while it waits.

// Bounds of how long a commit waits for one more change.
const (
	minLull = 50 * time.Millisecond
	maxLull = 250 * time.Millisecond
	// maxTook bounds the part of the lull that follows from how long the last commit took.
	maxTook = time.Second
	// lullFactor is how much longer than the mean gap between two changes a lull is.
	lullFactor = 3
	// gapWeight is the weight of the last gap in the mean: one part in gapWeight.
	gapWeight = 4
	// patience is the number of commits for which the expected batch stays lowered after a wait timed out.
	patience = 8
)

// pace is how changes have come so far. The zero value expects none.
type pace struct {
	// expected is how many changes a commit waits for. For the next lowered commits it does not rise.
	expected, lowered int
	// took is how long the last commit took.
	took time.Duration
	// gap is the mean time between two changes; last is when the last one came.
	gap  time.Duration
	last time.Time
}

// arrive records that a change has come.
func (p *pace) arrive(now time.Time) {
	if !p.last.IsZero() {
		p.gap += (min(now.Sub(p.last), maxLull) - p.gap) / gapWeight
	}
	p.last = now
}

// lull is how long nothing must come before nothing more is expected.
func (p *pace) lull() time.Duration {
	return max(min(p.took/2, maxTook), min(max(lullFactor*p.gap, minLull), maxLull))
}

// committed records a commit and how many changes there were, committed or queued, at its end.
func (p *pace) committed(changes int, took time.Duration) {
	p.took = took
	if p.lowered > 0 {
		p.lowered--
	} else {
		p.expected = changes
	}
}

// lower records a wait that timed out with so many changes.
func (p *pace) lower(changes int) { p.expected, p.lowered = changes, patience }
