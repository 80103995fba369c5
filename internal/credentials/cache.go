package credentials

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// expiryMargin is how long before its end a credential is searched for again. It must exceed the login's renewal
// margin, or a renewal would get the expiring credential again.
const expiryMargin = time.Minute

// Cache keeps the credential for a key until shortly before it expires. Simultaneous finds of one key share one search,
// and no find waits for the search of another key. The zero value keeps only credentials that expire. It is safe for
// concurrent use.
type Cache[K comparable] struct {
	// Life is how long a credential without a known end is kept, and the answer that there is none.
	Life time.Duration
	// ErrorLife is how long an error is kept.
	ErrorLife time.Duration

	flight wait.Group
	mu     sync.Mutex
	known  map[K]answer
}

// answer is the result of a search, and until when it is kept.
type answer struct {
	credential Credential
	err        error
	until      time.Time
}

// Find returns the result that is kept for a key, or searches for one. The search goes on for the other callers when
// this one gives up, so it must bound its own time.
func (c *Cache[K]) Find(
	ctx context.Context, key K, search func(context.Context) (Credential, error),
) (Credential, error) {
	known := func() (Credential, bool, error) {
		a, ok := c.get(key)
		return a.credential, ok, a.err
	}
	find := func(ctx context.Context) (Credential, error) {
		found, err := search(ctx)
		c.put(key, found, err)
		return found, err
	}
	return wait.Shared(ctx, &c.flight, fmt.Sprintf("%#v", key), 0, known, find)
}

func (c *Cache[K]) get(key K) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.known[key]
	return a, ok && time.Now().Before(a.until)
}

func (c *Cache[K]) put(key K, found Credential, err error) {
	now := time.Now()
	until := now.Add(c.Life)
	switch {
	case err != nil:
		until = now.Add(c.ErrorLife)
	case !found.Expires.IsZero():
		until = found.Expires.Add(-min(found.Expires.Sub(now)/2, expiryMargin))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[K]answer{}
	}
	c.known[key] = answer{found, err, until}
}
