package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// Bounds of the attempts of one commit.
const (
	// maxAttempts is the number of attempts after which a commit gives up if another writer was faster each time.
	maxAttempts = 50
	// maxFailures is the number of attempts after which a failed PUT is not sent again.
	maxFailures = 12
)

// submit queues a ticket and waits until its change is committed or refused.
func (c *committer) submit(ctx context.Context, t *ticket) error {
	if c.queue.push(t) {
		go c.run() //nolint:contextcheck // It serves many callers; each batch gets a context of its tickets'.
	}
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
	}
	if c.queue.withdraw(t) {
		c.log.LogAttrs(ctx, slog.LevelDebug, "a change is withdrawn, because its caller has given up",
			slog.Any("keys", keysOf{t}))
		return context.Cause(ctx)
	}
	<-t.done // The commit ends soon: its context has ended too, or other callers wait for it.
	if errors.Is(t.err, context.Canceled) || errors.Is(t.err, context.DeadlineExceeded) {
		return errors.Join(ErrInterrupted, t.err)
	}
	return t.err
}

// run commits until nothing is queued. A burst is what it commits without becoming idle. Callers get their answers as
// soon as the registry has taken the manifest. Only the last caller of a batch waits until the burst is settled, or
// until more changes arrive and prolong the burst. So a run settles once, not once for each commit.
func (c *committer) run() {
	b := newBurst()
	for batch := c.queue.drainOrStop(); len(batch) > 0; {
		batch = append(batch, c.queue.gather(len(batch))...)
		ctx, stop := batchContext(batch)
		began := time.Now()
		c.commit(ctx, batch, b)
		c.queue.committed(time.Since(began))
		last := batch[len(batch)-1]
		for _, t := range batch[:len(batch)-1] {
			close(t.done)
		}
		batch = c.endBurst(ctx, b, last)
		stop()
		close(last.done)
		if len(batch) == 0 {
			batch = c.queue.drainOrStop()
		}
	}
}

// batchContext returns a context that ends when the callers of all tickets have given up. One caller that gives up must
// not cancel the changes of the others.
func batchContext(batch []*ticket) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(batch[0].ctx))
	var mu sync.Mutex
	waiting := len(batch)
	var stops []func() bool
	for _, t := range batch {
		stops = append(stops, context.AfterFunc(t.ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			if waiting--; waiting == 0 {
				cancel(context.Cause(t.ctx))
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel(nil)
	}
}

// commit commits a batch of changes. When it returns, every ticket is decided.
func (c *committer) commit(ctx context.Context, batch []*ticket, b *burst) {
	c.log.LogAttrs(ctx, slog.LevelDebug, "committing", slog.Int("changes", len(batch)), slog.Any("keys", keysOf(batch)))
	restarts := restarts{c: c, pause: firstWait}
	for {
		rest, err := c.attempt(ctx, batch, b)
		if len(rest) == 0 {
			return
		}
		batch = rest
		if err = restarts.next(ctx, err); err != nil {
			c.log.LogAttrs(ctx, slog.LevelDebug, "the commit has failed", slog.Any("error", err),
				slog.Any("keys", keysOf(batch)))
			c.decide(batch, err, nil)
			return
		}
	}
}

// restarts counts the attempts of one commit.
type restarts struct {
	c        *committer
	attempts int
	pause    time.Duration
}

// next waits before a commit starts over. err is why the attempt has failed; nil means that the base has moved. If the
// commit must give up, next returns the error for its callers.
func (r *restarts) next(ctx context.Context, err error) error {
	reason := "another writer was faster"
	r.attempts++
	switch {
	case errors.Is(err, oci.ErrAmbiguous) && r.attempts < maxFailures:
		reason = "the PUT of the manifest failed"
	case err != nil:
		return err
	case r.attempts >= maxAttempts:
		return fmt.Errorf("%w: other writers were faster %d times in a row", ErrNotConfirmed, maxAttempts)
	}
	pause := r.pause/2 + r.c.jitter(r.pause)
	r.pause = min(2*r.pause, maxWait)
	attrs := []slog.Attr{
		slog.String("reason", reason), slog.Int("attempt", r.attempts), slog.Duration("wait", pause),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	r.c.log.LogAttrs(ctx, slog.LevelDebug, "starting the commit over", attrs...)
	return wait.For(ctx, pause)
}

// decide sets the result of tickets: an error or, if that is nil, their entries in the version.
func (c *committer) decide(tickets []*ticket, err error, v *version) {
	for _, t := range tickets {
		if t.err = err; err != nil {
			continue
		}
		t.number = v.Number
		t.stored = make(map[Key]Piece, len(t.change))
		for _, e := range t.change {
			if entry, ok := v.doc.Lookup(e.key.Image, e.key.Type); ok {
				t.stored[e.key] = Piece{Entry: entry, Pinned: entry.Pin != 0, Signature: t.signature(e.key)}
			}
			if e.create {
				c.ledger.committed(e.key, e.reference, e.content)
			}
		}
	}
}
