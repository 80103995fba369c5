package provider

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestAccRegistriesKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	configure := func(attributes string) string {
		return w.withProvider("registries = { " + attributes + " }")
	}
	acceptance(t,
		resource.TestStep{
			Config:      configure(`"https://ghcr.io/" = {}`),
			ExpectError: words(`Invalid registry.*ghcr.io or registry.example.com:5000`),
		},
		resource.TestStep{
			Config:      configure(`"docker.io" = {}, "index.docker.io" = {}`),
			ExpectError: words(`Registry configured twice`),
		},
	)
}

// A pipeline that is the only writer can turn the wait off with settle = "0s".
func TestAccSettle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	configure := func(settle string) string {
		return w.withProvider(fmt.Sprintf("settle = %q", settle))
	}
	acceptance(t,
		resource.TestStep{Config: configure("soon"), ExpectError: words(`Invalid duration.*500ms`)},
		resource.TestStep{Config: configure("-1s"), ExpectError: words(`Invalid duration`)},
		resource.TestStep{Config: configure("0s"), Check: w.has("t", "x")},
		resource.TestStep{Config: configure("1ms"), ConfigPlanChecks: emptyPlan},
	)
}

func TestAccRequestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPost {
			rw.WriteHeader(http.StatusBadGateway)
			return true
		}
		return false
	})
	acceptance(t,
		resource.TestStep{Config: w.withProvider(`request_timeout = "soon"`), ExpectError: words(`Invalid duration.*30s`)},
		resource.TestStep{Config: w.withProvider(`max_retries = -1`), ExpectError: words(`max_retries.*between 0 and 100`)},
		resource.TestStep{
			Config:      w.withProvider(`max_concurrent_requests = 0`),
			ExpectError: words(`max_concurrent_requests.*between 1 and`),
		},
		resource.TestStep{
			PreConfig:   w.server.Reset,
			Config:      w.withProvider("max_retries = 0\nrequest_timeout = \"5s\"\nmax_concurrent_requests = 1"),
			ExpectError: words(`502`),
		},
	)
	if n := w.server.Count(http.MethodPost, ""); n != 2 { // One POST as a monolithic upload, one to open an upload.
		t.Errorf("%d uploads were tried", n)
	}
}
