package manifesto

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// unpinnable remembers for a run which blobs cannot be pinned, because they are missing or in the oldest form. The zero
// value knows none. It is safe for concurrent use.
type unpinnable struct {
	mu    sync.Mutex
	blobs map[oci.Digest]bool
	// reported are the missing blobs that a caller was told about, or that are pending.
	reported map[oci.Digest]bool
	// pending are the missing blobs that wait for a ticket to report them.
	pending []oci.Digest
}

// all returns a copy of the set of blobs.
func (u *unpinnable) all() map[oci.Digest]bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.blobs)
}

// add remembers blobs.
func (u *unpinnable) add(digests []oci.Digest) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, digest := range digests {
		u.blobs = with(u.blobs, digest)
	}
}

// remove forgets a blob: it was uploaded and can be pinned now.
func (u *unpinnable) remove(digest oci.Digest) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.blobs, digest)
}

// report has the first ticket of a batch that stores something report the missing blobs that no caller was told about:
// a delete has no result to report them in. Without such a ticket they wait for the next batch.
func (u *unpinnable) report(missing []oci.Digest, batch []*ticket) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, digest := range missing {
		if !u.reported[digest] {
			u.reported = with(u.reported, digest)
			u.pending = append(u.pending, oci.Digest(strings.Clone(digest.String())))
		}
	}
	if i := slices.IndexFunc(batch, func(t *ticket) bool { return !t.removes() }); i >= 0 {
		batch[i].missing = append(batch[i].missing, u.pending...)
		u.pending = nil
	}
}

// with adds a copy of a digest to a set. The digest itself would keep the whole document that it is a part of in
// memory.
func with(set map[oci.Digest]bool, digest oci.Digest) map[oci.Digest]bool {
	if set == nil {
		set = map[oci.Digest]bool{}
	}
	set[oci.Digest(strings.Clone(digest.String()))] = true
	return set
}
