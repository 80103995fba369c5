package manifesto

import (
	"context"
	"errors"
	"maps"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/errgroup"
)

// pinPlan says which pin manifests a commit puts.
type pinPlan struct {
	// touched maps a shard to the layers that it shall have.
	touched map[int][]oci.Descriptor
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
func planPins(ctx context.Context, remote Repository, base, next *format.Document, known func(oci.Digest) (int, int64, bool), skip map[oci.Digest]bool) (pinPlan, error) {
	assignment := format.NewAssignment(base, next, skip, known)
	found, absent, err := headBlobs(ctx, remote, assignment.Unsized())
	if err != nil {
		return pinPlan{}, err
	}
	var plan pinPlan
	if err := plan.sortOut(ctx, remote, absent); err != nil {
		return pinPlan{}, err
	}
	plan.touched = map[int][]oci.Descriptor{}
	for shard, sizes := range assignment.Place(found) {
		if plan.touched[shard], err = sizedLayers(ctx, remote, sizes); err != nil {
			return pinPlan{}, err
		}
	}
	return plan, nil
}

// sizedLayers returns blobs as the layers of a pin manifest. One without a known size costs a HEAD; one that is missing
// is left out, since a registry refuses a manifest that names it.
func sizedLayers(ctx context.Context, remote Repository, sizes map[oci.Digest]int64) ([]oci.Descriptor, error) {
	var unsized []oci.Digest
	for digest, size := range sizes {
		if size < 0 {
			unsized = append(unsized, digest)
		}
	}
	found, _, err := headBlobs(ctx, remote, unsized)
	if err != nil {
		return nil, err
	}
	maps.Copy(sizes, found)
	return format.PinLayers(sizes), nil
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
				found[i] = format.UnknownSize
				return nil
			case err != nil:
				return err
			case size < 0: // The registry answers HEAD without a length.
				content, err := remote.GetBlob(groupContext, digest, format.MaxContent)
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
		if found[i] >= 0 {
			sizes[digest] = found[i]
		} else {
			missing = append(missing, digest)
		}
	}
	return sizes, missing, nil
}
