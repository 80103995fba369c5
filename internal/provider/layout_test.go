package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	ociwriter "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"
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

// add appends a new image, with a name unless that is empty.
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
	return fmt.Sprintf("resource \"manifesto_metadata\" \"test\" {\n  image = %q\n%s\n}\n", b.ref(suffix), attributes)
}

func (b *bundle) key(image oci.Digest, typ string) manifesto.Key {
	b.t.Helper()
	repository, err := oci.ParseRepository(b.ref(""), "")
	if err != nil {
		b.t.Fatal(err)
	}
	return manifesto.Key{Repository: repository, Image: image, Type: typ}
}

// store is another writer.
func (b *bundle) store() *manifesto.Store {
	return manifesto.NewStore(func(oci.Repository) manifesto.Repository { return layout.Open(b.directory) }, manifesto.Options{})
}

// contact checks the content of that type in the layout; empty for none.
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

// change stores or, for no content, deletes metadata outside Terraform.
func (b *bundle) change(image oci.Digest, typ, content string) {
	b.t.Helper()
	ctx, store, key := context.Background(), b.store(), b.key(image, typ)
	var err error
	if content != "" {
		_, err = store.Put(ctx, manifesto.Put{Key: key, Content: []byte(content), MediaType: "text/plain", Overwrite: true})
	} else {
		var piece manifesto.Piece
		if piece, err = store.Get(ctx, key); err == nil {
			err = store.Delete(ctx, key, piece.Digest)
		}
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestAccLayoutLifecycle(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("1.2")
	b.add("index.docker.io/org/other:3")
	const first = "type = \"contact\"\ncontent = \"team@example.com\""
	const second = "type = \"contact\"\ncontent = \"new@example.com\"\nannotations = { by = \"ops\" }"
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		CheckDestroy:             b.contact(image, ""),
		Steps: []resource.TestStep{
			{
				Config: b.metadata(":1.2", first),
				ConfigPlanChecks: planned(
					action(plancheck.ResourceActionCreate),
					plannedValue("id", knownvalue.StringExact(b.key(image, "contact").String())),
					plannedValue("registry", knownvalue.StringExact("oci-layout")),
					plannedValue("repository", knownvalue.StringExact(b.ref(""))),
					plannedValue("image_digest", knownvalue.StringExact(image.String())),
				),
				Check:             b.contact(image, "team@example.com"),
				ConfigStateChecks: []statecheck.StateCheck{state("pinned", knownvalue.Bool(true)), state("created", knownvalue.NotNull())},
			},
			{Config: b.metadata(":1.2", first), ConfigPlanChecks: emptyPlan},
			{
				Config:           b.metadata(":1.2", second),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
				Check:            b.contact(image, "new@example.com"),
			},
			{
				PreConfig:        func() { b.change(image, "contact", "drifted") },
				Config:           b.metadata(":1.2", second),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
				Check:            b.contact(image, "new@example.com"),
			},
			{
				PreConfig:        func() { b.change(image, "contact", "") },
				Config:           b.metadata(":1.2", second),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionCreate)),
				Check:            b.contact(image, "new@example.com"),
			},
			{ResourceName: address, ImportState: true, ImportStateId: b.ref(":1.2#contact"), ImportStateVerify: true},
			{
				ResourceName: address, ImportState: true, ImportStateId: b.key(image, "contact").String(),
				ImportStateVerify: true, ImportStateVerifyIgnore: []string{"image"},
			},
			// The same image by its digest: nothing to store.
			{
				Config:           b.metadata("@"+image.String(), second),
				ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedValue("image_digest", knownvalue.StringExact(image.String()))),
			},
		},
	})
	b.readable("_manifesto", "_manifesto.pins")
}

// readable checks that another tool finds images under the tags, whole.
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

func TestAccLayoutImportByIdentity(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("")
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		Steps: []resource.TestStep{
			{
				Config: b.metadata("@"+image.String(), some),
				ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectIdentity(address, map[string]knownvalue.Check{
					"repository":   knownvalue.StringExact(b.ref("")),
					"image_digest": knownvalue.StringExact(image.String()),
					"type":         knownvalue.StringExact("t"),
				})},
			},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithResourceIdentity},
			{ResourceName: address, ImportState: true, ImportStateKind: resource.ImportBlockWithID, ImportStateId: b.ref("@" + image.String() + "#t")},
		},
	})
}

// Without a tag the only image is meant, also once our tags are beside it.
func TestAccLayoutDataSources(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("")
	b.change(image, "contact", "me")
	config := fmt.Sprintf(`
		data "manifesto_metadata" "test" {
			image = %[1]q
			type  = "contact"
		}
		data "manifesto_image" "test" {
			image           = %[1]q
			include_content = true
		}`, b.ref(""))
	acceptance(t, resource.TestStep{
		Config: config,
		ConfigStateChecks: []statecheck.StateCheck{
			found("content", knownvalue.StringExact("me")),
			found("registry", knownvalue.StringExact("oci-layout")),
			found("repository", knownvalue.StringExact(b.ref(""))),
			found("image_digest", knownvalue.StringExact(image.String())),
			statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New("metadata").AtMapKey("contact").AtMapKey("content"), knownvalue.StringExact("me")),
		},
	})
}

func TestAccLayoutPlatform(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	index, children := b.addMulti("multi", "linux/amd64", "linux/arm64/v8")
	acceptance(t,
		resource.TestStep{
			Config:            b.metadata(":multi", some),
			ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(index.String()))},
		},
		resource.TestStep{
			Config:            b.metadata(":multi", some+"\nplatform = \"linux/arm64\""),
			ConfigStateChecks: []statecheck.StateCheck{state("image_digest", knownvalue.StringExact(children["linux/arm64/v8"].String()))},
		},
		resource.TestStep{Config: b.metadata(":multi", some+"\nplatform = \"linux/s390x\""), ExpectError: words(`Platform not found.*linux/amd64, linux/arm64/v8`)},
	)
}

// Many resources at once, of one image and one layout.
func TestAccLayoutManyResources(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	image := b.add("1")
	config := fmt.Sprintf(`resource "manifesto_metadata" "test" {
		count   = 30
		image   = %q
		type    = "type-${count.index}"
		content = "content"
	}`, b.ref(":1"))
	acceptance(t,
		resource.TestStep{Config: config, Check: func(*terraform.State) error {
			entries, err := b.store().List(context.Background(), b.key(image, "").Repository, image)
			if err != nil || len(entries) != 30 {
				return fmt.Errorf("%d entries, %w", len(entries), err)
			}
			return nil
		}},
		resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
	)
}

func TestAccLayoutErrors(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	one, two := b.add("1"), b.add("2")
	of := func(image string) string {
		return fmt.Sprintf("resource \"manifesto_metadata\" \"test\" {\n  image = %q\n%s\n}\n", image, some)
	}
	parent := filepath.ToSlash(t.TempDir())
	missing := parent + "/missing"
	damaged := newBundle(t)
	digits := strings.TrimPrefix(damaged.add("1").String(), "sha256:")
	if err := os.Remove(filepath.Join(damaged.directory, "blobs", "sha256", digits)); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ config, want string }{
		"no directory":         {of("oci-layout:" + missing), `No image layout.*there is no directory.*missing.*an archive has to be unpacked`},
		"no directory, digest": {of("oci-layout:" + missing + "@" + one.String()), `No image layout.*there is no directory`},
		"not a layout":         {of("oci-layout:" + parent + ":1"), `No image layout.*no file oci-layout`},
		"no such tag":          {b.metadata(":3", some), `Image not found.*:3: not found: the layout has 1 \(` + one.String() + `\).*has been copied`},
		"no such digest":       {b.metadata("@sha256:"+strings.Repeat("0", 64), some), `not found`},
		"two images, no tag":   {b.metadata("", some), `More than one image.*2 \(` + two.String() + `\).*oci-layout:DIRECTORY:TAG`},
		"our own tag":          {b.metadata(":_manifesto", some), `Not an image to describe`},
		"malformed tag":        {b.metadata(":a b", some), `Malformed image reference.*oci-layout:DIRECTORY:TAG`},
		"damaged":              {damaged.metadata(":1", some), `Image layout is damaged.*there is no such blob.*Copy or make it again`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acceptance(t, resource.TestStep{Config: test.config, ExpectError: words(test.want)})
		})
	}
	t.Run("looked up", func(t *testing.T) {
		t.Parallel()
		acceptance(t,
			resource.TestStep{Config: fmt.Sprintf("data \"manifesto_image\" \"test\" {\n  image = %q\n}\n", "oci-layout:"+missing), ExpectError: words(`No image layout`)},
			resource.TestStep{
				Config: b.metadata(":1", some), ResourceName: address, ImportState: true, ImportStateId: b.ref(":1#gone"),
				ExpectError: regexp.MustCompile(`No such metadata`),
			},
		)
	})
	t.Cleanup(func() {
		if _, err := os.Stat(missing); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the missing directory: %v", err)
		}
	})
}
