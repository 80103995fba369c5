package provider

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ociwriter "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/layout"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// bundle is an image layout on disk that another tool has written.
type bundle struct {
	t         *testing.T
	directory string
	writer    ociwriter.Path
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	directory := filepath.ToSlash(filepath.Join(t.TempDir(), "bundle"))
	writer, err := ociwriter.Write(directory, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	return &bundle{t: t, directory: directory, writer: writer}
}

// add appends a new image. The name may be empty.
func (b *bundle) add(named string) oci.Digest {
	b.t.Helper()
	image, err := random.Image(64, 1)
	if err == nil {
		err = b.writer.AppendImage(image, naming(named)...)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return b.digest(image)
}

// addMulti appends an image for several platforms.
func (b *bundle) addMulti(named string, platforms ...string) (oci.Digest, map[string]oci.Digest) {
	b.t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	children := map[string]oci.Digest{}
	for _, text := range platforms {
		platform, err := v1.ParsePlatform(text)
		if err != nil {
			b.t.Fatal(err)
		}
		image, err := random.Image(64, 1)
		if err != nil {
			b.t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
		children[text] = b.digest(image)
	}
	if err := b.writer.AppendIndex(index, naming(named)...); err != nil {
		b.t.Fatal(err)
	}
	return b.digest(index), children
}

func naming(named string) []ociwriter.Option {
	if named == "" {
		return nil
	}
	return []ociwriter.Option{ociwriter.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": named})}
}

func (b *bundle) digest(of interface{ Digest() (v1.Hash, error) }) oci.Digest {
	b.t.Helper()
	hash, err := of.Digest()
	if err != nil {
		b.t.Fatal(err)
	}
	return oci.Digest(hash.String())
}

// ref is a reference into the layout, with a suffix such as ":1".
func (b *bundle) ref(suffix string) string { return oci.LayoutHost + ":" + b.directory + suffix }

func (b *bundle) metadata(suffix, attributes string) string {
	return metadataConfig(b.ref(suffix), attributes)
}

func (b *bundle) key(image oci.Digest, typ string) manifesto.Key {
	b.t.Helper()
	repository, err := oci.ParseRepository(b.ref(""), "")
	if err != nil {
		b.t.Fatal(err)
	}
	return manifesto.Key{Repository: repository, Image: image, Type: typ}
}

// store returns another writer to the layout.
func (b *bundle) store() *manifesto.Store {
	open := func(oci.Repository) manifesto.Repository { return layout.Open(b.directory) }
	return manifesto.NewStore(open, manifesto.Options{})
}

// contact checks the content of the type contact in the layout. Empty content means that there must be none.
func (b *bundle) contact(image oci.Digest, want string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		_, content, err := b.store().Fetch(context.Background(), b.key(image, "contact"))
		if errors.Is(err, manifesto.ErrNoEntry) && want == "" {
			return nil
		}
		if err != nil || string(content) != want {
			return fmt.Errorf("the layout has %q, %w; want %q", content, err, want)
		}
		return nil
	}
}

// change stores metadata outside Terraform, or deletes it if content is empty.
func (b *bundle) change(image oci.Digest, typ, content string) {
	b.t.Helper()
	ctx, store, key := context.Background(), b.store(), b.key(image, typ)
	var err error
	if content != "" {
		_, err = store.Put(ctx, manifesto.Put{Key: key, Content: []byte(content), MediaType: "text/plain", Overwrite: true})
	} else {
		err = removeEntry(store, key)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// readable checks that another tool finds complete images under the tags.
func (b *bundle) readable(tags ...string) {
	b.t.Helper()
	index, err := b.writer.ImageIndex()
	if err != nil {
		b.t.Fatal(err)
	}
	listed, err := index.IndexManifest()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, descriptor := range listed.Manifests {
		tag := descriptor.Annotations["org.opencontainers.image.ref.name"]
		if i := slices.Index(tags, tag); i >= 0 {
			tags = slices.Delete(slices.Clone(tags), i, i+1)
		}
		image, err := b.writer.Image(descriptor.Digest)
		if err != nil {
			b.t.Fatal(err)
		}
		layers, err := image.Layers()
		if err != nil || len(layers) == 0 {
			b.t.Errorf("%s: %d layers, %v", tag, len(layers), err)
		}
		for _, layer := range layers {
			if size, err := layer.Size(); err != nil || size == 0 {
				b.t.Errorf("%s: a layer of %d bytes, %v", tag, size, err)
			}
		}
	}
	if len(tags) > 0 {
		b.t.Errorf("the layout does not list %v", tags)
	}
}
