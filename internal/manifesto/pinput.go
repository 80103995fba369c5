package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// pinPut is a pin manifest that this process has put.
type pinPut struct {
	digest oci.Digest
	layers []oci.Descriptor
	// base is the digest of the version on which it was to be built.
	base oci.Digest
	// first says that there was no manifesto yet.
	first bool
	// stored says that the registry took it. Otherwise it is unknown what the tag holds.
	stored bool
}

// errPinRefused marks the registry's refusal of a pin manifest.
var errPinRefused = errors.New("pin manifest refused")

// putAll puts the pin manifests that a plan touches, as long as the tag holds the base. A look less than half a window
// before each PUT, or a PUT of the base, must have shown the base. Otherwise the PUT could replace the pins of a rival
// that has settled and does not look any more. put is what this burst has put so far. lookedAt is when the last look of
// putAll began, zero if it has not looked; the PUT of the manifest may rely on that look, too.
func (p *pinner) putAll(
	ctx context.Context, plan pinPlan, base *version, number int64, put map[int]pinPut,
) (lookedAt time.Time, stands bool, err error) {
	for shard, layers := range plan.touched {
		m, err := format.PinManifest(p.tag.name, layers, number)
		if err != nil {
			return lookedAt, false, err
		}
		if before := put[shard]; before.stored && before.digest == m.Digest && before.base == base.digest {
			continue // An earlier attempt has put it, and no rival has committed since.
		}
		attempt := &shardPut{pinner: p, shard: shard, layers: layers, manifest: m, number: number}
		looked, stands, err := p.putStanding(ctx, attempt, base)
		if attempt.sent {
			put[shard] = attempt.result(base) // Also if it failed: then it is unknown what the tag holds.
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

// putStanding puts one pin manifest while the tag holds the base.
func (p *pinner) putStanding(
	ctx context.Context, put *shardPut, base *version,
) (lookedAt time.Time, stands bool, err error) {
	for poll, ended := range polls(ctx) {
		if ended != nil {
			return lookedAt, false, ended
		}
		within := p.tag.timing.sendWithin(base.Window, poll-1)
		if poll > 1 {
			p.tag.stagger(ctx)
		}
		if poll > 1 || time.Since(p.tag.state.lastSeen(base)) > within {
			if lookedAt, stands, err = p.tag.stands(ctx, base); err != nil || !stands {
				return lookedAt, false, err
			}
		}
		began := time.Now()
		again, putErr := put.try(ctx, p.tag.state.lastSeen(base).Add(within))
		if took := time.Since(began); took > within {
			p.tag.timing.measured(took) // The registry checks every layer: announce a longer window.
		}
		if err = putErr; !again {
			break
		}
	}
	return lookedAt, err == nil, err
}

// shardPut puts one pin manifest, if necessary more than once.
type shardPut struct {
	pinner   *pinner
	shard    int
	layers   []oci.Descriptor
	manifest oci.Manifest
	// number is the version number in the manifest.
	number int64
	// renewed says that the blobs that all pin manifests share were uploaded again.
	renewed bool
	// sent says that the manifest was sent, stored that the registry took it the last time.
	sent, stored bool
}

func (s *shardPut) result(base *version) pinPut {
	return pinPut{digest: s.manifest.Digest, layers: s.layers, base: base.digest, first: !base.exists(), stored: s.stored}
}

// try puts the manifest once, by latest or not at all. again says that another try after another look may succeed: the
// outcome is unknown, or the deadline has passed, or the registry has refused the manifest and try has uploaded the
// shared blobs again. If a retention rule has removed all pin manifests, garbage collection removes their config.
func (s *shardPut) try(ctx context.Context, latest time.Time) (again bool, err error) {
	s.sent, s.stored = true, false
	err = s.pinner.tag.repository.PutManifest(ctx, format.ShardTag(s.shard), s.manifest, latest)
	s.pinner.tag.log.LogAttrs(ctx, slog.LevelDebug, "put a pin manifest",
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
