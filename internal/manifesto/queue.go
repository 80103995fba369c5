package manifesto

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// queue holds the tickets that no commit has taken yet. newQueue makes one. It is safe for concurrent use.
type queue struct {
	mu      sync.Mutex
	tickets []*ticket
	// running says that committer.run is at work.
	running bool
	pace    pace
	// arrived wakes committer.run when a ticket has arrived while it waits.
	arrived chan struct{}
}

func newQueue() *queue { return &queue{arrived: make(chan struct{}, 1)} }

// push queues a ticket. True means that the caller must start committer.run.
func (q *queue) push(t *ticket) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tickets = append(q.tickets, t)
	q.pace.arrive(time.Now())
	select {
	case q.arrived <- struct{}{}:
	default: // It has a token already.
	}
	start = !q.running
	q.running = true
	return start
}

// withdraw removes a ticket from the queue. False means that a commit has taken it.
func (q *queue) withdraw(t *ticket) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.tickets, t)
	if i < 0 {
		return false
	}
	q.tickets = slices.Delete(q.tickets, i, i+1)
	return true
}

// drain empties the queue. committer.run stays at work even if the queue was empty.
func (q *queue) drain() []*ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.drainLocked()
}

// drainOrStop empties the queue. If the queue was empty, committer.run counts as ended.
func (q *queue) drainOrStop() []*ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = len(q.tickets) > 0
	return q.drainLocked()
}

func (q *queue) drainLocked() []*ticket {
	tickets := q.tickets
	q.tickets = nil
	return tickets
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tickets) == 0
}

// gather waits until there are as many tickets as the pace expects, queued or already taken, or until no ticket has
// arrived for a lull. It empties the queue.
func (q *queue) gather(taken int) []*ticket {
	timer := time.NewTimer(maxLull)
	defer timer.Stop()
	for {
		q.mu.Lock()
		complete, lull := taken+len(q.tickets) >= q.pace.expected(), q.pace.lull()
		q.mu.Unlock()
		if complete {
			return q.drain()
		}
		timer.Reset(lull)
		select {
		case <-q.arrived:
		case <-timer.C:
			q.mu.Lock()
			defer q.mu.Unlock()
			tickets := q.drainLocked()
			q.pace.lower(taken + len(tickets))
			return tickets
		}
	}
}

// committed records for the pace how long a commit took.
func (q *queue) committed(took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pace.committed(took)
}

// enter records a caller who begins with a change, even if it has not queued one yet. The caller must call leave when
// it has ended.
func (q *queue) enter() (leave func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pace.enter()
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.pace.leave()
	}
}

// errProlonged ends the wait for a burst to settle, because more tickets have arrived.
var errProlonged = errors.New("more changes have arrived")

// idleUntil waits until the given time, or until a ticket arrives; the error is then errProlonged. If ctx ends, the
// error is the cause of that.
func (q *queue) idleUntil(ctx context.Context, until time.Time) error {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	for {
		if !q.empty() {
			return errProlonged
		}
		select {
		case <-timer.C:
			return nil
		case <-q.arrived:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
