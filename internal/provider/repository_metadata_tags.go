package provider

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"golang.org/x/sync/errgroup"
)

// tagsAtOnce is how many tags are resolved at a time.
const tagsAtOnce = 16

// resolver resolves a reference, such as manifesto.Store.Resolve.
type resolver func(context.Context, oci.Reference, oci.Platform) (oci.Digest, error)

// resolveTags returns the digests of the images that tags name. A tag that the repository does not have is missing in
// the result.
func resolveTags(
	ctx context.Context, tags []string, repository oci.Repository, resolve resolver,
) (map[string]oci.Digest, error) {
	digests := make(map[string]oci.Digest, len(tags))
	var mu sync.Mutex
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(tagsAtOnce)
	for _, tag := range tags {
		if grouped.Err() != nil {
			break
		}
		group.Go(func() error {
			digest, err := resolve(grouped, repository.Tagged(tag), oci.Platform{})
			if errors.Is(err, oci.ErrNotFound) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			digests[tag] = digest
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return digests, context.Cause(ctx)
}

// sortedKeys returns the keys of a map in sorted order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
