package manifesto

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"golang.org/x/sync/errgroup"
)

// pinPlan says which pin manifests a commit puts.
type pinPlan struct {
	// touched maps a shard to the layers that it shall have.
	touched map[int][]descriptor
	// missing are blobs that the document names and the repository does not have; images are the oldest
	// form, which names an image instead and cannot be pinned.
	missing, images []registry.Digest
}

// sortOut tells blobs that are gone from images in their place.
func (p *pinPlan) sortOut(ctx context.Context, remote Remote, absent []registry.Digest) error {
	for _, digest := range absent {
		_, err := remote.HeadManifest(ctx, digest.String())
		switch {
		case err == nil:
			p.images = append(p.images, digest)
		case errors.Is(err, registry.ErrNotFound):
			p.missing = append(p.missing, digest)
		default:
			return err
		}
	}
	return nil
}

// planPins assigns a pin to every entry of next that has none and says which pin manifests must be put
// for it. Known pins keep their assignment. A blob whose size nobody knows costs a HEAD; skip names
// blobs that cannot be pinned, as earlier commits of this run found out.
func planPins(ctx context.Context, remote Remote, base, next *Document, known pins, skip map[registry.Digest]bool) (pinPlan, error) {
	union := map[int]map[registry.Digest]int64{} // What base and next name, by shard.
	inNext := map[int]int{}                      // How many distinct blobs of next a shard has.
	add := func(shard int, digest registry.Digest, size int64) bool {
		if union[shard] == nil {
			union[shard] = map[registry.Digest]int64{}
		}
		known, ok := union[shard][digest]
		if !ok || known == 0 {
			union[shard][digest] = size
		}
		return !ok
	}
	assigned := map[registry.Digest]int{}
	unassigned := map[registry.Digest]int64{}
	var order []registry.Digest // Assignment follows the document, so that equal input gives equal pins.
	next.repin(func(rec record) (record, bool) {
		return rec.pinned(noPin, 0), rec.pin != noPin && skip[rec.digest]
	})
	next.eachBlob(func(rec record) {
		if rec.pin == noPin {
			return
		}
		if add(rec.pin, rec.digest, rec.size) {
			inNext[rec.pin]++
		}
		if _, ok := assigned[rec.digest]; !ok {
			assigned[rec.digest] = rec.pin
		}
	})
	next.eachBlob(func(rec record) {
		if _, ok := assigned[rec.digest]; ok || rec.pin != noPin || skip[rec.digest] {
			return
		}
		if _, ok := unassigned[rec.digest]; !ok {
			order = append(order, rec.digest)
		}
		unassigned[rec.digest] = max(unassigned[rec.digest], rec.size)
	})
	base.eachBlob(func(rec record) {
		if rec.pin != noPin && !skip[rec.digest] {
			add(rec.pin, rec.digest, rec.size)
		}
	})

	var plan pinPlan
	var unsized []registry.Digest
	for _, digest := range order {
		if shard, size, ok := known.holds(digest); ok {
			assigned[digest], unassigned[digest] = shard, size
			if add(shard, digest, size) {
				inNext[shard]++
			}
		} else if unassigned[digest] == 0 {
			unsized = append(unsized, digest)
		}
	}
	sizes, missing, err := headBlobs(ctx, remote, unsized)
	if err != nil {
		return pinPlan{}, err
	}
	if err := plan.sortOut(ctx, remote, missing); err != nil {
		return pinPlan{}, err
	}
	dirty := map[int]bool{}
	for _, digest := range order {
		if _, ok := assigned[digest]; ok || (unassigned[digest] == 0 && sizes[digest] == 0) {
			continue
		}
		if size, ok := sizes[digest]; ok {
			unassigned[digest] = size
		}
		shard := 0
		for inNext[shard] >= maxNext || len(union[shard]) >= maxUnion {
			shard++
		}
		assigned[digest] = shard
		add(shard, digest, unassigned[digest])
		inNext[shard]++
		dirty[shard] = true
	}
	next.repin(func(rec record) (record, bool) {
		shard, ok := assigned[rec.digest]
		if !ok || rec.digest == "" || rec.pin != noPin {
			return record{}, false
		}
		return rec.pinned(shard, unassigned[rec.digest]), true
	})
	plan.touched, err = layersOf(ctx, remote, union, dirty)
	return plan, err
}

// layersOf lists the layers of the shards to put, sorted. A blob that is there without a known size
// costs a HEAD; one that is missing is left out, since a registry refuses a manifest that names it.
func layersOf(ctx context.Context, remote Remote, union map[int]map[registry.Digest]int64, dirty map[int]bool) (map[int][]descriptor, error) {
	touched := make(map[int][]descriptor, len(dirty))
	for shard := range dirty {
		var unsized []registry.Digest
		for digest, size := range union[shard] {
			if size == 0 {
				unsized = append(unsized, digest)
			}
		}
		sizes, _, err := headBlobs(ctx, remote, unsized)
		if err != nil {
			return nil, err
		}
		layers := make([]descriptor, 0, len(union[shard]))
		for digest, size := range union[shard] {
			if size == 0 {
				size = sizes[digest]
			}
			if size > 0 {
				layers = append(layers, descriptor{registry.MediaTypeOctetStream, digest, size})
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
func headBlobs(ctx context.Context, remote Remote, digests []registry.Digest) (map[registry.Digest]int64, []registry.Digest, error) {
	found := make([]int64, len(digests))
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(pinParallel)
	for i, digest := range digests {
		group.Go(func() error {
			size, err := remote.HeadBlob(groupContext, digest)
			switch {
			case errors.Is(err, registry.ErrNotFound):
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
	sizes := map[registry.Digest]int64{}
	var missing []registry.Digest
	for i, digest := range digests {
		if found[i] > 0 {
			sizes[digest] = found[i]
		} else {
			missing = append(missing, digest)
		}
	}
	return sizes, missing, nil
}
