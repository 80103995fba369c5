package manifesto

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A caller that gives up withdraws its change while that is queued, and no other.
func TestQueuedChangeIsWithdrawn(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	reached, proceed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if isTagRequest(r, http.MethodPut) {
			once.Do(func() { close(reached); <-proceed })
		}
		return false
	})
	var group sync.WaitGroup
	group.Go(func() { f.mustPut(t, s, "first", "1") })
	<-reached // The committer is busy: what comes now is queued.
	ctx, cancel := context.WithCancel(context.Background())
	group.Go(func() {
		if _, err := s.Put(ctx, Put{Key: f.key("cancelled"), Content: []byte("2")}); !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled Put: %v", err)
		}
	})
	group.Go(func() { f.mustPut(t, s, "third", "3") })
	c := s.committer(f.remote.Repository())
	c.waitQueued(2)
	cancel()
	c.waitQueued(1)
	close(proceed)
	group.Wait()
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t", "first", "third"}) {
		t.Errorf("types: %v", got)
	}
}

// The only caller that waits behind a commit gives up. The commit succeeds, and so does the next one.
func TestOnlyQueuedChangeIsWithdrawn(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	reached, proceed := f.holdPut()
	var group sync.WaitGroup
	group.Go(func() { f.mustPut(t, s, "first", "1") })
	<-reached
	ctx, cancel := context.WithCancel(context.Background())
	group.Go(func() {
		if _, err := s.Put(ctx, Put{Key: f.key("cancelled"), Content: []byte("2")}); err == nil {
			t.Error("the cancelled change was stored")
		}
	})
	c := s.committer(f.remote.Repository())
	c.waitQueued(1)
	cancel()
	c.waitQueued(0)
	close(proceed)
	group.Wait()
	f.mustPut(t, s, "next", "3")
}

// waitQueued waits until a committer has so many changes waiting.
func (c *committer) waitQueued(want int) {
	for c.queue.length() != want {
		time.Sleep(time.Millisecond)
	}
}

func (q *queue) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tickets)
}

// waitBusy waits until a committer has taken all that was queued and is at work on it.
func (c *committer) waitBusy() {
	for busy := false; !busy; {
		c.queue.mu.Lock()
		busy = c.queue.running && len(c.queue.tickets) == 0
		c.queue.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}
