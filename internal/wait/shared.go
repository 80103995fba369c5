package wait

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/singleflight"
)

// Group runs work once for all callers who ask for the same key at the same time. The zero value is ready to use.
// It is safe for concurrent use.
type Group struct {
	flight singleflight.Group
}

// Known returns the result of earlier work, which may be an error. ok is false if there is none.
type Known[T any] func() (result T, ok bool, err error)

// Shared returns the result that is known. If there is none, it runs work, which makes the result known, or waits for
// the run of another caller with the same key. It asks known again before it runs work, because another run may have
// ended since the first time. A caller whose ctx ends gets its cause; the work continues for the others, and its
// context ends after limit. A limit of zero is none: work then bounds its own time. All callers of one key must ask for
// the same type.
func Shared[T any](
	ctx context.Context, group *Group, key string, limit time.Duration,
	known Known[T], work func(context.Context) (T, error),
) (T, error) {
	if result, ok, err := known(); ok {
		return result, err
	}
	shared := context.WithoutCancel(ctx)
	result := group.flight.DoChan(key, func() (any, error) {
		if result, ok, err := known(); ok {
			return result, err
		}
		if limit <= 0 {
			return work(shared)
		}
		limited, cancel := context.WithTimeout(shared, limit)
		defer cancel()
		return work(limited)
	})
	var zero T
	select {
	case r := <-result:
		value, ok := r.Val.(T)
		if r.Err == nil && !ok {
			return zero, fmt.Errorf("shared work %q returned %T", key, r.Val)
		}
		return value, r.Err
	case <-ctx.Done():
		return zero, context.Cause(ctx)
	}
}
