package provider

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// maxListing bounds what the data source manifesto_repository shows besides contents, in bytes. Terraform limits the
// size of a whole message.
const maxListing = 64 << 20

var errListingTooLarge = errors.New("too many images")

// repositoryListing says what to look up in a repository.
type repositoryListing struct {
	store      *manifesto.Store
	repository oci.Repository
	filter     typeFilter
	// verification says how to verify signatures; nil for not at all. trust has what is asked besides, and gets what came
	// of it.
	verification *verification
	trust        *trustModel
	// tags, gone and contents ask for these.
	tags, gone, contents bool
}

// listedImage is an image that the data source shows.
type listedImage struct {
	manifesto.Image
	// tags are nil unless they were asked for.
	tags []string
	// gone is nil unless it was asked for.
	gone *bool
	// signatures are the good ones of the entries; nil if none was verified.
	signatures []signing.Found
	// contents are those of the entries; nil unless they were asked for.
	contents [][]byte
}

// images looks everything up.
func (l repositoryListing) images(ctx context.Context, diags *diag.Diagnostics) ([]listedImage, error) {
	snapshot, err := l.store.Trust(ctx, l.repository, "", l.trust.demand(l.verification))
	if err != nil {
		return nil, err
	}
	found := snapshot.Images()
	images := make([]listedImage, len(found))
	for i, image := range found {
		images[i].Image = image
	}
	if l.tags {
		if images, err = l.withTags(ctx, images); err != nil {
			return nil, err
		}
	}
	decisive := l.decisive(images)
	images = slices.DeleteFunc(images, func(image listedImage) bool { return !l.filter.selects(image.Image) })
	for i, image := range images {
		images[i].Entries = slices.DeleteFunc(image.Entries, func(e format.Entry) bool { return !l.filter.shows(e.Type) })
	}
	if listingSize(images) > maxListing {
		return nil, errListingTooLarge
	}
	if err = l.verify(ctx, snapshot, images, decisive, diags); err != nil {
		return nil, err
	}
	if l.gone {
		if err = l.findGone(ctx, images); err != nil {
			return nil, err
		}
	}
	if l.contents {
		err = l.download(ctx, images)
	}
	return images, err
}

// decisive returns the metadata that is not shown, but decides which images are listed.
func (l repositoryListing) decisive(images []listedImage) []manifesto.Described {
	var pieces []manifesto.Described
	for _, image := range images {
		listed := l.filter.selects(image.Image)
		for _, entry := range image.Entries {
			if l.filter.decides(entry.Type) && (!listed || !l.filter.shows(entry.Type)) {
				pieces = append(pieces, manifesto.Described{Image: image.Digest, Entry: entry})
			}
		}
	}
	return pieces
}

// verify verifies the manifesto, all entries of images and the decisive ones, and sets the signatures of images.
func (l repositoryListing) verify(
	ctx context.Context, snapshot *manifesto.Snapshot, images []listedImage, decisive []manifesto.Described,
	diags *diag.Diagnostics,
) error {
	var pieces []manifesto.Described
	if l.verification != nil {
		for _, image := range images {
			for _, entry := range image.Entries {
				pieces = append(pieces, manifesto.Described{Image: image.Digest, Entry: entry})
			}
		}
		pieces = append(pieces, decisive...)
	}
	signatures, err := l.trust.judgeAll(ctx, l.verification, snapshot, l.repository, pieces, diags)
	if err != nil || signatures == nil {
		return err
	}
	for i, image := range images {
		n := len(image.Entries)
		images[i].signatures, signatures = signatures[:n:n], signatures[n:]
	}
	return nil
}

// withTags sets the tags of images, and appends the images that only tags name.
func (l repositoryListing) withTags(ctx context.Context, images []listedImage) ([]listedImage, error) {
	tags, err := l.store.Tags(ctx, l.repository)
	if err != nil {
		return nil, err
	}
	for i := range images {
		digest := images[i].Digest
		images[i].tags = append([]string{}, tags[digest]...)
		delete(tags, digest)
	}
	for _, digest := range slices.Sorted(maps.Keys(tags)) {
		images = append(images, listedImage{Image: manifesto.Image{Digest: digest}, tags: tags[digest]})
	}
	return images, nil
}

// findGone sets which images are gone. An image that a tag has just named is not.
func (l repositoryListing) findGone(ctx context.Context, images []listedImage) error {
	var untagged []oci.Digest
	for _, image := range images {
		if len(image.tags) == 0 {
			untagged = append(untagged, image.Digest)
		}
	}
	gone, err := l.store.Gone(ctx, l.repository, untagged)
	if err != nil {
		return err
	}
	for i := range images {
		isGone := gone[images[i].Digest]
		images[i].gone = &isGone
	}
	return nil
}

// download sets the contents of all entries.
func (l repositoryListing) download(ctx context.Context, images []listedImage) error {
	var entries []format.Entry
	for _, image := range images {
		entries = append(entries, image.Entries...)
	}
	contents, err := l.store.Contents(ctx, l.repository, entries, maxContents)
	if err != nil {
		return err
	}
	for i, image := range images {
		n := len(image.Entries)
		images[i].Entries, entries = entries[:n:n], entries[n:]
		images[i].contents, contents = contents[:n:n], contents[n:]
	}
	return nil
}

// listingSize estimates the size of a listing without contents as Terraform carries it, in bytes.
func listingSize(images []listedImage) (size int) {
	const perImage, perEntry, perText, perArtifact = 150, 330, 5, 75
	for _, image := range images {
		size += perImage
		for _, tag := range image.tags {
			size += perText + len(tag)
		}
		for _, entry := range image.Entries {
			size += perEntry + len(entry.Type) + len(entry.MediaType)
			if entry.Artifact.Digest != "" {
				size += perArtifact + len(entry.Artifact.Type)
			}
			for key, value := range entry.Annotations {
				size += 2*perText + len(key) + len(value)
			}
		}
	}
	return size
}
