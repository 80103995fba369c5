package wait_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

func TestFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := wait.For(t.Context(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		cause := errors.New("the user pressed Ctrl-C")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if err := wait.For(ctx, time.Minute); !errors.Is(err, cause) {
			t.Errorf("a wait whose context has ended returns %v", err)
		}
	})
}

func TestJitter(t *testing.T) {
	for range 1000 {
		if d := wait.Jitter(time.Second); d < 0 || d >= time.Second {
			t.Fatalf("jitter of a second is %s", d)
		}
	}
	for _, d := range []time.Duration{0, -time.Second} {
		if got := wait.Jitter(d); got != 0 {
			t.Errorf("jitter of %s is %s", d, got)
		}
	}
}

func TestSharedRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group wait.Group
		runs := 0
		done := errors.New("done")
		work := func(context.Context) (int, error) {
			runs++
			time.Sleep(time.Second)
			return 42, done
		}
		impatient, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() { // The caller that starts the work gives up; the others still get its result.
			if _, err := wait.Shared(impatient, &group, "key", time.Minute, unknown, work); !errors.Is(err, context.Canceled) {
				t.Errorf("a caller that gave up got %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			callers.Go(func() {
				if n, err := wait.Shared(t.Context(), &group, "key", time.Minute, unknown, work); n != 42 || !errors.Is(err, done) {
					t.Errorf("got %d, %v", n, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		callers.Wait()
		if runs != 1 {
			t.Errorf("the work ran %d times", runs)
		}
	})
}

func TestSharedWithoutLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group wait.Group
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		limited, err := wait.Shared(ctx, &group, "key", 0, nothing, func(ctx context.Context) (bool, error) {
			_, limited := ctx.Deadline()
			return limited, nil
		})
		if limited || err != nil {
			t.Errorf("the work has a deadline: %t, %v", limited, err)
		}
	})
}

func TestSharedEndsAfterItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group wait.Group
		_, err := wait.Shared(t.Context(), &group, "key", time.Second, unknown, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("work without an end returned %v", err)
		}
	})
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the user pressed Ctrl-C")
		ctx, cancel := context.WithCancelCause(t.Context())
		lingering, stop := wait.Linger(ctx, time.Second)
		defer stop()
		time.Sleep(time.Hour)
		cancel(cause)
		began := time.Now()
		<-lingering.Done()
		if took := time.Since(began); took != time.Second || !errors.Is(context.Cause(lingering), cause) {
			t.Errorf("it ended after %s: %v", took, context.Cause(lingering))
		}
	})
}

func unknown() (int, bool, error) { return 0, false, nil }

func nothing() (bool, bool, error) { return false, false, nil }

// A result that has become known since the caller looked is not worked out again.
func TestSharedAsksAgainBeforeItWorks(t *testing.T) {
	var group wait.Group
	asked := 0
	known := func() (int, bool, error) {
		asked++
		return 42, asked > 1, nil
	}
	n, err := wait.Shared(t.Context(), &group, "key", time.Minute, known, func(context.Context) (int, error) {
		t.Error("the work ran although its result is known")
		return 0, nil
	})
	if n != 42 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}
