package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/e2e/servers"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"golang.org/x/sync/errgroup"
)

// collected is the repository that the collectors' tests use.
const collected = "team/app"

// A registry's garbage collector takes what nobody names any more, and nothing that the manifesto names:
// more pieces of metadata than one pin manifest holds, some of them changed and some deleted before.
func TestCollectors(t *testing.T) {
	const pieces = 300
	for _, kind := range durable() {
		for _, untagged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, untagged manifests too: %t", kind.Title, untagged), func(t *testing.T) {
				ctx := context.Background()
				s := start(t, kind, servers.Options{})
				image := s.push(t, collected, "1")
				name := s.open(t, collected).Repository()
				key := func(i int) manifesto.Key {
					return manifesto.Key{Repository: name, Image: image, Type: fmt.Sprint("type", i)}
				}
				content := func(i, revision int) []byte { return fmt.Appendf(nil, "content %d, revision %d", i, revision) }
				each := func(from, to int, do func(store *manifesto.Store, i int) error) {
					t.Helper()
					store, group := newStore(t), errgroup.Group{}
					for i := from; i < to; i++ {
						group.Go(func() error { return do(store, i) })
					}
					if err := group.Wait(); err != nil {
						t.Fatal(err)
					}
				}
				each(0, pieces, func(store *manifesto.Store, i int) error {
					_, err := store.Put(ctx, manifesto.Put{Key: key(i), Content: content(i, 1)})
					return err
				})
				old, err := s.open(t, collected).HeadManifest(ctx, format.Tag)
				if err != nil {
					t.Fatal(err)
				}
				each(0, 20, func(store *manifesto.Store, i int) error {
					_, err := store.Put(ctx, manifesto.Put{
						Key: key(i), Content: content(i, 2), Update: true, Expected: oci.DigestOf(content(i, 1)),
					})
					return err
				})
				each(20, 40, func(store *manifesto.Store, i int) error {
					return store.Delete(ctx, key(i), oci.DigestOf(content(i, 1)))
				})
				unnamed, err := s.open(t, collected).PutBlob(ctx, []byte("nobody names this"))
				if err != nil {
					t.Fatal(err)
				}

				if err := s.Collect(collected, untagged); err != nil {
					t.Fatalf("collecting: %v", err)
				}

				remote := s.open(t, collected)
				name = remote.Repository()
				if _, err := remote.GetBlob(ctx, unnamed, 100); !errors.Is(err, oci.ErrNotFound) {
					t.Fatalf("the collector did not work: %v", err)
				}
				if _, err := remote.HeadManifest(ctx, old.String()); errors.Is(err, oci.ErrNotFound) != untagged {
					t.Errorf("the manifesto before, which has no tag: %v", err)
				}
				want := func(i int) []byte {
					if i < 20 {
						return content(i, 2)
					}
					return content(i, 1)
				}
				each(0, pieces, func(store *manifesto.Store, i int) error {
					_, got, err := store.Fetch(ctx, key(i))
					if i >= 20 && i < 40 {
						if !errors.Is(err, manifesto.ErrNoEntry) {
							return fmt.Errorf("%s was deleted, and is %q, %w", key(i), got, err)
						}
						return nil
					}
					if err == nil && string(got) != string(want(i)) {
						err = fmt.Errorf("it is %q", got)
					}
					if err != nil {
						return fmt.Errorf("%s: %w", key(i), err)
					}
					piece, err := store.Get(ctx, key(i))
					if err == nil && (!piece.Pinned || piece.Missing) {
						err = fmt.Errorf("%s: %+v", key(i), piece)
					}
					return err
				})
				// And the next run goes on from there.
				each(pieces, pieces+1, func(store *manifesto.Store, i int) error {
					_, err := store.Put(ctx, manifesto.Put{Key: key(i), Content: content(i, 1)})
					return err
				})
			})
		}
	}
}

// newStore opens what one run of the provider works with.
func newStore(t *testing.T) *manifesto.Store {
	t.Helper()
	client := registry.NewClient(registry.Options{})
	t.Cleanup(client.Close)
	return manifesto.NewStore(func(name oci.Repository) manifesto.Repository { return client.Open(name) }, manifesto.Options{})
}
