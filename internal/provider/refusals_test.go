package provider

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// The error for a refused request names the host, the cause, and what to set.
func TestAccRefusals(t *testing.T) {
	t.Parallel()
	answer := func(status int, header http.Header, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			maps.Copy(w.Header(), header)
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body) // The client may be gone.
		}
	}
	writes := func(r *http.Request) bool { return r.Method == http.MethodPost || r.Method == http.MethodPut }
	ping := func(r *http.Request) bool { return r.URL.Path == "/v2/" }
	all := func(*http.Request) bool { return true }
	puts := func(path string) func(*http.Request) bool {
		return func(r *http.Request) bool {
			return r.Method == http.MethodPut && strings.Contains(r.URL.Path, path)
		}
	}
	for name, test := range map[string]struct {
		on     func(*http.Request) bool
		answer func(http.ResponseWriter)
		want   string
	}{
		"401 on writes": {
			writes, answer(http.StatusUnauthorized, nil, ""), `Registry refused the credentials.*HOST.*registries\["HOST"\]`,
		},
		"403 on writes": {
			writes, answer(http.StatusForbidden, nil, `{"errors":[{"code":"DENIED","message":"pull only"}]}`),
			`Permission denied.*pull only.*permission to push`,
		},
		"403 on the ping": {ping, answer(http.StatusForbidden, nil, ""), `Permission denied.*HOST`},
		"a web page":      {all, answer(http.StatusNotFound, nil, "<html>"), `answer makes no sense.*HOST.*is a registry`},
		"a rate limit": {
			all, answer(http.StatusTooManyRequests, http.Header{"Retry-After": {"86400"}}, ""),
			`Rate limit reached.*Run the same command again after 20\d\d-.* UTC.*max_concurrent_requests`,
		},
		"a token service": {
			all,
			answer(
				http.StatusUnauthorized, http.Header{"Www-Authenticate": {`Bearer realm="http://auth.example.org/token"`}}, "",
			),
			`Token service refused.*auth.example.org.*auth_hosts`,
		},
		"immutable tags": {
			puts("/manifests/"),
			answer(
				http.StatusBadRequest, nil, `{"errors":[{"code":"TAG_INVALID","message":"the repository is immutable"}]}`,
			),
			`Tags are immutable.*IMMUTABLE_WITH_EXCLUSION.*_manifesto\*`,
		},
		"an invalid manifest": {
			puts("/manifests/_manifesto"),
			answer(http.StatusBadRequest, nil, `{"errors":[{"code":"MANIFEST_INVALID","message":"no such media type"}]}`),
			`Registry refused the manifest.*no such media type`,
		},
		"an absurd token page": {
			all, answer(http.StatusUnauthorized, http.Header{"Www-Authenticate": {`Bearer realm="::"`}}, ""),
			`answer makes no sense`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if !test.on(r) {
					return false
				}
				test.answer(rw)
				return true
			})
			want := strings.ReplaceAll(test.want, "HOST", w.server.Host())
			acceptance(t, resource.TestStep{Config: w.metadata(some), ExpectError: words(want)})
		})
	}
}

// Reading needs permission to pull only.
func TestAccPullOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	w.put("contact", "team-a")
	w.server.Intercept(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return false
		}
		registrytest.Refuse(rw, http.StatusForbidden, "DENIED", "pull only")
		return true
	})
	acceptance(t,
		resource.TestStep{Config: w.list("")},
		resource.TestStep{
			Config:      w.list("") + w.metadata(some),
			ExpectError: words(`Permission denied.*Reading needs permission to pull`),
		},
	)
}
