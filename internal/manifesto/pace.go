package manifesto

import "time"

// Terraform works on ten resources at once. A commit that started with the first of the next edits would have
// few of them, and the one after it the others: twice or more as many commits as there need be, each as
// expensive as the document is large. So a commit waits for as many edits as there have been callers at the
// same time, as long as they keep coming. Where fewer come, it soon expects no more than those: Terraform
// would stand still while it waits.

// Bounds of how long a commit waits for one more edit.
const (
	minQuiet = 50 * time.Millisecond
	maxQuiet = 250 * time.Millisecond
	// maxTook bounds the part of it that follows from how long the last commit took.
	maxTook = time.Second
	// quietFactor is how much longer than the mean between two edits it waits.
	quietFactor = 3
	// gapWeight says how much the last gap counts in the mean: one part in so many.
	gapWeight = 4
	// patience is how many commits expect no more than came when one has waited in vain.
	patience = 8
)

// pace is how edits have come so far.
type pace struct {
	// callers are how many edits a commit waits for; for so many commits more, no further ones are expected.
	callers, modest int
	// took is how long the last commit took.
	took time.Duration
	// gap is the mean time between two edits, last when the last one came.
	gap  time.Duration
	last time.Time
}

// arrive records that an edit has come.
func (p *pace) arrive(now time.Time) {
	if !p.last.IsZero() {
		p.gap += (min(now.Sub(p.last), maxQuiet) - p.gap) / gapWeight
	}
	p.last = now
}

// quiet is how long nothing must have come for nothing more to be expected.
func (p *pace) quiet() time.Duration {
	return max(min(p.took/2, maxTook), min(max(quietFactor*p.gap, minQuiet), maxQuiet))
}

// paced records a commit.
func (r *repository) paced(edits int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pace.took = took
	if r.pace.modest > 0 {
		r.pace.modest--
	} else {
		r.pace.callers = edits + len(r.queue)
	}
}

// gather waits until as many edits are there, with those taken already, as are expected, or none has come for
// a while, and takes those that came.
func (r *repository) gather(taken int) []*edit {
	timer := time.NewTimer(maxQuiet)
	defer timer.Stop()
	for {
		r.mu.Lock()
		there, callers, quiet := taken+len(r.queue), r.pace.callers, r.pace.quiet()
		r.mu.Unlock()
		if there >= callers {
			return r.more()
		}
		timer.Reset(quiet)
		select {
		case <-r.arrived:
		case <-timer.C:
			batch := r.more()
			r.mu.Lock()
			defer r.mu.Unlock()
			r.pace.callers, r.pace.modest = taken+len(batch), patience
			return batch
		}
	}
}
