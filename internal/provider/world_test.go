package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/credentials"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// world is a registry with the image app:1 and direct access to it.
type world struct {
	t      *testing.T
	server *registrytest.Server
	remote *registry.Repository
	image  oci.Digest

	credentials credentials.Settings
}

func newWorld(t *testing.T, options registrytest.Options) *world {
	t.Helper()
	server := registrytest.New(t, options)
	w := &world{t: t, server: server}
	w.credentials = credentials.Settings{server.Host(): {Username: options.Username, Password: options.Password}}
	w.remote = w.open("app")
	w.image = w.push("1", "one")
	return w
}

// open gives direct access to another repository.
func (w *world) open(path string) *registry.Repository {
	w.t.Helper()
	return w.server.Open(
		w.t, path, registry.Options{Credentials: w.credentials},
	)
}

// document returns the manifesto in the registry.
func (w *world) document() string {
	w.t.Helper()
	document, err := manifesto.ReadDocument(context.Background(), w.remote)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(document.Render())
}

// push pushes an image to a tag of the repository, as a build would.
func (w *world) push(tag, seed string) oci.Digest {
	w.t.Helper()
	digest, err := registrytest.PushImage(context.Background(), w.remote, tag, seed)
	if err != nil {
		w.t.Fatalf("pushing app:%s: %v", tag, err)
	}
	return digest
}

// ref is a reference to the repository, with a suffix such as ":1".
func (w *world) ref(suffix string) string { return w.server.Host() + "/app" + suffix }

func (w *world) key(typ string) manifesto.Key {
	return manifesto.Key{Repository: w.remote.Repository(), Image: w.image, Type: typ}
}

// store returns another writer, like that of a second process.
func (w *world) store() *manifesto.Store {
	return manifesto.NewStore(func(oci.Repository) manifesto.Repository { return w.remote }, manifesto.Options{})
}

// put stores metadata outside Terraform and overwrites existing metadata.
func (w *world) put(typ, content string) {
	w.t.Helper()
	_, err := w.store().Put(context.Background(), manifesto.Put{
		Key: w.key(typ), Content: []byte(content), MediaType: "text/plain", Overwrite: true,
	})
	if err != nil {
		w.t.Fatalf("storing %s: %v", typ, err)
	}
}

// remove deletes metadata outside Terraform.
func (w *world) remove(typ string) {
	w.t.Helper()
	if err := removeEntry(w.store(), w.key(typ)); err != nil {
		w.t.Fatalf("removing %s: %v", typ, err)
	}
}

// removeEntry deletes an entry, whoever declares it.
func removeEntry(store *manifesto.Store, key manifesto.Key) error {
	ctx := context.Background()
	piece, err := store.Get(ctx, key)
	if err != nil {
		return err
	}
	references := piece.DeclaredBy
	if references == nil {
		references = []string{""}
	}
	for _, reference := range references {
		removal := manifesto.Removal{Key: key, Expected: piece.Digest, Reference: reference}
		if _, err := store.Delete(ctx, removal); err != nil {
			return err
		}
	}
	return nil
}

// write replaces the manifesto as the original tool would, with entries that have only type and digest.
func (w *world) write(document string) {
	w.t.Helper()
	layer, err := registrytest.Layer(registrytest.Gzip, registrytest.File{Name: "data", Content: document})
	if err == nil {
		_, err = registrytest.PushDockerImage(context.Background(), w.remote, format.Tag, layer)
	}
	if err != nil {
		w.t.Fatalf("writing the manifesto: %v", err)
	}
}

// strip rewrites the manifesto without the fields that the original tool does not know.
func (w *world) strip(types ...string) {
	w.t.Helper()
	var entries []string
	for _, typ := range types {
		piece, err := w.store().Get(context.Background(), w.key(typ))
		if err != nil {
			w.t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf(`{"type":%q,"digest":%q}`, typ, piece.Digest))
	}
	w.write(fmt.Sprintf(`{"images":[{"image_digest":%q,"manifesto":[%s]}]}`, w.image, strings.Join(entries, ",")))
}

// has checks the content of metadata in the registry.
func (w *world) has(typ, want string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		entry, content, err := w.store().Fetch(context.Background(), w.key(typ))
		if err != nil {
			return err
		}
		if string(content) != want {
			return fmt.Errorf("the registry has %s = %q (%+v), want %q", typ, content, entry, want)
		}
		return nil
	}
}

// lacks checks that the image has no metadata of a type.
func (w *world) lacks(typ string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if _, err := w.store().Get(context.Background(), w.key(typ)); !errors.Is(err, manifesto.ErrNoEntry) {
			return fmt.Errorf("metadata %s of %s: %w, want none", typ, w.image, err)
		}
		return nil
	}
}

// hasTypes checks which types an image has, in any order.
func (w *world) hasTypes(image oci.Digest, want ...string) error {
	entries, err := w.store().List(context.Background(), w.remote.Repository(), image)
	if err != nil {
		return err
	}
	have := make([]string, 0, len(entries))
	for _, entry := range entries {
		have = append(have, entry.Type)
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		return fmt.Errorf("image %s has the types %v, want %v", image, have, want)
	}
	return nil
}

// metadata is the configuration of one resource manifesto_metadata.test of app:1.
func (w *world) metadata(attributes string) string {
	return w.metadataOf(":1", attributes)
}

func (w *world) metadataOf(suffix, attributes string) string {
	return metadataConfig(w.ref(suffix), attributes)
}

const user, secret = "robot", "pass-word"

func secured(t *testing.T) *world {
	t.Helper()
	return newWorld(t, registrytest.Options{Username: user, Password: secret})
}

const some = "type = \"t\"\ncontent = \"x\""

// withProvider is the configuration of the provider and one resource.
func (w *world) withProvider(settings string) string {
	return providerConfig(settings) + w.metadata(some)
}

// registries is the provider's setting for the registry of the world.
func (w *world) registries(attributes string) string {
	return fmt.Sprintf("registries = { %q = { %s } }", w.server.Host(), attributes)
}
