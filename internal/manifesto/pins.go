package manifesto

import (
	"context"
	"errors"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/errgroup"
)

// pinParallel is how many pin requests of one operation are under way at once.
const pinParallel = 8

// pins is what this run knows of a repository's pin manifests. It is safe for concurrent use.
type pins struct {
	mu sync.RWMutex
	// shards maps the shards that were read or put to their blobs and their sizes, where a blob to a shard
	// that has it.
	shards map[int]map[oci.Digest]int64
	where  map[oci.Digest]int
	// ours are the shards that this run has put, complete says that all there are were read.
	ours     map[int]bool
	complete bool
	// version is the largest counter seen in them.
	version int64
}

func newPins() *pins {
	return &pins{shards: map[int]map[oci.Digest]int64{}, where: map[oci.Digest]int{}, ours: map[int]bool{}}
}

// holds reports in which shard a blob is, as far as they are known.
func (p *pins) holds(digest oci.Digest) (shard int, size int64, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if shard, ok = p.where[digest]; ok {
		size = p.shards[shard][digest]
	}
	return shard, size, ok
}

// size returns the size of a blob in a shard.
func (p *pins) size(shard int, digest oci.Digest) (size int64, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	size, ok = p.shards[shard][digest]
	return size, ok
}

// confirms reports whether a shard is known to hold a blob.
func (p *pins) confirms(shard int, digest oci.Digest) bool {
	_, ok := p.size(shard, digest)
	return ok
}

// knows reports whether a shard was read or put.
func (p *pins) knows(shard int) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, ok := p.shards[shard]
	return ok || p.complete
}

// knowsAll reports whether all shards were read.
func (p *pins) knowsAll() bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.complete
}

// latest is the largest counter seen in the pin manifests.
func (p *pins) latest() int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.version
}

// wasRead records what a shard was read to hold, and the counter in it. What was put since is newer.
func (p *pins) wasRead(shard int, blobs map[oci.Digest]int64, version int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ours[shard] {
		p.set(shard, blobs, version)
	}
}

// wasPut records what was put into a shard.
func (p *pins) wasPut(shard int, layers []oci.Descriptor, version int64) {
	blobs := make(map[oci.Digest]int64, len(layers))
	for _, layer := range layers {
		blobs[layer.Digest] = layer.Size
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ours[shard] = true
	p.set(shard, blobs, version)
}

func (p *pins) set(shard int, blobs map[oci.Digest]int64, version int64) {
	before := p.shards[shard]
	p.shards[shard] = blobs
	p.version = max(p.version, version)
	for digest := range blobs {
		if other, ok := p.where[digest]; !ok || shard < other {
			p.where[digest] = shard
		}
	}
	for digest := range before {
		if _, kept := blobs[digest]; !kept && p.where[digest] == shard {
			p.moved(digest)
		}
	}
}

// moved finds another shard that has a blob.
func (p *pins) moved(digest oci.Digest) {
	delete(p.where, digest)
	for shard, blobs := range p.shards {
		if _, ok := blobs[digest]; !ok {
			continue
		}
		if other, ok := p.where[digest]; !ok || shard < other {
			p.where[digest] = shard
		}
	}
}

// forget removes blobs that are gone.
func (p *pins) forget(gone map[oci.Digest]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for digest := range gone {
		for _, blobs := range p.shards {
			delete(blobs, digest)
		}
		delete(p.where, digest)
	}
}

// readShard reads one pin manifest; false means that there is none.
func readShard(ctx context.Context, remote Repository, shard int) (map[oci.Digest]int64, int64, bool, error) {
	m, err := remote.GetManifest(ctx, format.ShardTag(shard))
	if errors.Is(err, oci.ErrNotFound) {
		return nil, 0, false, nil
	}
	if err != nil {
		return nil, 0, false, err
	}
	parsed, err := format.ParseManifest(m)
	if err != nil {
		// Someone put something else there: it pins nothing, and the next commit replaces it.
		return nil, 0, true, nil //nolint:nilerr // See above.
	}
	return parsed.LayerSizes(), parsed.Header().Number, true, nil
}

// readAll reads the pin manifests that the document names and, where an entry names none (another tool may
// have stripped the field), those that follow until there is none.
func (p *pins) readAll(ctx context.Context, remote Repository, d *format.Document) error {
	named, all := d.NamedShards()
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(pinParallel)
	for shard := range named {
		if !p.knows(shard) {
			group.Go(func() error { return p.readOne(groupContext, remote, shard) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for shard := named; !all && shard < format.MaxShards; shard++ {
		blobs, version, ok, err := readShard(ctx, remote, shard)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		p.wasRead(shard, blobs, version)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complete = true
	return nil
}

// readOne reads one pin manifest.
func (p *pins) readOne(ctx context.Context, remote Repository, shard int) error {
	blobs, version, _, err := readShard(ctx, remote, shard)
	if err == nil {
		p.wasRead(shard, blobs, version)
	}
	return err
}
