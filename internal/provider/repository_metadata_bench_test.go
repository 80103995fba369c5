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
)

// BenchmarkRepositoryMetadata measures each request of Terraform about one resource with 10,000 images, over the
// protocol: the creation, which uploads 10,000 contents, the requests of an unchanged plan, and the change of one
// content.
func BenchmarkRepositoryMetadata(b *testing.B) {
	const images = 10_000
	server := registrytest.New(b, registrytest.Options{Kind: registrytest.GGCR})
	digests := pushManifests(b, server, "app", images)
	ctx := context.Background()
	c := newCallerOf(b, NewServer("test")(), "manifesto_repository_metadata")
	configured := func(typ, first string) map[string]tftypes.Value {
		contents := make(map[string]tftypes.Value, images)
		for i, digest := range digests {
			contents[digest] = tftypes.NewValue(tftypes.String, fmt.Sprint("contact ", i))
		}
		contents[digests[0]] = tftypes.NewValue(tftypes.String, first)
		return map[string]tftypes.Value{
			"repository":      tftypes.NewValue(tftypes.String, server.Host()+"/app"),
			"type":            tftypes.NewValue(tftypes.String, typ),
			"images":          tftypes.NewValue(textMapType, contents),
			"overwrite":       tftypes.NewValue(tftypes.Bool, false),
			"keep_on_destroy": tftypes.NewValue(tftypes.Bool, false),
		}
	}
	create := func(typ string) (config, state *tfprotov6.DynamicValue, identity *tfprotov6.ResourceIdentityData) {
		attributes := configured(typ, "first")
		config = c.resource(attributes)
		planned := c.plan(config, c.null(), c.unknown(attributes))
		state, identity = c.apply(config, c.null(), planned)
		return config, state, identity
	}
	config, state, identity := create("contact")
	types := 0
	b.Run("create", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			types++
			create(fmt.Sprint("type ", types))
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
			attributes := configured("contact", fmt.Sprint("changed ", i))
			config := c.resource(attributes)
			planned := c.plan(config, state, c.unknown(attributes))
			state, identity = c.apply(config, state, planned)
		}
	})
}

// pushManifests pushes images without blobs.
func pushManifests(b *testing.B, server *registrytest.Server, path string, images int) []string {
	b.Helper()
	repository := server.Open(b, path, registry.Options{})
	digests := make([]string, images)
	for i := range digests {
		m := oci.NewManifest(oci.MediaTypeOCIManifest, fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":`+
			`{"mediaType":%q,"digest":%q,"size":2},"layers":[],"annotations":{"number":"%d"}}`,
			oci.MediaTypeOCIManifest, oci.MediaTypeOCIConfig, oci.DigestOf([]byte("{}")), i))
		digests[i] = m.Digest.String()
		if err := repository.PutManifest(context.Background(), digests[i], m, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
	return digests
}
