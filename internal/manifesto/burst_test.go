package manifesto

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// A manifesto without our annotations, by the original or copied by a tool, is edited like any other, also
// where no pin changes.
func TestEditsOfAForeignManifesto(t *testing.T) {
	ctx := context.Background()
	t.Run("delete of the only entry", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		one := f.blob(t, "1")
		f.write(t, fmt.Sprintf(`{"images":[{"image_digest":"%s","manifesto":[{"type":"one","digest":"%s"}]}]}`, f.image, one), registrytest.Gzip)
		if err := f.run(t).Delete(ctx, f.key("one"), one); err != nil {
			t.Fatal(err)
		}
		if got := f.document(t); got != `{"images":[]}` {
			t.Errorf("the document is %s", got)
		}
	})
	t.Run("delete from a copy", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		f.mustPut(t, f.run(t), "one", "1")
		two := f.mustPut(t, f.run(t), "two", "2").Digest
		f.write(t, f.document(t), registrytest.Gzip)
		if err := f.run(t).Delete(ctx, f.key("two"), two); err != nil {
			t.Fatal(err)
		}
		if got := f.document(t); strings.Contains(got, "two") {
			t.Errorf("the document is %s", got)
		}
	})
	t.Run("annotations in a copy", func(t *testing.T) {
		f := newFixture(t, registrytest.Olareg)
		one := f.mustPut(t, f.run(t), "one", "1").Digest
		f.write(t, f.document(t), registrytest.Gzip)
		put := Put{Key: f.key("one"), Annotations: map[string]string{"a": "b"}, Update: true, Expected: one}
		if _, err := f.run(t).Put(ctx, put); err != nil {
			t.Fatal(err)
		}
		if got := f.document(t); !strings.Contains(got, `"a":"b"`) {
			t.Errorf("the document is %s", got)
		}
	})
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

// holdPut holds the next PUT of the manifesto until proceed is closed, and closes reached when it comes.
func (f *fixture) holdPut() (reached, proceed chan struct{}) {
	reached, proceed = make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/manifests/"+format.Tag) {
			once.Do(func() {
				close(reached)
				<-proceed
			})
		}
		return false
	})
	return reached, proceed
}

// All who wait behind a commit give up: it ends well, and so does the next one.
func TestOnlyQueuedEditGivesUp(t *testing.T) {
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
			t.Error("the cancelled edit was stored")
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

// A burst that one more edit prolongs is settled even if that edit is withdrawn: a rival that looked before our
// PUT overwrites it, and it is stored again before its caller has its answer.
func TestWithdrawnEditDoesNotEndTheBurst(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	f.mustPut(t, f.run(t), "zero", "0")
	old, err := f.remote.GetManifest(ctx, format.Tag)
	if err != nil {
		t.Fatal(err)
	}
	s := f.run(t)
	s.options.Settle = Adaptive
	c := s.committer(f.remote.Repository())
	reached, proceed, overwritten := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	var looks atomic.Int32 // At the tag, after our PUT: the first confirms it.
	f.server.Intercept(func(_ http.ResponseWriter, q *http.Request, _ http.Handler) bool {
		if !strings.HasSuffix(q.URL.Path, "/manifests/"+format.Tag) {
			return false
		}
		switch q.Method {
		case http.MethodPut:
			once.Do(func() {
				close(reached)
				<-proceed
			})
		case http.MethodHead:
			select {
			case <-proceed:
				if looks.Add(1) > 1 {
					<-overwritten
				}
			default:
			}
		}
		return false
	})
	var group sync.WaitGroup
	group.Go(func() { f.mustPut(t, s, "one", "1") })
	<-reached
	giveUp, cancel := context.WithCancel(ctx)
	group.Go(func() {
		if _, err := s.Put(giveUp, Put{Key: f.key("two"), Content: []byte("2")}); err != nil {
			t.Logf("the edit that gives up: %v", err)
		}
	})
	c.waitQueued(1)
	cancel() // While the first commit is confirmed, or the second one begins.
	close(proceed)
	for c.tag.state.current().digest == old.Digest {
		time.Sleep(time.Millisecond)
	}
	if err := f.remote.PutManifest(ctx, format.Tag, old, time.Time{}); err != nil {
		t.Fatal(err)
	}
	close(overwritten)
	group.Wait()
	if got := f.document(t); !strings.Contains(got, `"one"`) {
		t.Errorf("the document is %s", got)
	}
}
