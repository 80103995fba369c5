package credentials

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// expiryMargin is how long before its end a credential is looked for anew: sooner than who uses it renews
// its login, or the renewal would get the old one once more.
const expiryMargin = time.Minute

// Cache keeps what was found under a key until shortly before it expires. Finds of one key that come at the
// same time share one search, and none waits for the search of another key. The zero value keeps only
// credentials that expire.
type Cache[K comparable] struct {
	// Life is for how long a credential is good that says nothing of its end, and the answer that there is
	// none; ErrorLife for how long an error stands.
	Life, ErrorLife time.Duration

	flight wait.Group
	mu     sync.Mutex
	known  map[K]answer
}

// answer is what a search has given.
type answer struct {
	credential Credential
	err        error
	until      time.Time
}

// Find returns what is known under a key, searching where nothing is. The search goes on for the others that
// wait for it when this caller gives up, so it has to bound its own time.
func (c *Cache[K]) Find(ctx context.Context, key K, search func(context.Context) (Credential, error)) (Credential, error) {
	if a, ok := c.get(key); ok {
		return a.credential, a.err
	}
	return wait.Shared(ctx, &c.flight, fmt.Sprintf("%#v", key), 0, func(ctx context.Context) (Credential, error) {
		if a, ok := c.get(key); ok {
			return a.credential, a.err // Another caller found it after this one looked.
		}
		found, err := search(ctx)
		c.put(key, found, err)
		return found, err
	})
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
