package manifesto

import "time"

// Terraform works on ten resources at once. After a commit, their next changes arrive one by one. If the next commit
// started with the first of them, there would be at least twice as many commits as necessary, each as expensive as the
// document is large. So a commit waits for as many changes as the last one had, while they keep coming. If fewer come,
// the next commits expect fewer, because Terraform stands still while a commit waits.

// Bounds of how long a commit waits for one more change.
const (
	minLull = 50 * time.Millisecond
	maxLull = 250 * time.Millisecond
	// maxTook bounds the part of the lull that depends on how long the last commit took.
	maxTook = time.Second
	// lullFactor is the ratio of a lull to the mean gap between two changes.
	lullFactor = 3
	// gapWeight is the weight of the last gap in the mean: one part in gapWeight.
	gapWeight = 4
	// patience is the number of commits for which the expected batch stays lowered after a wait timed out.
	patience = 8
)

// pace describes how changes have arrived so far. The zero value expects none.
type pace struct {
	// expected is the number of changes that a commit waits for; lowered is the number of commits for which it stays.
	expected, lowered int
	// took is how long the last commit took.
	took time.Duration
	// gap is the mean time between two changes; last is when the last one arrived.
	gap  time.Duration
	last time.Time
}

// arrive records the arrival of a change.
func (p *pace) arrive(now time.Time) {
	if !p.last.IsZero() {
		p.gap += (min(now.Sub(p.last), maxLull) - p.gap) / gapWeight
	}
	p.last = now
}

// lull returns for how long no change must arrive before a commit stops waiting.
func (p *pace) lull() time.Duration {
	return max(min(p.took/2, maxTook), min(max(lullFactor*p.gap, minLull), maxLull))
}

// committed records a commit: how many changes it had or were queued at its end, and how long it took.
func (p *pace) committed(changes int, took time.Duration) {
	p.took = took
	if p.lowered > 0 {
		p.lowered--
	} else {
		p.expected = changes
	}
}

// lower records that a wait timed out when the given number of changes had arrived.
func (p *pace) lower(changes int) { p.expected, p.lowered = changes, patience }
