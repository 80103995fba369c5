package provider

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// BenchmarkRepository measures one look-up of a repository with 10,000 images and 30,000 entries over the protocol, in
// a provider that has read the manifesto.
func BenchmarkRepository(b *testing.B) {
	server := registrytest.New(b, registrytest.Options{})
	pushManifesto(b, server, "app", 10_000)
	ctx := context.Background()
	c := newCaller(b, providerserver.NewProtocol6(New("test")())())
	schemas, err := c.server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		b.Fatal(err)
	}
	typ := objectType(b, schemas.DataSourceSchemas["manifesto_repository"].Block.ValueType())
	config := c.object(typ, map[string]tftypes.Value{
		"repository": tftypes.NewValue(tftypes.String, server.Host()+"/app"),
	})
	read := func() *tfprotov6.DynamicValue {
		resp, err := c.server.ReadDataSource(ctx, &tfprotov6.ReadDataSourceRequest{
			TypeName: "manifesto_repository", Config: config,
		})
		if err != nil {
			b.Fatal(err)
		}
		c.check(resp.Diagnostics)
		return resp.State
	}
	size := len(read().MsgPack)
	b.ReportAllocs()
	for b.Loop() {
		read()
	}
	b.ReportMetric(float64(size), "message-bytes")
}

// pushManifesto pushes a manifesto with three entries for each of some images.
func pushManifesto(b *testing.B, server *registrytest.Server, path string, images int) {
	b.Helper()
	described := make([]string, images)
	for i := range described {
		entries := make([]string, 3)
		for j, typ := range []string{"contact", "approval", "scan/cve"} {
			entries[j] = fmt.Sprintf(`{"type":%q,"digest":%q,"size":30,"media_type":"application/json",`+
				`"created":"2026-01-02T03:04:05Z","annotations":{"by":"ops"},"declared_by":["1"]}`,
				typ, oci.DigestOf(fmt.Append(nil, i, j)))
		}
		described[i] = fmt.Sprintf(`{"image_digest":%q,"manifesto":[%s]}`,
			oci.DigestOf(fmt.Append(nil, i)), strings.Join(entries, ","))
	}
	layer, err := registrytest.Layer(registrytest.Gzip, registrytest.File{
		Name: "data", Content: `{"images":[` + strings.Join(described, ",") + `]}`,
	})
	if err == nil {
		repository := server.Open(b, path, registry.Options{})
		_, err = registrytest.PushDockerImage(context.Background(), repository, format.Tag, layer)
	}
	if err != nil {
		b.Fatal(err)
	}
}
