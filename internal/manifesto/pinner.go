package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
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

// pinPut is a pin manifest that this process has put.
type pinPut struct {
	digest oci.Digest
	layers []oci.Descriptor
	// stored says that the registry took it. Otherwise nobody knows what the tag holds.
	stored bool
}

// errPinRefused marks the registry's refusal of a pin manifest.
var errPinRefused = errors.New("pin manifest refused")

// putAll puts the pin manifests that a plan touches, unless the base does not stand any more. The base must have been
// seen to stand less than half a window before each PUT: a rival that settles after us would otherwise find its pins
// replaced when it does not look any more. put is what this burst has put so far. lookedAt is when the last look began
// that putAll took, zero if it took none: it may serve the manifest as well.
func (p *pinner) putAll(
	ctx context.Context, plan pinPlan, base *version, number int64, put map[int]pinPut,
) (lookedAt time.Time, stands bool, err error) {
	for shard, layers := range plan.touched {
		m, err := format.PinManifest(p.tag.name, layers, number)
		if err != nil {
			return lookedAt, false, err
		}
		if before := put[shard]; before.stored && before.digest == m.Digest {
			continue // An earlier attempt of this commit has put it. The end of the burst tells if a rival replaced it.
		}
		attempt := &shardPut{pinner: p, shard: shard, layers: layers, manifest: m, number: number}
		looked, stands, err := p.putStanding(ctx, attempt, base)
		if attempt.sent {
			put[shard] = attempt.result() // Even if it failed: nobody knows what is there then.
		}
		if err != nil || !stands {
			return lookedAt, false, err
		}
		if !looked.IsZero() {
			lookedAt = looked
		}
	}
	return lookedAt, true, nil
}

// putStanding puts one pin manifest while the base stands.
func (p *pinner) putStanding(
	ctx context.Context, put *shardPut, base *version,
) (lookedAt time.Time, stands bool, err error) {
	for poll, ended := range polls(ctx) {
		if ended != nil {
			return lookedAt, false, ended
		}
		window := p.tag.timing.window()
		if poll > 1 {
			p.tag.stagger(ctx)
		}
		if poll > 1 || time.Since(p.tag.state.lastSeen()) > window/2 {
			if lookedAt, stands, err = p.tag.stands(ctx, base); err != nil || !stands {
				return lookedAt, false, err
			}
		}
		began := time.Now()
		again, putErr := put.try(ctx, p.tag.state.lastSeen().Add(window/2))
		if took := time.Since(began); took > window/2 {
			p.tag.timing.measured(took) // Registries look for each layer: announce a longer window.
		}
		if err = putErr; !again {
			break
		}
	}
	return lookedAt, err == nil, err
}

// shardPut puts one pin manifest, more than once if it must.
type shardPut struct {
	pinner   *pinner
	shard    int
	layers   []oci.Descriptor
	manifest oci.Manifest
	// number is the counter in the manifest.
	number int64
	// renewed says that the blobs that all pin manifests share were uploaded again.
	renewed bool
	// sent says that it was sent, stored that the registry took it.
	sent, stored bool
}

func (s *shardPut) result() pinPut {
	return pinPut{digest: s.manifest.Digest, layers: s.layers, stored: s.stored}
}

// try puts the manifest once, by latest or not at all. again says that it may succeed a little later, after another
// look: the outcome is unknown, or it had to wait for longer than latest, or the registry has refused it and the blobs
// that all pin manifests share were uploaded again. A retention rule may have removed the last of them, and a collector
// their config.
func (s *shardPut) try(ctx context.Context, latest time.Time) (again bool, err error) {
	s.sent, s.stored = true, false
	err = s.pinner.tag.repository.PutManifest(ctx, format.ShardTag(s.shard), s.manifest, latest)
	s.pinner.log.LogAttrs(ctx, slog.LevelDebug, "put a pin manifest",
		slog.String("tag", format.ShardTag(s.shard)), slog.Int("blobs", len(s.layers)), slog.Bool("stored", err == nil))
	switch {
	case err == nil:
		s.stored = true
		s.pinner.index.put(s.shard, s.layers, s.number)
		return false, nil
	case errors.Is(err, oci.ErrManifestRefused) && !s.renewed:
		s.renewed = true
		return true, errors.Join(err, s.pinner.uploadShared(ctx))
	case errors.Is(err, oci.ErrAmbiguous), errors.Is(err, oci.ErrRateLimited), errors.Is(err, oci.ErrLate):
		return true, err
	}
	return false, fmt.Errorf("%w: %w", errPinRefused, err)
}

// uploadShared uploads the blobs that every pin manifest may name.
func (p *pinner) uploadShared(ctx context.Context) error {
	config, err := format.PinConfig()
	if err != nil {
		return err
	}
	for _, blob := range [][]byte{config, format.EmptyBlob()} {
		if _, err := p.tag.repository.PutBlob(ctx, blob); err != nil {
			return err
		}
	}
	return nil
}

// confirm looks at the end of a burst whether the shards that it put still hold what the manifesto names there: a rival
// may have replaced them, for a commit that it lost or that ours does not know. It forgets the shards that do.
func (p *pinner) confirm(ctx context.Context, put map[int]pinPut, v *version) error {
	for shard, was := range put {
		if err := p.confirmShard(ctx, v, shard, was); err != nil {
			return err
		}
		delete(put, shard)
	}
	return nil
}

// confirmShard puts a shard again if it lacks a blob that the manifesto names in it. What else it holds stays: it may
// be that of a rival whose commit is under way.
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
			return nil
		}
		if put.manifest, err = format.PinManifest(p.tag.name, put.layers, v.Number); err != nil {
			return err
		}
		var again bool
		if again, err = put.try(ctx, latest); errors.Is(err, errPinRefused) {
			// A blob of another entry may be gone: the rest must be pinned all the same.
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

// findGone looks for layers that are not there, and adds them to gone. False means that it found none.
func (p *pinner) findGone(ctx context.Context, layers []oci.Descriptor, gone map[oci.Digest]bool) bool {
	_, missing, err := headBlobs(ctx, p.tag.repository, digestsOf(layers))
	for _, digest := range missing {
		gone[digest] = true
	}
	return err == nil && len(missing) > 0
}

// heldBy returns what a shard holds: what was put there, if it still stands.
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

// incomplete returns the layers that a shard must have, without blobs that are gone, if it lacks a blob that is needed;
// otherwise nil.
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
