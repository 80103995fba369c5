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

// Shared runs work, or waits for the run of another caller with the same key, and returns what that run returned. A
// caller whose ctx ends gets the cause of that; the work continues for the others, and ends after limit. All callers
// of one key must ask for the same type.
func Shared[T any](
	ctx context.Context, group *Group, key string, limit time.Duration, work func(context.Context) (T, error),
) (T, error) {
	result := group.flight.DoChan(key, func() (any, error) {
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		return work(shared)
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
