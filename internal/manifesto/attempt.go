package manifesto

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// attempt is one round of a commit. No registry offers compare-and-swap on a tag. So a round learns the base, applies
// the changes to a copy, looks whether the tag still holds the base while it sends everything that the manifest names,
// and puts the manifest soon after that look.
type attempt struct {
	*committer
	burst *burst
	// batch has the tickets that are not decided yet.
	batch []*ticket
	// again has tickets for edits of the burst that a rival has overwritten. No caller waits for them.
	again []*ticket
	// base is the version to build on, next the version to store.
	base, next *version
	// unverified is why the base is not to be trusted; nil if it is, or if nothing verifies it.
	unverified error
	pinPlan    pinPlan
	image      format.Image
	// manifest is that of next, once it is sealed.
	manifest oci.Manifest
	// lookedAt is when the last look of this attempt that showed the base began; zero if it has not looked.
	lookedAt time.Time
	// putErr is the error of the manifest's PUT, whose outcome may be unknown.
	putErr error
}

// errStartOver ends an attempt because the tag holds another version than the base. The next attempt builds on that.
var errStartOver = errors.New("the base has moved")

// attempt runs one round for a batch. It returns the tickets that it has not decided. A nil error then means that the
// base has moved.
func (c *committer) attempt(ctx context.Context, batch []*ticket, b *burst) ([]*ticket, error) {
	a := &attempt{committer: c, burst: b, batch: batch}
	for _, step := range []func(context.Context) error{
		a.learnBase, a.verifyBase, a.applyChanges, a.planPins, a.endUnchanged, a.send, a.store,
	} {
		switch err := step(ctx); {
		case errors.Is(err, errStartOver):
			return a.batch, nil
		case err != nil:
			return a.batch, err
		case len(a.batch) == 0:
			return nil, nil
		}
	}
	return a.batch, nil
}

// learnBase takes the version to build on. A manifesto that this run has seen or stored costs no request, because a
// look before the PUT finds out whether the tag still holds it. Absence is never cached.
func (a *attempt) learnBase(ctx context.Context) error {
	if v := a.tag.state.current(); v != nil && v.exists() {
		a.base = v
		return nil
	}
	removesOnly := !slices.ContainsFunc(a.batch, func(t *ticket) bool { return !t.removes() })
	began := time.Now()
	m, err := a.tag.get(ctx, a.batch[0].change[0].key.Image, removesOnly)
	if err != nil {
		return err
	}
	a.timing.measured(2 * time.Since(began)) // A first guess: the window has two requests.
	if a.base, err = a.tag.parse(ctx, m); err != nil {
		return err
	}
	a.tag.state.show(a.base, began)
	return nil
}

// applyChanges applies the changes to a copy of the base, those first that a rival has overwritten. A change with a
// failing precondition is refused, and the others go on. Deletes come first: if a resource was renamed without a moved
// block, one batch has a delete and a create of the same key.
func (a *attempt) applyChanges(ctx context.Context) error {
	a.next = a.base.successor()
	a.applyAgain(ctx)
	ordered := slices.Clone(a.batch)
	slices.SortStableFunc(ordered, func(a, b *ticket) int {
		switch {
		case a.removes() == b.removes():
			return 0
		case a.removes():
			return -1
		}
		return 1
	})
	a.batch = nil
	for _, t := range ordered {
		err := a.tooOld(t)
		if err == nil {
			err = t.check(a.next.doc)
		}
		if err != nil {
			a.log.LogAttrs(ctx, slog.LevelDebug, "refused a change", slog.Any("keys", keysOf{t}), slog.Any("error", err))
			a.decide([]*ticket{t}, err, nil)
			continue
		}
		t.apply(a.next.doc)
		a.batch = append(a.batch, t)
	}
	a.next.Number = a.number()
	return nil
}

// applyAgain applies the edits of the burst that the base lacks. An edit that a rival's entry now conflicts with is
// dropped: its caller has its answer, and the next plan shows the rival's entry.
func (a *attempt) applyAgain(ctx context.Context) {
	for _, t := range a.burst.missingFrom(a.base) {
		if slices.Contains(a.batch, t) {
			continue // The burst is about to end and stores what it lacks.
		}
		if err := t.check(a.next.doc); err != nil {
			a.log.LogAttrs(ctx, slog.LevelDebug, "another writer has overwritten a change, which does not fit any more",
				slog.Any("keys", keysOf{t}), slog.Any("error", err))
			a.burst.drop(t)
			continue
		}
		t.apply(a.next.doc)
		a.again = append(a.again, t)
	}
	if len(a.again) > 0 {
		a.log.LogAttrs(ctx, slog.LevelDebug, "another writer has overwritten changes, which are stored again",
			slog.Any("keys", keysOf(a.again)))
	}
}

// endUnchanged ends a batch that changes nothing without a PUT, if the tag still holds the base.
func (a *attempt) endUnchanged(ctx context.Context) error {
	signsAgain := func(t *ticket) bool { return slices.ContainsFunc(t.change, edit.signsAgain) }
	if a.next.doc.Changed() || slices.ContainsFunc(a.batch, signsAgain) {
		return nil
	}
	if err := a.publish(ctx); err != nil {
		return err
	}
	if err := a.look(ctx); err != nil {
		return err
	}
	a.log.LogAttrs(ctx, slog.LevelDebug, "the manifesto has the changes already", slog.Any("keys", keysOf(a.batch)))
	a.decide(a.batch, nil, a.base)
	a.batch = nil
	return nil
}

// look checks that the tag still holds the base. The error is errStartOver if it holds another version.
func (a *attempt) look(ctx context.Context) error {
	if a.burst.failed {
		a.tag.stagger(ctx)
	}
	began, stands, err := a.tag.stands(ctx, a.base)
	if err != nil {
		return err
	}
	if a.lookedAt = began; !stands {
		return errStartOver
	}
	a.burst.forgetSettled(a.base, began.Add(-a.timing.settle()))
	return nil
}
