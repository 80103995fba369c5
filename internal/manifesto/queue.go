package manifesto

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// queue holds the tickets that no commit has taken yet. It is safe for concurrent use.
type queue struct {
	mu      sync.Mutex
	tickets []*ticket
	// running says that a committer is at work.
	running bool
	pace    pace
	// arrived tells a committer that waits that there is a ticket.
	arrived chan struct{}
}

func newQueue() *queue { return &queue{arrived: make(chan struct{}, 1)} }

// push queues a ticket. True means that no committer is at work, and that the caller must start one.
func (q *queue) push(t *ticket) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tickets = append(q.tickets, t)
	q.pace.arrive(time.Now())
	select {
	case q.arrived <- struct{}{}:
	default: // It has been told.
	}
	start = !q.running
	q.running = true
	return start
}

// withdraw takes a ticket back. False means that a commit has taken it.
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

// drain empties the queue for a committer that continues even if there is nothing in it.
func (q *queue) drain() []*ticket {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.drainLocked()
}

// drainOrStop empties the queue. If there is nothing in it, the committer has ended.
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

// gather waits until the queue and the tickets already taken are as many as the pace expects, or until no further one
// has come for a while. It empties the queue.
func (q *queue) gather(taken int) []*ticket {
	timer := time.NewTimer(maxLull)
	defer timer.Stop()
	for {
		q.mu.Lock()
		complete, lull := taken+len(q.tickets) >= q.pace.expected, q.pace.lull()
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

// committed tells the pace how many tickets a commit had, and how long it took.
func (q *queue) committed(tickets int, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pace.committed(tickets+len(q.tickets), took)
}

// errProlonged says that more tickets have arrived before a burst was settled.
var errProlonged = errors.New("more changes have arrived")

// idleUntil waits until a time. The error is errProlonged if more tickets have arrived, and the cause of ctx's end if
// ctx has ended.
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
