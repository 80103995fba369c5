package manifesto

import (
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// pinParallel is the number of requests about blobs or pin manifests that one operation sends at the same time.
const pinParallel = 8

// pinIndex is what this run knows about the blobs in a repository's pin manifests. It is safe for concurrent use.
type pinIndex struct {
	mu sync.RWMutex
	// shards maps a shard that was read or put to its blobs and their sizes in bytes.
	shards map[int]map[oci.Digest]int64
	// where maps a blob to its lowest-numbered shard.
	where map[oci.Digest]int
	// ours are the shards that this run has put.
	ours map[int]bool
	// complete says that all shards were read.
	complete bool
	// version is the largest version number in a pin manifest.
	version int64
}

func newPinIndex() *pinIndex {
	return &pinIndex{shards: map[int]map[oci.Digest]int64{}, where: map[oci.Digest]int{}, ours: map[int]bool{}}
}

// find returns the lowest-numbered shard that is known to hold a blob, and the blob's size in bytes.
func (x *pinIndex) find(digest oci.Digest) (shard int, size int64, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if shard, ok = x.where[digest]; ok {
		size = x.shards[shard][digest]
	}
	return shard, size, ok
}

// size returns the size in bytes of a blob in a shard. False means that the shard is not known to hold it.
func (x *pinIndex) size(shard int, digest oci.Digest) (size int64, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	size, ok = x.shards[shard][digest]
	return size, ok
}

// contains reports whether a shard is known to hold a blob.
func (x *pinIndex) contains(shard int, digest oci.Digest) bool {
	_, ok := x.size(shard, digest)
	return ok
}

// knows reports whether a shard was read or put.
func (x *pinIndex) knows(shard int) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, ok := x.shards[shard]
	return ok || x.complete
}

// knowsAll reports whether all shards were read.
func (x *pinIndex) knowsAll() bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.complete
}

// latest returns the largest version number that a pin manifest had.
func (x *pinIndex) latest() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.version
}

// read records the blobs and the version number that were read from a shard. It ignores a shard that this run has put,
// because what was read may be older.
func (x *pinIndex) read(shard int, blobs map[oci.Digest]int64, version int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ours[shard] {
		x.set(shard, blobs, version)
	}
}

// put records the layers and the version number of a pin manifest that this run has put.
func (x *pinIndex) put(shard int, layers []oci.Descriptor, version int64) {
	blobs := make(map[oci.Digest]int64, len(layers))
	for _, layer := range layers {
		blobs[layer.Digest] = layer.Size
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ours[shard] = true
	x.set(shard, blobs, version)
}

func (x *pinIndex) set(shard int, blobs map[oci.Digest]int64, version int64) {
	before := x.shards[shard]
	x.shards[shard] = blobs
	x.version = max(x.version, version)
	for digest := range blobs {
		if other, ok := x.where[digest]; !ok || shard < other {
			x.where[digest] = shard
		}
	}
	for digest := range before {
		if _, kept := blobs[digest]; !kept && x.where[digest] == shard {
			x.relocate(digest)
		}
	}
}

// relocate records the lowest-numbered shard that still has a blob.
func (x *pinIndex) relocate(digest oci.Digest) {
	delete(x.where, digest)
	for shard, blobs := range x.shards {
		if _, ok := blobs[digest]; !ok {
			continue
		}
		if other, ok := x.where[digest]; !ok || shard < other {
			x.where[digest] = shard
		}
	}
}

// forget removes blobs that are not in the repository.
func (x *pinIndex) forget(gone map[oci.Digest]bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for digest := range gone {
		for _, blobs := range x.shards {
			delete(blobs, digest)
		}
		delete(x.where, digest)
	}
}

// markComplete records that all shards were read.
func (x *pinIndex) markComplete() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.complete = true
}
