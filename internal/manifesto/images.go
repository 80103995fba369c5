package manifesto

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/errgroup"
)

// lookParallel is how many tags or images of a repository are looked at, at a time.
const lookParallel = 16

// artifactTag matches the tags under which signatures and other artifacts of an image are stored: the fallback tags of
// the OCI distribution specification, and those of cosign.
var artifactTag = regexp.MustCompile(`^sha(256|512)-[0-9a-f]{64}`)

// Image is an image of a repository and its current entries in the manifesto's order.
type Image struct {
	Digest  oci.Digest
	Entries []format.Entry
}

// Images returns the images that have metadata, in the manifesto's order, possibly none.
func (s *Store) Images(ctx context.Context, name oci.Repository) ([]Image, error) {
	v, err := s.committer(name).tag.load(ctx, "")
	if err != nil {
		return nil, err
	}
	return v.images(), nil
}

func (v *version) images() []Image {
	var images []Image
	for digest, entries := range v.doc.Images() {
		images = append(images, Image{digest, entries})
	}
	return images
}

// Tags returns the sorted tags of each image that a tag names. The tags of manifestos, and those by which artifacts
// refer to an image, name no image. Tags takes a request for each tag that this run has not resolved, besides the list.
func (s *Store) Tags(ctx context.Context, name oci.Repository) (map[oci.Digest][]string, error) {
	tags, _, err := s.committer(name).repository.ListTags(ctx, "")
	if err != nil {
		return nil, err
	}
	tags = slices.DeleteFunc(tags, func(tag string) bool {
		return strings.HasPrefix(tag, format.Tag) || artifactTag.MatchString(tag)
	})
	slices.Sort(tags)
	tags = slices.Compact(tags)
	digests, err := s.ResolveTags(ctx, name, tags)
	if err != nil {
		return nil, err
	}
	named := map[oci.Digest][]string{}
	for _, tag := range tags {
		if digest, ok := digests[tag]; ok { // It may have been removed after the list was made.
			named[digest] = append(named[digest], tag)
		}
	}
	return named, nil
}

// ResolveTags returns the digests of the images that tags name, as Resolve does. A tag that the repository does not
// have is missing in the result.
func (s *Store) ResolveTags(ctx context.Context, name oci.Repository, tags []string) (map[string]oci.Digest, error) {
	return resolveTags(ctx, name, tags, s.Resolve)
}

// ResolveTagsAgain is ResolveTags as ResolveAgain is Resolve.
func (s *Store) ResolveTagsAgain(
	ctx context.Context, name oci.Repository, tags []string,
) (map[string]oci.Digest, error) {
	return resolveTags(ctx, name, tags, s.ResolveAgain)
}

func resolveTags(
	ctx context.Context, name oci.Repository, tags []string,
	resolve func(context.Context, oci.Reference, oci.Platform) (oci.Digest, error),
) (map[string]oci.Digest, error) {
	digests := make([]oci.Digest, len(tags))
	err := eachAtOnce(ctx, tags, lookParallel, func(ctx context.Context, i int, tag string) (err error) {
		digests[i], err = resolve(ctx, name.Tagged(tag), oci.Platform{})
		if errors.Is(err, oci.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]oci.Digest, len(tags))
	for i, digest := range digests {
		if digest != "" {
			found[tags[i]] = digest
		}
	}
	return found, nil
}

// Gone returns those of the images that the repository no longer has. Only a 404 shows that, and it is asked twice.
func (s *Store) Gone(ctx context.Context, name oci.Repository, images []oci.Digest) (map[oci.Digest]bool, error) {
	repository := s.committer(name).repository
	missing := make([]bool, len(images))
	err := eachAtOnce(ctx, images, lookParallel, func(ctx context.Context, i int, image oci.Digest) error {
		_, err := repository.HeadManifest(ctx, image.String())
		if errors.Is(err, oci.ErrNotFound) {
			_, err = repository.HeadManifest(ctx, image.String())
		}
		if missing[i] = errors.Is(err, oci.ErrNotFound); missing[i] {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	gone := map[oci.Digest]bool{}
	for i, image := range images {
		if missing[i] {
			gone[image] = true
		}
	}
	return gone, nil
}

// eachAtOnce calls look for each element, for some of them at a time. It stops with the first error.
func eachAtOnce[T any](
	ctx context.Context, elements []T, parallel int, look func(context.Context, int, T) error,
) error {
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, element := range elements {
		if grouped.Err() != nil {
			break
		}
		group.Go(func() error { return look(grouped, i, element) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx) // Without it, elements that were skipped would count as looked at.
}
