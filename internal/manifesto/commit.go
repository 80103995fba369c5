package manifesto

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
	"golang.org/x/sync/errgroup"
)

// The commit protocol (section 4 of the design). No registry offers compare-and-swap on a tag, so one
// committer per repository and process takes all queued edits into one commit: learn the base, check
// and apply the edits, upload, put the pins, look whether the base still stands, put, confirm.

// Bounds of how often one commit starts over: because another writer was faster, and because its PUT has failed.
const (
	maxStarts   = 50
	maxFailures = 12
)

// commitQueue commits until nothing is queued. A burst is what it commits without a pause. Callers are
// answered as soon as their edits are confirmed; one of the last batch waits until the burst is settled,
// or more edits arrive and prolong it: so a run pays for one settle, not one per commit.
func (r *repository) commitQueue() {
	b := &burst{touched: map[int]putPins{}, edits: map[Key]*edit{}}
	for batch := r.take(); len(batch) > 0; {
		batch = append(batch, r.gather(len(batch))...)
		ctx, stop := batchContext(batch)
		began := time.Now()
		r.commit(ctx, batch, b)
		r.paced(len(batch), time.Since(began))
		last := batch[len(batch)-1]
		for _, e := range batch[:len(batch)-1] {
			close(e.done)
		}
		batch = r.endBurst(ctx, b, last)
		stop()
		close(last.done)
		if len(batch) == 0 {
			batch = r.take()
		}
	}
}

// take empties the queue. Where nothing is in it, the committer is done.
func (r *repository) take() []*edit {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch := r.queue
	r.queue = nil
	r.committing = len(batch) > 0
	return batch
}

// more empties the queue for a committer that goes on in any case.
func (r *repository) more() []*edit {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch := r.queue
	r.queue = nil
	return batch
}

// batchContext returns a context that ends when nobody waits for any of the edits any more: one caller
// that gives up must not lose the others' edits.
func batchContext(batch []*edit) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(batch[0].ctx))
	var mu sync.Mutex
	waiting := len(batch)
	var stops []func() bool
	for _, e := range batch {
		stops = append(stops, context.AfterFunc(e.ctx, func() {
			mu.Lock()
			defer mu.Unlock()
			if waiting--; waiting == 0 {
				cancel(context.Cause(e.ctx))
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

// finish decides edits: with an error or, for nil, with what the document says of them.
func (r *repository) finish(edits []*edit, err error, d *format.Document) {
	for _, e := range edits {
		e.err = err
		if err != nil {
			continue
		}
		if entry, ok := d.Lookup(e.key.Image, e.key.Type); ok {
			e.piece = Piece{Entry: entry, Pinned: entry.Pin != 0}
		}
		if e.create {
			r.mu.Lock()
			r.created[e.key] = true
			r.mu.Unlock()
		}
	}
}

// commit writes a batch of edits. Every edit of it is decided when it returns.
func (r *repository) commit(ctx context.Context, batch []*edit, b *burst) {
	backoff, late := firstWait, 0
	for start := 1; ; start++ {
		rest, err := r.attempt(ctx, batch, b)
		if len(rest) == 0 {
			return
		}
		batch = rest
		if err == nil && start == maxStarts {
			err = fmt.Errorf("%w: other writers were faster %d times in a row", ErrNotConfirmed, maxStarts)
		}
		if errors.Is(err, oci.ErrLate) {
			late++
			r.timing.observe(r.timing.window() / 2) // Announce twice as long a window.
			if err = nil; late == maxLooks {
				err = fmt.Errorf("%w: between a look at the tag and the change too much time went by, %d times", ErrNotConfirmed, late)
			}
		}
		if err == nil || (errors.Is(err, oci.ErrAmbiguous) && start < maxFailures) {
			err = wait.For(ctx, backoff/2+r.jitter(backoff))
			backoff = min(2*backoff, maxWait)
		}
		if err != nil {
			r.finish(batch, err, nil)
			return
		}
	}
}

// attempt is one round of the protocol. It finishes what it can and returns the edits that remain:
// with an error, or without where the base has moved and they must start over.
func (r *repository) attempt(ctx context.Context, batch []*edit, b *burst) ([]*edit, error) {
	base, err := r.base(ctx, batch)
	if err != nil {
		return batch, err
	}
	next, batch := r.applyAll(base, batch)
	if len(batch) == 0 {
		return nil, nil
	}
	plan, err := r.plan(ctx, base, next, batch)
	if err != nil {
		return batch, err
	}
	if !next.doc.Changed() {
		_, stands, err := r.stands(ctx, base)
		if err != nil || !stands {
			return batch, err
		}
		r.finish(batch, nil, base.doc) // No change, no PUT.
		return nil, nil
	}
	image, err := format.NewImage(next.doc.Render())
	if err != nil {
		return batch, err
	}
	if err := r.upload(ctx, image, plan, base); err != nil {
		return batch, err
	}
	looked, stands, err := r.putPins(ctx, plan, base, next.Number, b.touched)
	if err != nil || !stands {
		if rest, retry := r.dropMissing(ctx, batch, plan, err); retry {
			return rest, nil
		}
		return batch, err
	}
	window := r.timing.window()
	if looked.IsZero() || time.Since(looked) > window/2 {
		if b.failed {
			r.stagger(ctx)
		}
		if looked, stands, err = r.stands(ctx, base); err != nil || !stands {
			return batch, err
		}
	}
	latest := looked.Add(window / 2)
	if took := time.Since(looked); took > window/2 {
		r.timing.observe(took) // The PUT might be late for the window announced: announce a longer one.
		return batch, oci.ErrLate
	}
	next.Window = r.timing.announcement()
	m, err := image.Manifest(r.name, next.Header)
	if err != nil {
		return batch, err
	}
	next.digest = m.Digest
	putErr := r.remote.PutManifest(ctx, format.Tag, m, latest)
	if errors.Is(putErr, oci.ErrLate) {
		return batch, putErr
	}
	b.put, b.failed = time.Now(), putErr != nil
	r.timing.observe(b.put.Sub(looked))
	if putErr != nil && !errors.Is(putErr, oci.ErrAmbiguous) {
		if errors.Is(putErr, oci.ErrRateLimited) {
			return batch, fmt.Errorf("%w: %w", oci.ErrAmbiguous, putErr) // Refused: start over later.
		}
		return batch, putErr
	}
	return r.confirm(ctx, batch, b, base, next, putErr)
}

// base returns the version to build on. A manifesto that this process has seen is taken without a
// request: the look before the PUT tells whether it still stands. That there is none is asked each time.
func (r *repository) base(ctx context.Context, batch []*edit) (*version, error) {
	if v := r.known(); v != nil && v.digest != "" {
		return v, nil
	}
	removesOnly := !slices.ContainsFunc(batch, func(e *edit) bool { return !e.remove })
	began := time.Now()
	m, err := r.fetch(ctx, batch[0].key.Image, removesOnly)
	if err != nil {
		return nil, err
	}
	r.timing.observe(2 * time.Since(began)) // The window has two requests: a first guess.
	v, err := r.parse(ctx, m)
	if err != nil {
		return nil, err
	}
	r.remember(v, began)
	return v, nil
}

// applyAll applies the edits to a copy of the base. Those whose precondition fails are decided alone.
// Deletes come first: where a resource was renamed without saying so, one batch has a delete and a
// create of the same key.
func (r *repository) applyAll(base *version, batch []*edit) (*version, []*edit) {
	next := &version{Header: format.Header{Number: base.Number, Ancestors: base.descent()}, doc: base.doc.Clone()}
	ordered := slices.Clone(batch)
	slices.SortStableFunc(ordered, func(a, b *edit) int {
		switch {
		case a.remove == b.remove:
			return 0
		case a.remove:
			return -1
		}
		return 1
	})
	var active []*edit
	for _, e := range ordered {
		if err := e.check(next.doc); err != nil {
			r.finish([]*edit{e}, err, nil)
			continue
		}
		e.apply(next.doc)
		if e.repair {
			next.doc.Unpin(e.key.Image, e.key.Type)
		}
		active = append(active, e)
	}
	return next, active
}

// plan assigns pins and the next version number.
func (r *repository) plan(ctx context.Context, base, next *version, batch []*edit) (pinPlan, error) {
	known := func(oci.Digest) (int, int64, bool) { return 0, 0, false }
	next.Number = base.Number + 1
	baseDoc := base.doc
	foreign := base.digest != "" && base.Number == 0 // Written by a tool that keeps no annotations.
	if foreign || base.doc.HasUnpinned(r.skipped()) {
		if err := r.readPins(ctx, base.doc); err != nil {
			return pinPlan{}, err
		}
		if foreign {
			baseDoc = baseDoc.Trusting(r.pins.confirms)
			next.doc = next.doc.Trusting(r.pins.confirms)
		}
		again := repaired(batch, next.doc)
		known = func(digest oci.Digest) (int, int64, bool) {
			shard, size, ok := r.pins.holds(digest)
			return shard, size, ok && !again[digest]
		}
		next.Number = max(next.Number, r.pins.latest()+1)
	}
	plan, err := planPins(ctx, r.remote, baseDoc, next.doc, known, r.skipped())
	if err != nil {
		return pinPlan{}, err
	}
	r.skip(plan.images)
	r.skip(plan.missing)
	r.report(plan.missing, batch)
	return plan, nil
}

// upload sends the blobs that the manifest and the pin manifests will name.
func (r *repository) upload(ctx context.Context, image format.Image, plan pinPlan, base *version) error {
	blobs := [][]byte{image.Layer, image.Config}
	for _, layers := range plan.touched {
		if len(layers) == 0 {
			blobs = append(blobs, format.EmptyBlob())
			break
		}
	}
	if len(plan.touched) > 0 && !base.doc.HasPins() { // Afterwards the earlier pin manifests keep it.
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
			_, err := r.remote.PutBlob(groupContext, blob)
			return err
		})
	}
	return group.Wait()
}

// dropMissing handles a registry that refused a pin manifest because a blob it names is not there: the
// entries of others are left unpinned and reported, the edits of this batch fail. False means that the
// refusal had another cause.
func (r *repository) dropMissing(ctx context.Context, batch []*edit, plan pinPlan, cause error) ([]*edit, bool) {
	if !errors.Is(cause, errPinRefused) || !errors.Is(cause, oci.ErrManifestRefused) {
		return nil, false
	}
	var named []oci.Digest
	for _, layers := range plan.touched {
		for _, layer := range layers {
			named = append(named, layer.Digest)
		}
	}
	_, missing, err := headBlobs(ctx, r.remote, named)
	if err != nil || len(missing) == 0 {
		return nil, false
	}
	gone := map[oci.Digest]bool{}
	for _, digest := range missing {
		gone[digest] = true
	}
	var rest []*edit
	for _, e := range batch {
		if gone[e.content] {
			r.finish([]*edit{e}, fmt.Errorf("%w: the registry took blob %s and does not have it: %w",
				ErrContentMissing, e.content, cause), nil)
			continue
		}
		rest = append(rest, e)
	}
	r.skip(missing)
	r.report(missing, rest)
	r.pins.forget(gone)
	return rest, true
}
