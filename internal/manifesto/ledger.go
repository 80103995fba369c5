package manifesto

import (
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// ledger remembers which entries this run creates, in order to find two mistakes in a configuration: two resources that
// create the same entry, and a resource that deletes what another has just created. Resources that name one image by
// different references may create one entry, if its content is equal: they share it. The zero value is empty. It is
// safe for concurrent use.
type ledger struct {
	mu     sync.Mutex
	claims map[Key]*claim
}

// claim is what this run creates under one key.
type claim struct {
	content oci.Digest
	// committed says for each reference that creates or has created the entry whether that is stored.
	committed map[string]bool
}

// claim reserves a key for a create through a reference, which may be empty. False means that another create of this
// run has reserved it, through the same reference or for other content.
func (l *ledger) claim(key Key, reference string, content oci.Digest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.claims[key]
	if !ok {
		if l.claims == nil {
			l.claims = map[Key]*claim{}
		}
		known = &claim{content: content, committed: map[string]bool{}}
		l.claims[key] = known
	}
	if _, again := known.committed[reference]; again || known.content != content {
		return false
	}
	known.committed[reference] = false
	return true
}

// release gives up a key whose create has failed.
func (l *ledger) release(key Key, reference string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.claims[key]
	if !ok {
		return
	}
	if delete(known.committed, reference); len(known.committed) == 0 {
		delete(l.claims, key)
	}
}

// committed records that the create of a key is stored.
func (l *ledger) committed(key Key, reference string, content oci.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claims == nil {
		l.claims = map[Key]*claim{}
	}
	if l.claims[key] == nil {
		l.claims[key] = &claim{content: content, committed: map[string]bool{}}
	}
	l.claims[key].committed[reference] = true
}

// wasCreated reports whether a create of the key through the reference was committed in this run.
func (l *ledger) wasCreated(key Key, reference string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, ok := l.claims[key]
	return ok && known.committed[reference]
}
