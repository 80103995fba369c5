package manifesto

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// putPins is a pin manifest that this process has put.
type putPins struct {
	digest oci.Digest
	layers []oci.Descriptor
	// stored says that the registry took it.
	stored bool
}

// errPinRefused marks the registry's refusal of a pin manifest.
var errPinRefused = errors.New("pin manifest refused")

// errPinAgain marks a refusal after which there is a reason to try again.
var errPinAgain = errors.New("pin manifest refused at first")

// putPins puts the pin manifests that a plan touches, unless the base does not stand any more: it must have
// been seen to stand less than half a window before, each time that one is put. Whoever settles after us would
// otherwise find its pins replaced when it does not look any more. looked is when the last look began that this
// took, zero where it took none: it may serve the manifesto as well.
func (r *repository) putPins(ctx context.Context, plan pinPlan, base *version, number int64, touched map[int]putPins) (looked time.Time, stands bool, err error) {
	for shard, layers := range plan.touched {
		put := r.newPinPut(shard)
		if there, err := put.isStored(touched[shard], layers, number); there || err != nil {
			if err != nil {
				return looked, false, err
			}
			continue // By an earlier try of this commit. Should a rival have replaced it, the end of the burst tells.
		}
		last, stands, err := r.putTouched(ctx, put, layers, number, base)
		if put.sent.digest != "" {
			touched[shard] = put.sent // Even where it fails: nobody knows what is there then.
		}
		if err != nil || !stands {
			return looked, false, err
		}
		if !last.IsZero() {
			looked = last
		}
	}
	return looked, true, nil
}

// putTouched puts one of them.
func (r *repository) putTouched(ctx context.Context, put *pinPut, layers []oci.Descriptor, number int64, base *version) (looked time.Time, stands bool, err error) {
	for look, ended := range looks(ctx) {
		if ended != nil {
			return looked, false, ended
		}
		window := r.timing.window()
		if look > 1 {
			r.stagger(ctx)
		}
		if look > 1 || time.Since(r.lastLook()) > window/2 {
			if looked, stands, err = r.stands(ctx, base); err != nil || !stands {
				return looked, false, err
			}
		}
		began := time.Now()
		again, putErr := put.try(ctx, layers, number, r.lastLook().Add(window/2))
		if took := time.Since(began); took > window/2 {
			r.timing.observe(took) // Registries look for each layer: announce a longer window.
		}
		if err = putErr; !again {
			break
		}
	}
	return looked, err == nil, err
}

// pinPut puts one pin manifest, more than once where it must.
type pinPut struct {
	repository *repository
	shard      int
	renewed    bool
	// sent is what it has sent last.
	sent putPins
}

func (r *repository) newPinPut(shard int) *pinPut {
	return &pinPut{repository: r, shard: shard}
}

// isStored reports whether what was put before is what is to be put now.
func (p *pinPut) isStored(before putPins, layers []oci.Descriptor, number int64) (bool, error) {
	if !before.stored {
		return false, nil
	}
	m, err := format.PinManifest(p.repository.name, layers, number)
	return err == nil && m.Digest == before.digest, err
}

// try puts the layers once. again says that it may succeed a little later, after another look: the outcome is
// unknown, or it had to wait for longer than latest, or the registry has refused it, and what all pin manifests share was
// uploaded once more: a retention rule may have removed the last of them, and a collector their config.
func (p *pinPut) try(ctx context.Context, layers []oci.Descriptor, number int64, latest time.Time) (again bool, err error) {
	r := p.repository
	m, err := format.PinManifest(r.name, layers, number)
	if err != nil {
		return false, err
	}
	p.sent = putPins{digest: m.Digest, layers: layers}
	err = r.remote.PutManifest(ctx, format.ShardTag(p.shard), m, latest)
	switch {
	case err == nil:
		p.sent.stored = true
		r.pins.wasPut(p.shard, layers, number)
		return false, nil
	case errors.Is(err, oci.ErrManifestRefused) && !p.renewed:
		p.renewed = true
		return true, errors.Join(fmt.Errorf("%w: %w", errPinAgain, err), r.uploadShared(ctx))
	case errors.Is(err, oci.ErrAmbiguous), errors.Is(err, oci.ErrRateLimited), errors.Is(err, oci.ErrLate):
		return true, err
	}
	return false, fmt.Errorf("%w: %w", errPinRefused, err)
}

// uploadShared uploads the blobs that every pin manifest may name.
func (r *repository) uploadShared(ctx context.Context) error {
	config, err := format.PinConfig()
	if err != nil {
		return err
	}
	for _, blob := range [][]byte{config, format.EmptyBlob()} {
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
func (r *repository) confirmShard(ctx context.Context, v *version, shard int, was putPins) (err error) {
	needed := v.doc.ShardBlobs(shard)
	maps.DeleteFunc(needed, func(_ oci.Digest, size int64) bool { return size < 0 })
	put := r.newPinPut(shard)
	gone := map[oci.Digest]bool{}
	for _, ended := range looks(ctx) {
		if ended != nil {
			return ended
		}
		latest := time.Now().Add(r.timing.window() / 2)
		held, err := r.heldBy(ctx, shard, was)
		if err != nil {
			return err
		}
		layers := confirmed(needed, held, gone)
		if layers == nil {
			return nil
		}
		again, putErr := put.try(ctx, layers, v.Number, latest)
		if errors.Is(putErr, errPinRefused) {
			// A blob of another entry may be gone: the rest is to be pinned all the same.
			_, missing, headErr := headBlobs(ctx, r.remote, digestsOf(layers))
			if headErr != nil || len(missing) == 0 {
				return putErr
			}
			for _, digest := range missing {
				gone[digest] = true
			}
			again = true
		}
		if err = putErr; !again {
			return err
		}
	}
	return fmt.Errorf("%w: %s stays without what the manifesto names in it: %w", ErrNotConfirmed, r.name.Tagged(format.ShardTag(shard)), err)
}

func digestsOf(layers []oci.Descriptor) []oci.Digest {
	digests := make([]oci.Digest, len(layers))
	for i, layer := range layers {
		digests[i] = layer.Digest
	}
	return digests
}

// heldBy returns what a shard holds: what was put there, if it still stands.
func (r *repository) heldBy(ctx context.Context, shard int, put putPins) (map[oci.Digest]int64, error) {
	digest, err := r.remote.HeadManifest(ctx, format.ShardTag(shard))
	if err != nil && !errors.Is(err, oci.ErrNotFound) {
		return nil, err
	}
	if digest != put.digest {
		held, _, _, err := readShard(ctx, r.remote, shard)
		return held, err
	}
	held := make(map[oci.Digest]int64, len(put.layers))
	for _, layer := range put.layers {
		held[layer.Digest] = layer.Size
	}
	return held, nil
}

// confirmed returns what a shard is to hold, without blobs that are gone, where it lacks something that is
// needed; otherwise nil.
func confirmed(needed, held map[oci.Digest]int64, gone map[oci.Digest]bool) []oci.Descriptor {
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
