package registry

import (
	"context"
	"sync"
)

// turns let one caller at a time do something with a subject. The zero value is ready to use. It is safe for concurrent
// use.
type turns struct {
	mu sync.Mutex
	// taken has the subjects that somebody works on or waits for.
	taken map[string]*turn
}

// turn is one of turns: held has one element while somebody works.
type turn struct {
	held  chan struct{}
	users int
}

// take waits for the caller's turn, or until ctx ends. The caller must call done.
func (t *turns) take(ctx context.Context, subject string) (done func(), err error) {
	t.mu.Lock()
	if t.taken == nil {
		t.taken = map[string]*turn{}
	}
	own := t.taken[subject]
	if own == nil {
		own = &turn{held: make(chan struct{}, 1)}
		t.taken[subject] = own
	}
	own.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if own.users--; own.users == 0 {
			delete(t.taken, subject)
		}
	}
	select {
	case own.held <- struct{}{}:
		return func() { <-own.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
}
