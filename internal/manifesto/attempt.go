package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/errgroup"
)

// attempt is one round of a commit. No registry offers compare-and-swap on a tag, so a round learns the base, applies
// the changes to it, uploads, puts the pins, looks whether the base still stands, puts the manifest, and confirms.
type attempt struct {
	*committer
	burst *burst
	// batch are the tickets that are not decided yet.
	batch []*ticket
	// base is the version to build on, next the one to store.
	base, next *version
	pinPlan    pinPlan
	image      format.Image
	// lookedAt is when the last look that showed the base began, if this attempt has looked.
	lookedAt time.Time
	// putErr is the error of the PUT of the manifest.
	putErr error
}

// errStartOver says that the base has moved, and that the attempt starts over on another.
var errStartOver = errors.New("the base has moved")

// attempt runs one round for a batch. It decides what it can and returns the tickets that remain: with an error, or
// without one if the base has moved and they start over.
func (c *committer) attempt(ctx context.Context, batch []*ticket, b *burst) ([]*ticket, error) {
	a := &attempt{committer: c, burst: b, batch: batch}
	for _, step := range []func(context.Context) error{
		a.learnBase, a.applyChanges, a.planPins, a.endUnchanged, a.upload, a.putPins, a.checkBase, a.put, a.confirm,
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

// learnBase takes the version to build on. A manifesto that this run has seen costs no request: the look before the PUT
// tells whether it still stands. Absence is never cached.
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
	a.timing.measured(2 * time.Since(began)) // The window has two requests: a first guess.
	if a.base, err = a.tag.parse(ctx, m); err != nil {
		return err
	}
	a.tag.state.show(a.base, began)
	return nil
}

// applyChanges applies the changes to a copy of the base. A change whose precondition fails fails alone. Deletes come
// first: if a resource was renamed without a moved block, one batch has a delete and a create of the same key.
func (a *attempt) applyChanges(context.Context) error {
	a.next = a.base.successor()
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
		if err := t.check(a.next.doc); err != nil {
			a.decide([]*ticket{t}, err, nil)
			continue
		}
		t.apply(a.next.doc)
		a.batch = append(a.batch, t)
	}
	return nil
}

// planPins assigns a pin to every entry that has none.
func (a *attempt) planPins(ctx context.Context) error {
	known := func(oci.Digest) (int, int64, bool) { return 0, 0, false }
	base := a.base.doc
	if a.base.foreign() || base.HasUnpinned(a.pins.skipped()) {
		if err := a.pins.loadAll(ctx, base); err != nil {
			return err
		}
		if a.base.foreign() {
			base = base.Trusting(a.pins.index.contains)
			a.next.doc = a.next.doc.Trusting(a.pins.index.contains)
		}
		repaired := a.repaired()
		known = func(digest oci.Digest) (int, int64, bool) {
			shard, size, ok := a.pins.index.find(digest)
			return shard, size, ok && !repaired[digest]
		}
		a.next.Number = max(a.next.Number, a.pins.index.latest()+1)
	}
	var err error
	if a.pinPlan, err = planPins(ctx, a.repository, base, a.next.doc, known, a.pins.skipped()); err != nil {
		return err
	}
	a.pins.skip(a.pinPlan.images)
	a.pins.skip(a.pinPlan.missing)
	a.pins.report(a.pinPlan.missing, a.batch)
	return nil
}

// repaired returns the content that the batch repairs: it is pinned again, whatever is known of its pin.
func (a *attempt) repaired() map[oci.Digest]bool {
	digests := map[oci.Digest]bool{}
	for _, t := range a.batch {
		for _, e := range t.change {
			if entry, ok := a.next.doc.Lookup(e.key.Image, e.key.Type); ok && e.repair {
				digests[entry.Digest] = true
			}
		}
	}
	return digests
}

// endUnchanged ends a batch that changes nothing without a PUT, if the base still stands.
func (a *attempt) endUnchanged(ctx context.Context) error {
	if a.next.doc.Changed() {
		return nil
	}
	if err := a.look(ctx); err != nil {
		return err
	}
	a.log.LogAttrs(ctx, slog.LevelDebug, "the manifesto has the changes already")
	a.decide(a.batch, nil, a.base.doc)
	a.batch = nil
	return nil
}

// look looks whether the base still stands; errStartOver if it does not.
func (a *attempt) look(ctx context.Context) error {
	began, stands, err := a.tag.stands(ctx, a.base)
	if err != nil {
		return err
	}
	if a.lookedAt = began; !stands {
		return errStartOver
	}
	return nil
}

// upload sends the blobs that the manifest and the pin manifests name.
func (a *attempt) upload(ctx context.Context) error {
	var err error
	if a.image, err = format.NewImage(a.next.doc.Render()); err != nil {
		return err
	}
	blobs := [][]byte{a.image.Layer, a.image.Config}
	for _, layers := range a.pinPlan.touched {
		if len(layers) == 0 {
			blobs = append(blobs, format.EmptyBlob())
			break
		}
	}
	if len(a.pinPlan.touched) > 0 && !a.base.doc.HasPins() { // Afterwards the earlier pin manifests keep it.
		config, err := format.PinConfig()
		if err != nil {
			return err
		}
		blobs = append(blobs, config)
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(pinParallel)
	for _, blob := range blobs {
		group.Go(func() error {
			_, err := a.repository.PutBlob(groupContext, blob)
			return err
		})
	}
	return group.Wait()
}

// putPins puts the pin manifests. If the registry refuses one because a blob is not there, the attempt starts over
// without that blob.
func (a *attempt) putPins(ctx context.Context) error {
	lookedAt, stands, err := a.pins.putAll(ctx, a.pinPlan, a.base, a.next.Number, a.burst.pins)
	a.lookedAt = lookedAt
	switch {
	case err != nil && a.dropMissing(ctx, err):
		return errStartOver
	case err == nil && !stands:
		return errStartOver
	}
	return err
}

// dropMissing handles a registry that refused a pin manifest because a blob that it names is not there: the entries of
// others are left unpinned and reported, the changes of this batch fail. False means that the refusal had another
// cause.
func (a *attempt) dropMissing(ctx context.Context, cause error) bool {
	if !errors.Is(cause, errPinRefused) || !errors.Is(cause, oci.ErrManifestRefused) {
		return false
	}
	_, missing, err := headBlobs(ctx, a.repository, a.pinPlan.layers())
	if err != nil || len(missing) == 0 {
		return false
	}
	gone := map[oci.Digest]bool{}
	for _, digest := range missing {
		gone[digest] = true
	}
	var rest []*ticket
	for _, t := range a.batch {
		i := slices.IndexFunc(t.change, func(e edit) bool { return gone[e.content] })
		if i < 0 {
			rest = append(rest, t)
			continue
		}
		a.decide([]*ticket{t}, fmt.Errorf("%w: the registry took blob %s and does not have it: %w",
			ErrContentMissing, t.change[i].content, cause), nil)
	}
	a.batch = rest
	a.pins.skip(missing)
	a.pins.report(missing, rest)
	a.pins.index.forget(gone)
	return true
}

// checkBase looks whether the base still stands, unless a look of less than half a window ago has shown it.
func (a *attempt) checkBase(ctx context.Context) error {
	if !a.lookedAt.IsZero() && time.Since(a.lookedAt) <= a.timing.window()/2 {
		return nil
	}
	if a.burst.failed {
		a.tag.stagger(ctx)
	}
	return a.look(ctx)
}

// put puts the manifest, sent once and within half a window after the look.
func (a *attempt) put(ctx context.Context) error {
	window := a.timing.window()
	if took := time.Since(a.lookedAt); took > window/2 {
		a.timing.measured(took) // The PUT might be late for the window announced: announce a longer one.
		return oci.ErrLate
	}
	a.next.Window = a.timing.announcement()
	m, err := a.image.Manifest(a.name, a.next.Header)
	if err != nil {
		return err
	}
	a.next.digest = m.Digest
	a.putErr = a.repository.PutManifest(ctx, format.Tag, m, a.lookedAt.Add(window/2))
	if errors.Is(a.putErr, oci.ErrLate) {
		return a.putErr
	}
	a.burst.put, a.burst.failed = time.Now(), a.putErr != nil
	a.timing.measured(a.burst.put.Sub(a.lookedAt))
	switch {
	case errors.Is(a.putErr, oci.ErrRateLimited):
		return fmt.Errorf("%w: %w", oci.ErrAmbiguous, a.putErr) // Refused: start over later.
	case a.putErr != nil && !errors.Is(a.putErr, oci.ErrAmbiguous):
		return a.putErr
	}
	return nil
}

// confirm finds out what became of the PUT: ours stands, or a version that descends from it or has all our changes in
// it, or the base or an older one (an outdated answer after a success, perhaps a lost request after a failure), or a
// rival's.
func (a *attempt) confirm(ctx context.Context) error {
	limit := maxPolls
	if a.putErr != nil {
		limit = maxPolls / 2 // Most likely it never arrived: start over.
	}
	seen, err := a.tag.observe(ctx, a.next, limit, distrustLast)
	switch {
	case err != nil:
		return err
	case seen.kind == standing:
		a.tag.state.show(a.next, seen.began)
		a.confirmed(ctx)
		return nil
	case seen.kind == another && slices.Contains(seen.found.Ancestors, a.next.digest):
		a.confirmed(ctx) // The next writer has built on ours.
		return nil
	case seen.kind == another:
		a.tag.state.lost(a.next)
		a.keepMissing(seen.found)
		return errStartOver
	case a.putErr != nil:
		return a.putErr
	}
	return fmt.Errorf("%w: the registry accepted %s and still shows %s", ErrNotConfirmed,
		a.name.Digested(a.next.digest), a.base.digest)
}

// confirmed decides the batch: it is in the manifesto.
func (a *attempt) confirmed(ctx context.Context) {
	a.log.LogAttrs(ctx, slog.LevelDebug, "committed", slog.String("repository", a.name.String()),
		slog.String("digest", a.next.digest.String()), slog.Int64("number", a.next.Number),
		slog.Int("changes", len(a.batch)), slog.Duration("window", a.next.Window))
	a.decide(a.batch, nil, a.next.doc)
	a.burst.add(a.batch, a.next)
	a.batch = nil
}

// keepMissing decides the changes that a rival's manifesto has in it, and keeps the others.
func (a *attempt) keepMissing(rival *version) {
	var rest []*ticket
	for _, t := range a.batch {
		if !t.holds(rival.doc) {
			rest = append(rest, t)
			continue
		}
		a.decide([]*ticket{t}, nil, rival.doc)
		a.burst.add([]*ticket{t}, rival)
	}
	a.batch = rest
}
