package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// planPins assigns a pin to every entry that has none, and reports the entries whose content is missing.
func (a *attempt) planPins(ctx context.Context) error {
	known := func(oci.Digest) (int, int64, bool) { return 0, 0, false }
	base := a.base.doc
	if a.base.foreign() || base.HasUnpinned(a.pins.unpinnable.all()) {
		if err := a.pins.loadAll(ctx, base); err != nil {
			return err
		}
		if a.base.foreign() {
			base = base.Trusting(a.pins.index.contains)
			a.next.doc = a.next.doc.Trusting(a.pins.index.contains)
		}
		repaired := a.repaired()
		known = func(digest oci.Digest) (int, int64, bool) {
			shard, size, ok := a.pins.index.find(digest)
			return shard, size, ok && !repaired[digest]
		}
		// Anybody can put pin manifests with any number.
		a.next.Number = max(a.next.Number, min(a.pins.index.latest(), a.next.Number+maxLeap)+1)
	}
	var err error
	if a.pinPlan, err = planPins(ctx, a.repository, base, a.next.doc, known, a.pins.unpinnable.all()); err != nil {
		return err
	}
	a.pins.unpinnable.add(a.pinPlan.images)
	a.leaveUnpinned(ctx, a.pinPlan.missing)
	return nil
}

// leaveUnpinned remembers missing blobs, which no later commit of the run tries to pin, and reports them.
func (a *attempt) leaveUnpinned(ctx context.Context, missing []oci.Digest) {
	if len(missing) == 0 {
		return
	}
	a.log.LogAttrs(ctx, slog.LevelDebug, "the manifesto names blobs that are not there", slog.Any("blobs", missing))
	a.pins.unpinnable.add(missing)
	a.pins.unpinnable.report(missing, a.batch)
}

// repaired returns the blobs that the batch repairs. They are pinned again even if the pin index has them.
func (a *attempt) repaired() map[oci.Digest]bool {
	digests := map[oci.Digest]bool{}
	for _, t := range a.batch {
		for _, e := range t.change {
			if entry, ok := a.next.doc.Lookup(e.key.Image, e.key.Type); ok && e.repair {
				digests[entry.Digest] = true
			}
		}
	}
	return digests
}

// dropMissing handles the refusal of a pin manifest that names missing blobs. Changes of this batch that store such a
// blob fail; other entries that name one stay unpinned and are reported. False means that the error has another cause.
func (a *attempt) dropMissing(ctx context.Context, cause error) bool {
	if !errors.Is(cause, errPinRefused) || !errors.Is(cause, oci.ErrManifestRefused) {
		return false
	}
	_, missing, err := headBlobs(ctx, a.repository, a.pinPlan.layers())
	if err != nil || len(missing) == 0 {
		return false
	}
	gone := map[oci.Digest]bool{}
	for _, digest := range missing {
		gone[digest] = true
	}
	var rest []*ticket
	for _, t := range a.batch {
		i := slices.IndexFunc(t.change, func(e edit) bool { return gone[e.content] })
		if i < 0 {
			rest = append(rest, t)
			continue
		}
		a.decide([]*ticket{t}, fmt.Errorf("%w: the registry took blob %s and does not have it: %w",
			ErrContentMissing, t.change[i].content, cause), nil)
	}
	a.batch = rest
	a.leaveUnpinned(ctx, missing)
	a.pins.index.forget(gone)
	return true
}
