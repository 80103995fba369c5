package manifesto

import (
	"context"
	"errors"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
	"golang.org/x/sync/errgroup"
)

// send does at the same time what comes before the PUT of the manifest: it uploads the manifest's blobs, puts the pin
// manifests, and looks at the tag. If the tag does not hold the base any more, the uploads are cancelled. The pin
// manifests are not, because it would be unknown what became of them. Where other writers can be kept out, only the
// uploads come before.
func (a *attempt) send(ctx context.Context) error {
	var err error
	if a.image, err = format.NewImage(a.next.doc.Render()); err != nil {
		return err
	}
	if err = a.publish(ctx); err != nil {
		return err
	}
	if a.exclusive != nil {
		return a.upload(ctx)
	}
	group, cancelled := errgroup.WithContext(ctx)
	uploaded := make(chan struct{})
	group.Go(func() error {
		defer close(uploaded)
		return a.upload(cancelled)
	})
	var pins sentPins
	if len(a.pinPlan.touched) > 0 {
		group.Go(func() error {
			pins = a.putPins(ctx)
			return pins.err
		})
	}
	// Without a recent look, the pins begin with one, which serves the manifest, too.
	if len(a.pinPlan.touched) == 0 || a.tag.seenWithin(a.base) {
		group.Go(func() error { return a.lookWith(cancelled, uploaded) })
	}
	err = group.Wait()
	if pins.lookedAt.After(a.lookedAt) {
		a.lookedAt = pins.lookedAt
	}
	if pins.err != nil && a.dropMissing(ctx, pins.err) {
		return errStartOver
	}
	return err
}

// storeAlone looks at the tag and puts the pin manifests and the manifest while all other writers are kept out.
func (a *attempt) storeAlone(ctx context.Context) error {
	if err := a.look(ctx); err != nil {
		return err
	}
	if pins := a.putPins(ctx); pins.err != nil {
		if a.dropMissing(ctx, pins.err) {
			return errStartOver
		}
		return pins.err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	lingering, stop := wait.Linger(ctx, lingerTime)
	defer stop()
	return a.replace(lingering, noLimit)
}

// upload uploads the blobs of the manifest, and its signature if this run signs: that must be there first.
func (a *attempt) upload(ctx context.Context) error {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, blob := range [][]byte{a.image.Layer, a.image.Config} {
		group.Go(func() error {
			_, err := a.repository.PutBlob(ctx, blob)
			return err
		})
	}
	if a.publisher.signer != nil {
		group.Go(func() error { return a.seal(ctx) })
	}
	err := group.Wait()
	a.timing.uploaded(time.Since(began))
	return err
}

// lookWith looks at the tag so that the look ends when the uploads end, as far as the last ones tell: the manifest is
// put after both, and the less time there is between the look and the PUT, the fewer rivals come in between.
func (a *attempt) lookWith(ctx context.Context, uploaded <-chan struct{}) error {
	timer := time.NewTimer(a.timing.lookDelay())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-uploaded:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	began := time.Now()
	err := a.look(ctx)
	if err == nil || errors.Is(err, errStartOver) {
		a.timing.looked(time.Since(began))
	}
	return err
}

// sentPins says what became of the pin manifests of an attempt.
type sentPins struct {
	// lookedAt is when the last look before one of them began that showed the base; zero if there was none.
	lookedAt time.Time
	// err is errStartOver if the tag does not hold the base any more.
	err error
}

// putPins uploads what all pin manifests share, and puts those that the attempt needs.
func (a *attempt) putPins(ctx context.Context) sentPins {
	if err := a.uploadForPins(ctx); err != nil {
		return sentPins{err: err}
	}
	lookedAt, stands, err := a.pins.putAll(ctx, a.pinPlan, a.base, a.next.Number, a.burst.pins)
	if err == nil && !stands {
		err = errStartOver
	}
	return sentPins{lookedAt: lookedAt, err: err}
}

// uploadForPins uploads the blobs that pin manifests name besides contents, unless an earlier pin manifest protects
// them.
func (a *attempt) uploadForPins(ctx context.Context) error {
	for _, layers := range a.pinPlan.touched {
		if len(layers) == 0 {
			if _, err := a.repository.PutBlob(ctx, format.EmptyBlob()); err != nil {
				return err
			}
			break
		}
	}
	if a.base.doc.HasPins() {
		return nil
	}
	config, err := format.PinConfig()
	if err == nil {
		_, err = a.repository.PutBlob(ctx, config)
	}
	return err
}
