package manifesto

import (
	"slices"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// tagState is what this run has seen under a repository's tag. The zero value has seen nothing. It is safe for
// concurrent use.
type tagState struct {
	mu sync.Mutex
	// version is the current version: the last that was seen, or that the registry has accepted from us. It is nil
	// before the first look.
	version *version
	// seenAt is when the last look that showed version began, or the PUT that stored it.
	seenAt time.Time
	// replaced are the digests of versions that were replaced, as far as this run has seen.
	replaced map[oci.Digest]bool
}

// current returns the current version, nil before the first look.
func (t *tagState) current() *version {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}

// lastSeen returns when the last look that showed v began; zero if v is not the current version.
func (t *tagState) lastSeen(v *version) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version != v {
		return time.Time{}
	}
	return t.seenAt
}

// first records the version that a reader has read, unless there is a current version already. It returns the current
// version.
func (t *tagState) first(v *version, seenAt time.Time) *version {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version == nil {
		t.version, t.seenAt = v, seenAt
	}
	return t.version
}

// show records that a look that began at seenAt has shown v, or that a PUT that began then has stored it. Another
// version that was current counts as replaced.
func (t *tagState) show(v *version, seenAt time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version != nil && t.version.digest != v.digest {
		t.markReplaced(t.version.digest)
	}
	delete(t.replaced, v.digest)
	t.version, t.seenAt = v, seenAt
}

// stands records that a look that began at seenAt has shown v, if v is still the current version.
func (t *tagState) stands(v *version, seenAt time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.version == v {
		t.seenAt = seenAt
	}
}

// lost records that a rival has replaced our version v before it was confirmed.
func (t *tagState) lost(v *version) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.markReplaced(v.digest)
}

func (t *tagState) markReplaced(digest oci.Digest) {
	if t.replaced == nil {
		t.replaced = map[oci.Digest]bool{}
	}
	t.replaced[digest] = true
}

// predates reports why a digest under the tag may be older than v: it is an ancestor of v, or this run has seen it
// replaced.
func (t *tagState) predates(digest oci.Digest, v *version) (ancestor, replaced bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(v.Ancestors, digest), t.replaced[digest]
}
