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

// collected is the repository of the collectors' tests.
const collected = "team/app"

// The collectors' tests store this many pieces of metadata, more than one pin manifest holds. They update the pieces
// before updated and delete those from there to before deleted.
const (
	stored  = 300
	updated = 20
	deleted = 40
)

// A registry's garbage collector deletes what no manifest names any more and nothing that the manifesto names.
func TestCollectors(t *testing.T) {
	for _, kind := range durable() {
		for _, untagged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, untagged manifests too: %t", kind.Title, untagged), func(t *testing.T) {
				testCollector(t, kind, untagged)
			})
		}
	}
}

func testCollector(t *testing.T, kind servers.Kind, untagged bool) {
	t.Helper()
	ctx := context.Background()
	s := start(t, kind, servers.Options{})
	image := s.push(t, collected)
	m := &metadata{t: t, repository: s.open(t, collected).Repository(), image: image}
	m.each(0, stored, m.create)
	old, err := s.open(t, collected).HeadManifest(ctx, format.Tag)
	if err != nil {
		t.Fatal(err)
	}
	m.each(0, updated, m.update)
	m.each(updated, deleted, m.remove)
	unnamed, err := s.open(t, collected).PutBlob(ctx, []byte("no manifest names this"))
	if err != nil {
		t.Fatal(err)
	}

	if err = s.Collect(collected, untagged); err != nil {
		t.Fatalf("collecting: %v", err)
	}

	remote := s.open(t, collected)
	m.repository = remote.Repository()
	if _, err = remote.GetBlob(ctx, unnamed, 100); !errors.Is(err, oci.ErrNotFound) {
		t.Fatalf("the collector did not work: %v", err)
	}
	if _, err = remote.HeadManifest(ctx, old.String()); errors.Is(err, oci.ErrNotFound) != untagged {
		t.Errorf("the previous manifesto, which has no tag: %v", err)
	}
	m.each(0, updated, m.is(2))
	m.each(updated, deleted, m.isDeleted)
	m.each(deleted, stored, m.is(1))
	m.each(stored, stored+1, m.create) // The next run goes on from there.
}

// metadata is numbered metadata of one image.
type metadata struct {
	t          *testing.T
	repository oci.Repository
	image      oci.Digest
}

// each runs an operation for the numbers from one to before another, in parallel and with one store, as one run of the
// provider does.
func (m *metadata) each(from, to int, do func(store *manifesto.Store, i int) error) {
	m.t.Helper()
	store, group := newStore(m.t), errgroup.Group{}
	for i := from; i < to; i++ {
		group.Go(func() error { return do(store, i) })
	}
	if err := group.Wait(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *metadata) key(i int) manifesto.Key {
	return manifesto.Key{Repository: m.repository, Image: m.image, Type: fmt.Sprint("type", i)}
}

func (m *metadata) content(i, revision int) []byte {
	return fmt.Appendf(nil, "content %d, revision %d", i, revision)
}

// create stores revision 1.
func (m *metadata) create(store *manifesto.Store, i int) error {
	_, err := store.Put(context.Background(), manifesto.Put{Key: m.key(i), Content: m.content(i, 1)})
	return err
}

// update stores revision 2.
func (m *metadata) update(store *manifesto.Store, i int) error {
	_, err := store.Put(context.Background(), manifesto.Put{
		Key: m.key(i), Content: m.content(i, 2), Update: true, Expected: oci.DigestOf(m.content(i, 1)),
	})
	return err
}

func (m *metadata) remove(store *manifesto.Store, i int) error {
	removal := manifesto.Removal{Key: m.key(i), Expected: oci.DigestOf(m.content(i, 1))}
	_, err := store.Delete(context.Background(), removal)
	return err
}

// is returns a check that the content has a revision and is pinned.
func (m *metadata) is(revision int) func(store *manifesto.Store, i int) error {
	return func(store *manifesto.Store, i int) error {
		_, got, err := store.Fetch(context.Background(), m.key(i))
		if err == nil && string(got) != string(m.content(i, revision)) {
			err = fmt.Errorf("it is %q", got)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.key(i), err)
		}
		piece, err := store.Get(context.Background(), m.key(i))
		if err == nil && (!piece.Pinned || piece.Missing) {
			err = fmt.Errorf("%s: %+v", m.key(i), piece)
		}
		return err
	}
}

func (m *metadata) isDeleted(store *manifesto.Store, i int) error {
	_, got, err := store.Fetch(context.Background(), m.key(i))
	if !errors.Is(err, manifesto.ErrNoEntry) {
		return fmt.Errorf("%s was deleted and is %q, %w", m.key(i), got, err)
	}
	return nil
}

// newStore returns a store with a client of its own, like that of one run of the provider.
func newStore(t *testing.T) *manifesto.Store {
	t.Helper()
	client := registry.NewClient(registry.Options{})
	t.Cleanup(client.Close)
	open := func(name oci.Repository) manifesto.Repository { return client.Open(name) }
	return manifesto.NewStore(open, manifesto.Options{})
}
