package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// putPins is a pin manifest that this process has put.
type putPins struct {
	digest registry.Digest
	layers []descriptor
}

// errPinRefused marks the registry's refusal of a pin manifest.
var errPinRefused = errors.New("pin manifest refused")

// putPins puts the pin manifests that a plan touches, unless the base does not stand any more: it must have
// been seen to stand less than a window before, as for the manifesto itself. Whoever settles after us would
// otherwise find its pins replaced when it does not look any more.
func (r *repository) putPins(ctx context.Context, plan pinPlan, base *version, number int64, touched map[int]putPins) (stands bool, err error) {
	for shard, layers := range plan.touched {
		window, looked := r.timing.window(), r.lastLook()
		if time.Since(looked) > window/2 {
			if looked, stands, err = r.stands(ctx, base); err != nil || !stands {
				return false, err
			}
		}
		m, err := pinManifest(r.name, layers, number)
		if err != nil {
			return false, err
		}
		if err := r.putPin(ctx, shard, m); err != nil {
			return false, err
		}
		if took := time.Since(looked); took > window/2 {
			r.timing.observe(took) // Registries look for each layer: announce a longer window.
		}
		touched[shard] = putPins{m.Digest, layers}
		r.pins.wasPut(shard, layers, number)
	}
	return true, nil
}

// putPin puts a pin manifest. Where the outcome is unknown it looks, and puts again: putting the same
// pins twice is harmless. Where the registry refuses it, what all pin manifests share is uploaded once
// more: a retention rule may have removed the last of them, and a collector their config.
func (r *repository) putPin(ctx context.Context, shard int, m registry.Manifest) (err error) {
	renewed := false
	for look, ended := range looks(ctx) {
		if ended != nil {
			return ended
		}
		if look > 1 {
			if digest, err := r.remote.HeadManifest(ctx, shardTag(shard)); err == nil && digest == m.Digest {
				return nil
			}
		}
		err = r.remote.PutManifest(ctx, shardTag(shard), m)
		if errors.Is(err, registry.ErrManifestRefused) && !renewed {
			renewed = true
			if err := r.uploadShared(ctx); err != nil {
				return err
			}
			err = r.remote.PutManifest(ctx, shardTag(shard), m)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, registry.ErrAmbiguous) && !errors.Is(err, registry.ErrRateLimited) {
			return fmt.Errorf("%w: %w", errPinRefused, err)
		}
	}
	return err
}

// uploadShared uploads the blobs that every pin manifest may name.
func (r *repository) uploadShared(ctx context.Context) error {
	config, err := newConfig()
	if err != nil {
		return err
	}
	for _, blob := range [][]byte{config, emptyBlob} {
		if _, err := r.remote.PutBlob(ctx, blob); err != nil {
			return err
		}
	}
	return nil
}

// confirmPins looks at the end of a burst whether the shards that it put still hold what the manifesto
// names there: a rival may have replaced them, for a commit that it lost or does not know of ours in.
func (r *repository) confirmPins(ctx context.Context, touched map[int]putPins) error {
	for shard, put := range touched {
		if err := r.confirmShard(ctx, r.known(), shard, put); err != nil {
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
	for digest, blob := range v.doc.shardIndex().blobs[shard] {
		if blob.size > 0 {
			needed[digest] = blob.size
		}
	}
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
	err = r.putShard(ctx, shard, layers, v.number)
	if !errors.Is(err, errPinRefused) {
		return err
	}
	// A blob of another entry may be gone: the rest is to be pinned all the same.
	_, missing, headErr := headBlobs(ctx, r.remote, slices.Collect(maps.Keys(needed)))
	if headErr != nil || len(missing) == 0 {
		return err
	}
	layers = slices.DeleteFunc(layers, func(d descriptor) bool { return slices.Contains(missing, d.Digest) })
	return r.putShard(ctx, shard, layers, v.number)
}

// putShard puts a shard with the given layers.
func (r *repository) putShard(ctx context.Context, shard int, layers []descriptor, number int64) error {
	m, err := pinManifest(r.name, sortLayers(layers), number)
	if err != nil {
		return err
	}
	if err := r.putPin(ctx, shard, m); err != nil {
		return err
	}
	r.pins.wasPut(shard, layers, number)
	return nil
}
