//go:build !race

// The race detector slows this test down and changes what it allocates. make test runs it without.

package provider

import (
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/memtest"
)

// A refresh and a plan of one resource with 10,000 images read the manifesto and its pin manifests, and nothing for
// each image; nor do they copy the map of contents often. Not in parallel: other tests would allocate meanwhile.
func TestRepositoryMetadataOfManyImages(t *testing.T) {
	const mostRequests, mostAllocated = 45, 300 << 20
	m := pushMany(t, 10_000)
	config, state, identity := m.create(m.caller(t), "contact")
	fresh := m.caller(t)
	var planned *tfprotov6.DynamicValue
	m.server.Reset()
	allocated := memtest.Allocated(func() {
		fresh.read(state, identity)
		planned = fresh.plan(config, state, state)
	})
	requests := len(m.server.Requests())
	if !maps.EqualFunc(fresh.values(planned), fresh.values(state), tftypes.Value.Equal) {
		t.Error("the plan is not empty")
	}
	t.Logf("%d requests, %d MB", requests, allocated>>20)
	if requests > mostRequests {
		t.Errorf("%d requests, want at most %d", requests, mostRequests)
	}
	if allocated > mostAllocated {
		t.Errorf("allocated %d MB, want at most %d MB", allocated>>20, mostAllocated>>20)
	}
}
