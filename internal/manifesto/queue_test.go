package manifesto

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func newTickets(t *testing.T, n int) []*ticket {
	t.Helper()
	tickets := make([]*ticket, n)
	for i := range tickets {
		tickets[i] = newTicket(t.Context(), change{})
	}
	return tickets
}

func TestPushAsksForOneCommitter(t *testing.T) {
	q, tickets := newQueue(), newTickets(t, 3)
	if !q.push(tickets[0]) {
		t.Error("the first push asks for no committer")
	}
	if q.push(tickets[1]) {
		t.Error("the second push asks for another committer")
	}
	if got := q.drainOrStop(); !slices.Equal(got, tickets[:2]) {
		t.Errorf("drained %v", got)
	}
	if q.push(tickets[2]) {
		t.Error("a push while a committer is at work asks for another one")
	}
	if got := q.drain(); !slices.Equal(got, tickets[2:]) {
		t.Errorf("drained %v", got)
	}
	if got := q.drainOrStop(); got != nil {
		t.Errorf("drained %v from an empty queue", got)
	}
	if !q.push(tickets[0]) {
		t.Error("a push after the committer has ended asks for none")
	}
}

func TestWithdrawRemovesOneTicket(t *testing.T) {
	q, tickets := newQueue(), newTickets(t, 3)
	for _, ticket := range tickets {
		q.push(ticket)
	}
	if !q.withdraw(tickets[1]) {
		t.Error("a queued ticket cannot be withdrawn")
	}
	if q.withdraw(tickets[1]) {
		t.Error("a ticket is withdrawn twice")
	}
	if got, want := q.drain(), []*ticket{tickets[0], tickets[2]}; !slices.Equal(got, want) {
		t.Errorf("drained %v, want %v", got, want)
	}
	if q.withdraw(tickets[0]) {
		t.Error("a ticket that a commit has taken is withdrawn")
	}
	if !q.empty() {
		t.Error("a drained queue is not empty")
	}
}

func TestGatherTakesWhatIsThereIfThePaceExpectsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, tickets := newQueue(), newTickets(t, 2)
		q.push(tickets[0])
		q.push(tickets[1])
		began := time.Now()
		if got := q.gather(0); !slices.Equal(got, tickets) || time.Since(began) != 0 {
			t.Errorf("gathered %v after %s", got, time.Since(began))
		}
	})
}

func TestGatherWaitsForTheExpectedTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, tickets := newQueue(), newTickets(t, 3)
		q.pace.most = 8
		go func() {
			for _, ticket := range tickets {
				time.Sleep(minLull / 2)
				q.push(ticket)
			}
		}()
		began := time.Now()
		if got := q.gather(1); !slices.Equal(got, tickets) {
			t.Errorf("gathered %v", got)
		}
		if took := time.Since(began); took != 3*minLull/2 {
			t.Errorf("waited for %s", took)
		}
	})
}

// Tickets that stop coming are not waited for, and the next commits expect half as many.
func TestGatherGivesUpAfterALull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, tickets := newQueue(), newTickets(t, 1)
		q.pace.most = 20
		q.push(tickets[0])
		began := time.Now()
		if got := q.gather(1); !slices.Equal(got, tickets) {
			t.Errorf("gathered %v", got)
		}
		// A token for the ticket that is queued already costs one round.
		if took := time.Since(began); took != minLull {
			t.Errorf("waited for %s, a lull is %s", took, minLull)
		}
		if q.pace.expected() != 5 || q.pace.lowered != patience {
			t.Errorf("expects %d for %d commits", q.pace.expected(), q.pace.lowered)
		}
	})
}

func TestIdleUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, tickets := newQueue(), newTickets(t, 2)
		q.push(tickets[0])
		q.drain() // Leaves a token behind, which must not end the wait.
		until := time.Now().Add(time.Minute)
		if err := q.idleUntil(t.Context(), until); err != nil || !time.Now().Equal(until) {
			t.Errorf("an idle queue: %v at %s", err, time.Now())
		}
		go func() {
			time.Sleep(time.Second)
			q.push(tickets[1])
		}()
		began := time.Now()
		err := q.idleUntil(t.Context(), began.Add(time.Minute))
		if !errors.Is(err, errProlonged) || time.Since(began) != time.Second {
			t.Errorf("a ticket after a second: %v after %s", err, time.Since(began))
		}
		q.drain()
		cause := errors.New("given up")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := q.idleUntil(ctx, time.Now().Add(time.Minute)); !errors.Is(err, cause) {
			t.Errorf("a caller that has given up: %v", err)
		}
	})
}
