package manifesto

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// waitingContext tells when its user begins to wait for its end.
type waitingContext struct {
	context.Context //nolint:containedctx // It is a context.

	once  sync.Once
	waits chan struct{}
}

// Done implements context.Context.
func (c *waitingContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.waits) })
	return c.Context.Done()
}

// submitQueued submits a change that creates an entry, and returns when it is queued. The channel gets the result.
func (f *fixture) submitQueued(ctx context.Context, t *testing.T, c *committer, typ string) <-chan error {
	t.Helper()
	ticket := newTicket(ctx, f.putEdits(t, c, typ))
	queued := &waitingContext{Context: ctx, waits: make(chan struct{})} // submit queues the ticket before it waits.
	result := make(chan error, 1)
	go func() { result <- c.submit(queued, ticket) }()
	<-queued.waits
	return result
}

// A caller that gives up withdraws its change while that is queued, and no other.
func TestQueuedChangeIsWithdrawn(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	reached, proceed := f.holdPut()
	var group sync.WaitGroup
	group.Go(func() { f.mustPut(t, s, "first", "1") })
	<-reached // The committer is busy, so that the next changes are queued.
	c := s.committer(f.remote.Repository())
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := f.submitQueued(ctx, t, c, "cancelled")
	third := f.submitQueued(t.Context(), t, c, "third")
	cancel()
	if err := <-cancelled; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled change: %v", err)
	}
	close(proceed)
	if err := <-third; err != nil {
		t.Errorf("the third change: %v", err)
	}
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
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := f.submitQueued(ctx, t, s.committer(f.remote.Repository()), "cancelled")
	cancel()
	if err := <-cancelled; err == nil {
		t.Error("the cancelled change was stored")
	}
	close(proceed)
	group.Wait()
	f.mustPut(t, s, "next", "3")
}

// The only caller gives up while the manifest is on its way. The commit is finished, and the caller learns that its
// change is stored: Terraform waits for that after an interrupt.
func TestChangeOnItsWayIsFinished(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	f.mustPut(t, s, "t", "x")
	reached, proceed := f.holdPut()
	ctx, cancel := context.WithCancel(t.Context())
	stored := make(chan error, 1)
	go func() {
		_, err := s.Put(ctx, Put{Key: f.key("first"), Content: []byte("1")})
		stored <- err
	}()
	<-reached
	cancel()
	close(proceed)
	if err := <-stored; err != nil {
		t.Errorf("the caller is told %v", err)
	}
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t", "first"}) {
		t.Errorf("types: %v", got)
	}
}

// overtaken is a repository in which a rival overwrites the next manifesto right after it was put.
type overtaken struct {
	Repository
	overtake func()
}

func (r *overtaken) PutManifest(ctx context.Context, identifier string, m oci.Manifest, latest time.Time) error {
	err := r.Repository.PutManifest(ctx, identifier, m, latest)
	if overtake := r.overtake; identifier == format.Tag && overtake != nil {
		r.overtake = nil
		overtake()
	}
	return err
}

// The only caller gives up while its burst settles, and a rival that had looked before has overwritten its change. It
// is stored again all the same: otherwise the caller would be told that it is stored, and it would not be.
func TestInterruptedWhileSettling(t *testing.T) {
	t.Parallel()
	f := newFixture(t, registrytest.Olareg)
	f.mustPut(t, f.run(t), "t", "x")
	base := f.version(t)
	ctx, cancel := context.WithCancel(t.Context())
	remote := &overtaken{f.remote, func() {
		doc := base.doc.Clone()
		doc.Set(f.image, format.Entry{Type: "rival", Digest: oci.DigestOf([]byte("x"))})
		f.store(t, doc, format.Header{Number: base.Number + 1, Ancestors: []oci.Digest{base.digest}})
		cancel()
	}}
	s := NewStore(func(oci.Repository) Repository { return remote }, Options{Settle: 100 * time.Millisecond})
	if _, err := s.Put(ctx, Put{Key: f.key("ours"), Content: []byte("ours")}); err != nil {
		t.Errorf("the caller is told %v", err)
	}
	if got := f.version(t).doc.Types(f.image); !slices.Equal(got, []string{"t", "rival", "ours"}) {
		t.Errorf("types: %v", got)
	}
}
