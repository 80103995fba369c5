package wait

import (
	"context"
	"math/rand/v2"
	"time"
)

// For waits for d, or until ctx ends. It returns nil after d, and the cause of ctx's end otherwise.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Jitter returns a random duration from 0 up to, but not including, d. It returns 0 if d is not positive. Added to a
// wait, it keeps clients that failed together from returning together.
func Jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d) //nolint:gosec // A wait is no secret.
}

// Linger returns a context that ends d after ctx, with the same cause, and has the values of ctx. The caller must call
// stop.
func Linger(ctx context.Context, d time.Duration) (lingering context.Context, stop func()) {
	lingering, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	unregister := context.AfterFunc(ctx, func() {
		_ = For(lingering, d) // It ends early if the caller has stopped.
		cancel(context.Cause(ctx))
	})
	return lingering, func() {
		unregister()
		cancel(nil)
	}
}
