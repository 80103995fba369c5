package manifesto

import "sync"

// ledger remembers which entries this run creates, in order to find two mistakes in a configuration: two resources that
// create the same entry, and a resource that deletes what another has just created. The zero value is empty. It is safe
// for concurrent use.
type ledger struct {
	mu sync.Mutex
	// claimed are the keys that this run creates or has created, created those that are committed.
	claimed, created map[Key]bool
}

// claim reserves a key for a create. False means that another create of this run has reserved it.
func (l *ledger) claim(key Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claimed[key] {
		return false
	}
	if l.claimed == nil {
		l.claimed = map[Key]bool{}
	}
	l.claimed[key] = true
	return true
}

// release gives up a key whose create has failed.
func (l *ledger) release(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.claimed, key)
}

// committed records that the create of a key is stored.
func (l *ledger) committed(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.created == nil {
		l.created = map[Key]bool{}
	}
	l.created[key] = true
}

// wasCreated reports whether a create of the key was committed in this run.
func (l *ledger) wasCreated(key Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.created[key]
}
