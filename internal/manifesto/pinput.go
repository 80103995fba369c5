package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// putPins is a pin manifest that this process has put.
type putPins struct {
	digest registry.Digest
	layers []descriptor
}

// errPinRefused marks the registry's refusal of a pin manifest.
var errPinRefused = errors.New("pin manifest refused")

// putPin puts a pin manifest. Where the outcome is unknown it looks, and puts again: putting the same
// pins twice is harmless.
func (r *repository) putPin(ctx context.Context, shard int, m registry.Manifest) error {
	wait := firstWait
	for look := 1; ; look++ {
		err := r.remote.PutManifest(ctx, shardTag(shard), m)
		if err == nil {
			return nil
		}
		passing := errors.Is(err, registry.ErrAmbiguous) || errors.Is(err, registry.ErrRateLimited)
		if !passing {
			return fmt.Errorf("%w: %w", errPinRefused, err)
		}
		if look == maxLooks {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, maxWait)
		if digest, err := r.remote.HeadManifest(ctx, shardTag(shard)); err == nil && digest == m.Digest {
			return nil
		}
	}
}

// confirmPins looks at the end of a burst whether the shards that it put still hold what the manifesto
// names there: a rival may have replaced them, for a commit that it lost or does not know of ours in.
func (r *repository) confirmPins(ctx context.Context, v *version, touched map[int]putPins) error {
	r.mu.Lock()
	more := len(r.queue) > 0
	r.mu.Unlock()
	if more {
		return nil
	}
	for shard, put := range touched {
		if err := r.confirmShard(ctx, v, shard, put); err != nil {
			return err
		}
		delete(touched, shard)
	}
	return nil
}

// confirmShard puts a shard again where it lacks a blob that the manifesto names in it. What else it
// holds stays: it may be a rival's, whose commit is under way.
func (r *repository) confirmShard(ctx context.Context, v *version, shard int, put putPins) error {
	needed := map[registry.Digest]int64{}
	v.doc.eachBlob(func(rec record) {
		if rec.pin == shard && rec.size > 0 {
			needed[rec.digest] = rec.size
		}
	})
	held := make(map[registry.Digest]int64, len(put.layers))
	for _, layer := range put.layers {
		held[layer.Digest] = layer.Size
	}
	digest, err := r.remote.HeadManifest(ctx, shardTag(shard))
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return err
	}
	if digest != put.digest {
		if held, _, _, err = readShard(ctx, r.remote, shard); err != nil {
			return err
		}
	}
	covered := true
	for blob := range needed {
		_, ok := held[blob]
		covered = covered && ok
	}
	if covered {
		return nil
	}
	if len(held)+len(needed) <= maxUnion {
		maps.Copy(needed, held)
	}
	layers := make([]descriptor, 0, len(needed))
	for blob, size := range needed {
		layers = append(layers, descriptor{registry.MediaTypeOctetStream, blob, size})
	}
	m, _, err := pinManifest(r.name, sortLayers(layers), v.number)
	if err != nil {
		return err
	}
	if err := r.putPin(ctx, shard, m); err != nil {
		return err
	}
	r.rememberPins(shard, layers, v.number)
	return nil
}
