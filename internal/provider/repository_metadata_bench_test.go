package provider

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"golang.org/x/sync/errgroup"
)

// manyImages is a repository with a number of images, and a configuration with contents for all of them.
type manyImages struct {
	server  *registrytest.Server
	digests []string
}

// pushMany pushes images without blobs.
func pushMany(t testing.TB, images int) manyImages {
	t.Helper()
	m := manyImages{
		server:  registrytest.New(t, registrytest.Options{Kind: registrytest.GGCR}),
		digests: make([]string, images),
	}
	repository := m.server.Open(t, "app", registry.Options{})
	group := errgroup.Group{}
	group.SetLimit(16)
	for i := range m.digests {
		group.Go(func() error {
			manifest := oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,`+
				`"config":{"mediaType":%q,"digest":%q,"size":2},"layers":[],"annotations":{"number":"%d"}}`,
				oci.MediaTypeOCIManifest, oci.MediaTypeOCIConfig, oci.DigestOf([]byte("{}")), i))
			m.digests[i] = manifest.Digest.String()
			return repository.PutManifest(context.Background(), m.digests[i], manifest, time.Time{})
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return m
}

// caller calls a new provider, which remembers nothing.
func (m manyImages) caller(t testing.TB) *caller {
	t.Helper()
	return newCallerOf(t, NewServer("test")(), "manifesto_repository_metadata")
}

// attributes are those of a resource with a content for each image. first is that for the first image.
func (m manyImages) attributes(typ, first string) map[string]tftypes.Value {
	contents := make(map[string]tftypes.Value, len(m.digests))
	for i, digest := range m.digests {
		contents[digest] = tftypes.NewValue(tftypes.String, fmt.Sprint("contact ", i))
	}
	contents[m.digests[0]] = tftypes.NewValue(tftypes.String, first)
	return map[string]tftypes.Value{
		"repository":      tftypes.NewValue(tftypes.String, m.server.Host()+"/app"),
		"type":            tftypes.NewValue(tftypes.String, typ),
		"images":          tftypes.NewValue(textMapType, contents),
		"overwrite":       tftypes.NewValue(tftypes.Bool, false),
		"keep_on_destroy": tftypes.NewValue(tftypes.Bool, false),
	}
}

// create plans and applies a resource that is not there yet.
func (m manyImages) create(
	c *caller, typ string,
) (config, state *tfprotov6.DynamicValue, identity *tfprotov6.ResourceIdentityData) {
	attributes := m.attributes(typ, "first")
	config = c.resource(attributes)
	planned := c.plan(config, c.null(), c.unknown(attributes))
	state, identity = c.apply(config, c.null(), planned)
	return config, state, identity
}

// BenchmarkRepositoryMetadata measures each request of Terraform about one resource with 10,000 images, over the
// protocol: the creation, which uploads 10,000 contents, the requests of an unchanged plan, and the change of one
// content.
func BenchmarkRepositoryMetadata(b *testing.B) {
	m := pushMany(b, 10_000)
	ctx := context.Background()
	c := m.caller(b)
	config, state, identity := m.create(c, "contact")
	types := 0
	b.Run("create", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			types++
			m.create(c, fmt.Sprint("type ", types))
		}
	})
	b.Run("validate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			resp, err := c.server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{
				TypeName: c.name, Config: config,
			})
			if err != nil {
				b.Fatal(err)
			}
			c.check(resp.Diagnostics)
		}
	})
	b.Run("refresh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.read(state, identity)
		}
	})
	b.Run("plan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.plan(config, state, state)
		}
	})
	b.Run("change", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			attributes := m.attributes("contact", fmt.Sprint("changed ", i))
			config := c.resource(attributes)
			planned := c.plan(config, state, c.unknown(attributes))
			state, identity = c.apply(config, state, planned)
		}
	})
}
