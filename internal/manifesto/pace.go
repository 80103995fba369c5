package manifesto

import "time"

// Terraform works on ten resources at once, or on as many as -parallelism says. After a commit, their next changes
// arrive one by one. If the next commit started with the first of them, there would be several times as many commits as
// necessary, each as expensive as the document is large. If it waited for all of them, Terraform would stand still
// during each commit. So a commit waits for half of the callers, while their changes keep coming: the other half keeps
// Terraform busy. If fewer come, the next commits expect fewer.

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
	// inside is the number of callers who have a change under way, most the largest number so far.
	inside, most int
	// fewer is the number of changes that a commit waits for after a wait in vain, lowered for how many commits.
	fewer, lowered int
	// took is how long the last commit took.
	took time.Duration
	// gap is the mean time between two changes; last is when the last one arrived.
	gap  time.Duration
	last time.Time
}

// enter records a caller who begins with a change, leave one who has ended.
func (p *pace) enter() {
	p.inside++
	p.most = max(p.most, p.inside)
}

func (p *pace) leave() { p.inside-- }

// expected returns the number of changes that a commit waits for.
func (p *pace) expected() int {
	if p.lowered > 0 {
		return p.fewer
	}
	return (p.most + 1) / 2
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

// committed records how long a commit took.
func (p *pace) committed(took time.Duration) {
	p.took = took
	if p.lowered > 0 {
		p.lowered--
	}
}

// lower records that a wait timed out when the given number of changes had arrived.
func (p *pace) lower(changes int) { p.fewer, p.lowered = max(changes, p.expected()/2), patience }
