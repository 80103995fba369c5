package manifesto

import (
	"context"
	"errors"
	"maps"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// pinPlan says which pin manifests a commit puts, and what it cannot pin.
type pinPlan struct {
	// touched maps a shard to the layers that it must have.
	touched map[int][]oci.Descriptor
	// missing are blobs that the document names and the repository lacks.
	missing []oci.Digest
	// images are digests of images in place of blobs: the oldest form, which cannot be pinned.
	images []oci.Digest
}

// layers lists the layers of all pin manifests of the plan.
func (p pinPlan) layers() []oci.Digest {
	var digests []oci.Digest
	for _, layers := range p.touched {
		digests = append(digests, digestsOf(layers)...)
	}
	return digests
}

// planPins assigns a pin to every entry of next that has none, and returns the pin manifests that must be put for that.
// A blob that known finds in a pin manifest stays there. A blob of unknown size costs a HEAD. The blobs in skip cannot
// be pinned, as earlier commits of this run have found out.
func planPins(
	ctx context.Context, repository Repository, base, next *format.Document,
	known func(oci.Digest) (int, int64, bool), skip map[oci.Digest]bool,
) (pinPlan, error) {
	assignment := format.NewAssignment(base, next, skip, known)
	found, absent, err := headBlobs(ctx, repository, assignment.Unsized())
	if err != nil {
		return pinPlan{}, err
	}
	var plan pinPlan
	if err = plan.sortOut(ctx, repository, absent); err != nil {
		return pinPlan{}, err
	}
	plan.touched = map[int][]oci.Descriptor{}
	for shard, sizes := range assignment.Place(found) {
		if plan.touched[shard], err = pinLayers(ctx, repository, sizes); err != nil {
			return pinPlan{}, err
		}
	}
	return plan, nil
}

// sortOut sorts absent blobs into missing ones and images in place of blobs.
func (p *pinPlan) sortOut(ctx context.Context, repository Repository, absent []oci.Digest) error {
	for _, digest := range absent {
		_, err := repository.HeadManifest(ctx, digest.String())
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

// pinLayers returns blobs as the layers of a pin manifest. A blob of unknown size costs a HEAD. A blob that is missing
// is left out: a registry refuses a manifest that names it.
func pinLayers(ctx context.Context, repository Repository, sizes map[oci.Digest]int64) ([]oci.Descriptor, error) {
	var unsized []oci.Digest
	for digest, size := range sizes {
		if size < 0 {
			unsized = append(unsized, digest)
		}
	}
	found, _, err := headBlobs(ctx, repository, unsized)
	if err != nil {
		return nil, err
	}
	maps.Copy(sizes, found)
	return format.PinLayers(sizes), nil
}

// headBlobs returns the sizes of blobs in bytes, and the blobs that are not in the repository.
func headBlobs(
	ctx context.Context, repository Repository, digests []oci.Digest,
) (sizes map[oci.Digest]int64, absent []oci.Digest, err error) {
	found := make([]int64, len(digests))
	err = eachAtOnce(ctx, digests, pinParallel, func(ctx context.Context, i int, digest oci.Digest) (err error) {
		found[i], err = headBlob(ctx, repository, digest)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	sizes = map[oci.Digest]int64{}
	for i, digest := range digests {
		if found[i] >= 0 {
			sizes[digest] = found[i]
		} else {
			absent = append(absent, digest)
		}
	}
	return sizes, absent, nil
}

// headBlob returns the size of a blob in bytes, format.UnknownSize if the blob is not in the repository. If the
// registry answers HEAD without a length, headBlob gets the blob.
func headBlob(ctx context.Context, repository Repository, digest oci.Digest) (int64, error) {
	size, err := repository.HeadBlob(ctx, digest)
	switch {
	case errors.Is(err, oci.ErrNotFound):
		return format.UnknownSize, nil
	case err != nil || size >= 0:
		return size, err
	}
	content, err := repository.GetBlob(ctx, digest, format.MaxContent)
	return int64(len(content)), err
}

func digestsOf(layers []oci.Descriptor) []oci.Digest {
	digests := make([]oci.Digest, len(layers))
	for i, layer := range layers {
		digests[i] = layer.Digest
	}
	return digests
}
