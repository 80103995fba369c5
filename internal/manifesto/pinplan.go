package manifesto

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/errgroup"
)

// pinPlan says which pin manifests a commit puts.
type pinPlan struct {
	// touched maps a shard to the layers that it shall have.
	touched map[int][]descriptor
	// missing are blobs that the document names and the repository does not have; images are the oldest
	// form, which names an image instead and cannot be pinned.
	missing, images []oci.Digest
}

// sortOut tells blobs that are gone from images in their place.
func (p *pinPlan) sortOut(ctx context.Context, remote Repository, absent []oci.Digest) error {
	for _, digest := range absent {
		_, err := remote.HeadManifest(ctx, digest.String())
		switch {
		case err == nil:
			p.images = append(p.images, digest)
		case errors.Is(err, oci.ErrNotFound):
			p.missing = append(p.missing, digest)
		default:
			return err
		}
	}
	return nil
}

// planPins assigns a pin to every entry of next that has none and says which pin manifests must be put
// for it. Pins that are known to hold a blob keep it. A blob whose size nobody knows costs a HEAD; skip names
// blobs that cannot be pinned, as earlier commits of this run found out.
func planPins(ctx context.Context, remote Repository, base, next *Document, known func(oci.Digest) (int, int64, bool), skip map[oci.Digest]bool) (pinPlan, error) {
	a := assignment{base: base.shardIndex(), next: next.shardIndex(), shards: map[oci.Digest]int{}, added: map[int]map[oci.Digest]bool{}}
	if len(skip) > 0 {
		next.repin(func(rec record) (record, bool) {
			return rec.pinned(noPin, 0), rec.pin != noPin && skip[rec.digest]
		})
	}
	order, sizes := next.unassigned(skip)
	var plan pinPlan
	var fresh, unsized []oci.Digest
	for _, digest := range order {
		if shard, ok := a.next.holder(digest); ok {
			a.shards[digest] = shard
			continue
		}
		if shard, size, ok := known(digest); ok {
			a.assign(digest, shard)
			sizes[digest] = size
			continue
		}
		fresh = append(fresh, digest)
		if sizes[digest] == 0 {
			unsized = append(unsized, digest)
		}
	}
	found, missing, err := headBlobs(ctx, remote, unsized)
	if err != nil {
		return pinPlan{}, err
	}
	if err := plan.sortOut(ctx, remote, missing); err != nil {
		return pinPlan{}, err
	}
	maps.Copy(sizes, found)
	dirty := map[int]bool{}
	shard := 0
	for _, digest := range fresh {
		if sizes[digest] == 0 {
			continue
		}
		for !a.hasRoom(shard) {
			shard++
		}
		a.assign(digest, shard)
		dirty[shard] = true
	}
	if len(a.shards) == 0 {
		return plan, nil
	}
	next.repin(func(rec record) (record, bool) {
		if rec.pin != noPin || rec.digest == "" {
			return record{}, false
		}
		shard, ok := a.shards[rec.digest]
		if !ok {
			return record{}, false
		}
		return rec.pinned(shard, sizes[rec.digest]), true
	})
	plan.touched, err = a.layers(ctx, remote, dirty, skip)
	return plan, err
}

// assignment is which blobs get into which shards of the next document.
type assignment struct {
	base, next *shards
	// shards is what was decided; added are the blobs that a shard gains by it.
	shards map[oci.Digest]int
	added  map[int]map[oci.Digest]bool
}

func (a assignment) assign(digest oci.Digest, shard int) {
	a.shards[digest] = shard
	if a.added[shard] == nil {
		a.added[shard] = map[oci.Digest]bool{}
	}
	a.added[shard][digest] = true
}

// hasRoom reports whether a shard can take one more blob, with what next has in it and, while the base is
// not replaced, what that has, too.
func (a assignment) hasRoom(shard int) bool {
	next, added := a.next.blobs[shard], a.added[shard]
	count := len(next) + len(added)
	if count >= maxNext {
		return false
	}
	for digest := range a.base.blobs[shard] {
		if _, ok := next[digest]; !ok && !added[digest] {
			count++
		}
	}
	return count < maxUnion
}

// unassigned returns the blobs that entries without a pin name, in the document's order, so that equal input
// gives equal pins, and their sizes, where an entry gives one.
func (d *Document) unassigned(skip map[oci.Digest]bool) (order []oci.Digest, sizes map[oci.Digest]int64) {
	sizes = map[oci.Digest]int64{}
	d.eachBlob(func(rec record) {
		if rec.pin != noPin || skip[rec.digest] {
			return
		}
		if _, ok := sizes[rec.digest]; !ok {
			order = append(order, rec.digest)
		}
		sizes[rec.digest] = max(sizes[rec.digest], rec.size)
	})
	return order, sizes
}

// layers lists the layers of the shards to put, sorted: what base and next name there. A blob that is there
// without a known size costs a HEAD; one that is missing is left out, since a registry refuses a manifest
// that names it.
func (a assignment) layers(ctx context.Context, remote Repository, dirty map[int]bool, skip map[oci.Digest]bool) (map[int][]descriptor, error) {
	touched := make(map[int][]descriptor, len(dirty))
	for shard := range dirty {
		sizes := map[oci.Digest]int64{}
		for _, blobs := range []map[oci.Digest]named{a.base.blobs[shard], a.next.blobs[shard]} {
			for digest, blob := range blobs {
				if !skip[digest] {
					sizes[digest] = max(sizes[digest], blob.size)
				}
			}
		}
		var unsized []oci.Digest
		for digest, size := range sizes {
			if size == 0 {
				unsized = append(unsized, digest)
			}
		}
		found, _, err := headBlobs(ctx, remote, unsized)
		if err != nil {
			return nil, err
		}
		maps.Copy(sizes, found)
		layers := make([]descriptor, 0, len(sizes))
		for digest, size := range sizes {
			if size > 0 {
				layers = append(layers, descriptor{oci.MediaTypeOctetStream, digest, size})
			}
		}
		touched[shard] = sortLayers(layers)
	}
	return touched, nil
}

func sortLayers(layers []descriptor) []descriptor {
	slices.SortFunc(layers, func(a, b descriptor) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	return layers
}

// headBlobs returns the sizes of blobs and which of them are not there.
func headBlobs(ctx context.Context, remote Repository, digests []oci.Digest) (map[oci.Digest]int64, []oci.Digest, error) {
	found := make([]int64, len(digests))
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(pinParallel)
	for i, digest := range digests {
		group.Go(func() error {
			size, err := remote.HeadBlob(groupContext, digest)
			switch {
			case errors.Is(err, oci.ErrNotFound):
				return nil
			case err != nil:
				return err
			case size < 0: // The registry answers HEAD without a length.
				content, err := remote.GetBlob(groupContext, digest, MaxContent)
				if err != nil {
					return err
				}
				size = int64(len(content))
			}
			found[i] = size
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	sizes := map[oci.Digest]int64{}
	var missing []oci.Digest
	for i, digest := range digests {
		if found[i] > 0 {
			sizes[digest] = found[i]
		} else {
			missing = append(missing, digest)
		}
	}
	return sizes, missing, nil
}
