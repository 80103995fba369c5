package credentials

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A credential is kept until a minute before it ends, or for half of a short life. A credential without a known end is
// kept for Life, and an error for ErrorLife.
func TestCacheLives(t *testing.T) {
	for name, test := range map[string]struct {
		life time.Duration // Of the credential; zero if it does not say.
		err  error
		kept time.Duration
	}{
		"an hour":   {life: time.Hour, kept: 59 * time.Minute},
		"a minute":  {life: time.Minute, kept: 30 * time.Second},
		"endless":   {kept: 5 * time.Minute},
		"an error":  {err: ErrUnavailable, kept: time.Minute},
		"has ended": {life: -time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := &Cache[string]{Life: 5 * time.Minute, ErrorLife: time.Minute}
				searches := 0
				find := func() {
					t.Helper()
					found, err := cache.Find(context.Background(), "key", func(context.Context) (Credential, error) {
						searches++
						c := Credential{Username: "u"}
						if test.life != 0 {
							c.Expires = time.Now().Add(test.life)
						}
						return c, test.err
					})
					if found.Username != "u" || !errors.Is(err, test.err) {
						t.Errorf("found %s, %v", found, err)
					}
				}
				find()
				if test.kept > 0 {
					time.Sleep(test.kept - time.Millisecond)
					find()
					if searches != 1 {
						t.Errorf("%d searches just before the end", searches)
					}
					time.Sleep(2 * time.Millisecond)
				}
				find()
				if searches != 2 {
					t.Errorf("%d searches behind the end", searches)
				}
			})
		})
	}
}

// Simultaneous finds of one key share one search, which goes on when one caller gives up. A find of another key does
// not wait for it.
func TestCacheShares(t *testing.T) {
	synctest.Test(t, testCacheShares)
}

func testCacheShares(t *testing.T) {
	cache := &Cache[string]{Life: time.Minute}
	var searches atomic.Int32
	proceed := make(chan struct{})
	slow := func(ctx context.Context) (Credential, error) {
		searches.Add(1)
		<-proceed
		return Credential{Username: "u"}, ctx.Err()
	}
	impatient, cancel := context.WithCancel(context.Background())
	gone := make(chan error, 1)
	go func() {
		_, err := cache.Find(impatient, "slow", slow)
		gone <- err
	}()
	synctest.Wait() // The search has begun.
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if c, err := cache.Find(context.Background(), "slow", slow); err != nil || c.Username != "u" {
				t.Errorf("found %s, %v", c, err)
			}
		})
	}
	synctest.Wait()
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gives up gets %v", err)
	}
	quick := func(context.Context) (Credential, error) { return Credential{Username: "q"}, nil }
	if c, err := cache.Find(context.Background(), "quick", quick); err != nil || c.Username != "q" {
		t.Errorf("another key: %s, %v", c, err)
	}
	close(proceed)
	group.Wait()
	if n := searches.Load(); n != 1 {
		t.Errorf("%d searches", n)
	}
}
