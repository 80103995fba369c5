package manifesto

import (
	"log/slog"
	"maps"
	"strings"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/wait"
)

// pinner keeps the pin manifests of one repository, and knows what is in them. It is safe for concurrent use.
type pinner struct {
	tag    *tag
	index  *pinIndex
	log    *slog.Logger
	flight wait.Group

	mu sync.Mutex
	// unpinnable are blobs that are missing or in the oldest form.
	unpinnable map[oci.Digest]bool
	// reported are those of them that a caller was told about.
	reported map[oci.Digest]bool
}

func newPinner(t *tag) *pinner {
	return &pinner{
		tag: t, index: newPinIndex(), log: t.log,
		unpinnable: map[oci.Digest]bool{}, reported: map[oci.Digest]bool{},
	}
}

// skipped returns the blobs that cannot be pinned.
func (p *pinner) skipped() map[oci.Digest]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.unpinnable)
}

// skip remembers blobs that cannot be pinned.
func (p *pinner) skip(digests []oci.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, digest := range digests {
		p.unpinnable[ownDigest(digest)] = true
	}
}

// uploaded forgets that a blob could not be pinned: it is there now.
func (p *pinner) uploaded(digest oci.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.unpinnable, digest)
}

// report has the first ticket of a batch report missing blobs that no caller was told about.
func (p *pinner) report(missing []oci.Digest, batch []*ticket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, digest := range missing {
		if !p.reported[digest] && len(batch) > 0 {
			p.reported[ownDigest(digest)] = true
			batch[0].missing = append(batch[0].missing, digest)
		}
	}
}

// ownDigest copies a digest, which would otherwise keep the whole document that it is a part of in memory.
func ownDigest(digest oci.Digest) oci.Digest { return oci.Digest(strings.Clone(digest.String())) }
