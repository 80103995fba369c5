package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// confirm makes sure at the end of a burst that the shards in put hold the blobs that the version names in them. A
// rival may have replaced a pin manifest during a commit that it lost, or that ours does not know. confirm removes each
// confirmed shard from put.
func (p *pinner) confirm(ctx context.Context, put map[int]pinPut, v *version) error {
	for shard, was := range put {
		if err := p.confirmShard(ctx, v, shard, was); err != nil {
			return err
		}
		delete(put, shard)
	}
	return nil
}

// confirmShard puts a shard again if it lacks a blob that the version names in it. It keeps the other blobs in the
// shard, which a rival may need for a commit that is under way.
func (p *pinner) confirmShard(ctx context.Context, v *version, shard int, was pinPut) error {
	needed := v.doc.ShardBlobs(shard)
	maps.DeleteFunc(needed, func(_ oci.Digest, size int64) bool { return size < 0 })
	put := &shardPut{pinner: p, shard: shard, number: v.Number}
	gone := map[oci.Digest]bool{}
	var err error
	for _, ended := range polls(ctx) {
		if ended != nil {
			return ended
		}
		latest := time.Now().Add(p.tag.timing.window() / 2)
		held, heldErr := p.heldBy(ctx, shard, was)
		if heldErr != nil {
			return heldErr
		}
		put.layers = incomplete(needed, held, gone)
		if put.layers == nil {
			p.markFirst(ctx, put, was, held, latest)
			return nil
		}
		p.tag.log.LogAttrs(ctx, slog.LevelDebug, "a pin manifest lacks blobs that the manifesto names, and is put again",
			slog.String("tag", format.ShardTag(shard)))
		if put.manifest, err = format.PinManifest(p.tag.name, put.layers, v.Number); err != nil {
			return err
		}
		var again bool
		if again, err = put.try(ctx, latest); errors.Is(err, errPinRefused) {
			// A blob of another entry may be gone; the others must be pinned all the same.
			if again = p.findGone(ctx, put.layers, gone); !again {
				return err
			}
		}
		if !again {
			return err
		}
	}
	return fmt.Errorf("%w: %s stays without what the manifesto names in it: %w",
		ErrNotConfirmed, p.tag.name.Tagged(format.ShardTag(shard)), err)
}

// markedNumber is the version number in the first pin manifest once the first manifesto has settled.
const markedNumber = 2

// markFirst puts a pin manifest of the first commit of a repository once more, with a higher number. If the manifesto
// is hidden later, that shows that there was one: a writer that was killed in its first commit leaves number 1. Without
// the mark nothing is lost yet, so that a failure is only logged.
func (p *pinner) markFirst(
	ctx context.Context, put *shardPut, was pinPut, held map[oci.Digest]int64, latest time.Time,
) {
	if !was.first {
		return
	}
	var err error
	put.layers, put.number = format.PinLayers(held), markedNumber
	if put.manifest, err = format.PinManifest(p.tag.name, put.layers, put.number); err == nil {
		_, err = put.try(ctx, latest)
	}
	if err != nil {
		p.tag.log.LogAttrs(ctx, slog.LevelDebug, "the first pin manifest could not be marked", slog.Any("error", err))
	}
}

// findGone adds the layers that are not in the repository to gone. False means that there are none.
func (p *pinner) findGone(ctx context.Context, layers []oci.Descriptor, gone map[oci.Digest]bool) bool {
	_, missing, err := headBlobs(ctx, p.tag.repository, digestsOf(layers))
	for _, digest := range missing {
		gone[digest] = true
	}
	return err == nil && len(missing) > 0
}

// heldBy returns the blobs that a shard holds, and their sizes in bytes. If the tag still holds what was put, it reads
// nothing.
func (p *pinner) heldBy(ctx context.Context, shard int, put pinPut) (map[oci.Digest]int64, error) {
	digest, err := p.tag.repository.HeadManifest(ctx, format.ShardTag(shard))
	if err != nil && !errors.Is(err, oci.ErrNotFound) {
		return nil, err
	}
	if digest != put.digest {
		content, err := readShard(ctx, p.tag.repository, shard)
		return content.sizes, err
	}
	held := make(map[oci.Digest]int64, len(put.layers))
	for _, layer := range put.layers {
		held[layer.Digest] = layer.Size
	}
	return held, nil
}

// incomplete returns the layers that a shard should have if it lacks a needed blob, and nil if it lacks none. Blobs
// that are gone do not count.
func incomplete(needed, held map[oci.Digest]int64, gone map[oci.Digest]bool) []oci.Descriptor {
	covered := true
	for blob := range needed {
		_, ok := held[blob]
		covered = covered && (ok || gone[blob])
	}
	if covered {
		return nil
	}
	all := maps.Clone(needed)
	if len(held)+len(needed) <= format.MaxUnion {
		maps.Copy(all, held)
	}
	maps.DeleteFunc(all, func(blob oci.Digest, _ int64) bool { return gone[blob] })
	return format.PinLayers(all)
}
