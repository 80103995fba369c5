package registry_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// Without the API, the list is edited even if the registry does not delete, and the refusal is told.
func TestDetachIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		code   string
		// What the error says, unless it is a 404, which is success.
		refused, limited bool
	}{
		"not found":       {http.StatusNotFound, "MANIFEST_UNKNOWN", false, false},
		"unsupported":     {http.StatusMethodNotAllowed, "UNSUPPORTED", true, false},
		"bad request":     {http.StatusBadRequest, "UNSUPPORTED", true, false},
		"forbidden":       {http.StatusForbidden, "DENIED", true, false},
		"unauthorized":    {http.StatusUnauthorized, "UNAUTHORIZED", true, false},
		"a rule":          {http.StatusPreconditionFailed, "PRECONDITION", true, false},
		"in use":          {http.StatusConflict, "CONFLICT", true, false},
		"not implemented": {http.StatusNotImplemented, "UNSUPPORTED", true, false},
		"rate":            {http.StatusTooManyRequests, "TOOMANYREQUESTS", false, true},
		"down":            {http.StatusServiceUnavailable, "UNAVAILABLE", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			server := registrytest.New(t, registrytest.Options{Kind: registrytest.OlaregNoReferrers})
			image := server.Image(t, "app", "1", "one")
			r := server.Open(t, "app", registry.Options{Backoff: time.Millisecond, MaxRetries: 1})
			one, two := artifactOf(t, r, image, "a/one"), artifactOf(t, r, image, "a/two")
			for _, m := range []oci.Manifest{one, two} {
				if err := r.Attach(ctx, m); err != nil {
					t.Fatal(err)
				}
			}
			server.Intercept(func(w http.ResponseWriter, in *http.Request, _ http.Handler) bool {
				if in.Method == http.MethodDelete {
					registrytest.Refuse(w, test.status, test.code, "the registry says no")
				}
				return in.Method == http.MethodDelete
			})
			err := r.Detach(ctx, image, one.Digest, two.Digest)
			if succeeded := err == nil; succeeded != (test.status == http.StatusNotFound) {
				t.Errorf("Detach: %v", err)
			}
			if errors.Is(err, oci.ErrDeleteRefused) != test.refused || errors.Is(err, oci.ErrRateLimited) != test.limited {
				t.Errorf("the kind of %v", err)
			}
			for _, part := range []string{one.Digest.String(), two.Digest.String(), "the registry says no"} {
				if err != nil && !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not name %s", err, part)
				}
			}
			listedAs(t, r, image) // The tag may still be there, and its list is empty.
			if err := r.Attach(ctx, one); err != nil {
				t.Errorf("attaching again: %v", err)
			}
			listedAs(t, r, image, one.Digest)
		})
	}
}

// Detaching asks one time for all manifests of a subject, and leaves what it does not name.
func TestDetachOfSeveral(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := registrytest.New(t, registrytest.Options{Kind: registrytest.OlaregNoReferrers})
	image := server.Image(t, "app", "1", "one")
	r := server.Open(t, "app", registry.Options{})
	var all []oci.Digest
	for _, typ := range []string{"a/1", "a/2", "a/3"} {
		m := artifactOf(t, r, image, typ)
		if err := r.Attach(ctx, m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m.Digest)
	}
	server.Reset()
	if err := r.Detach(ctx, image, all[0], all[2], oci.DigestOf([]byte("not attached"))); err != nil {
		t.Fatal(err)
	}
	listedAs(t, r, image, all[1])
	if puts, deletes := server.Count("PUT", ""), server.Count("DELETE", ""); puts != 1 || deletes != 3 {
		t.Errorf("%d puts, %d deletes", puts, deletes)
	}
}

// A garbage collector leaves lists that name what it has taken, and the registry refuses to take them again. The
// entries that are gone go with the next change; others stay.
func TestListOfWhatIsGone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := registrytest.New(t, registrytest.Options{Kind: registrytest.OlaregNoReferrers})
	image := server.Image(t, "app", "1", "one")
	r := server.Open(t, "app", registry.Options{})
	gone, stays := artifactOf(t, r, image, "a/gone"), artifactOf(t, r, image, "a/stays")
	added := artifactOf(t, r, image, "a/new")
	for _, m := range []oci.Manifest{gone, stays} {
		if err := r.Attach(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	server.Intercept(func(w http.ResponseWriter, in *http.Request, _ http.Handler) bool {
		switch {
		case strings.HasSuffix(in.URL.Path, gone.Digest.String()):
			registrytest.Refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "it was collected")
			return true
		case in.Method == http.MethodPut && strings.HasSuffix(in.URL.Path, oci.ReferrersTag(image)):
			content, err := io.ReadAll(in.Body)
			if err == nil && strings.Contains(string(content), gone.Digest.String()) {
				registrytest.Refuse(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
				return true
			}
			in.Body = io.NopCloser(bytes.NewReader(content))
		}
		return false
	})
	if err := r.Attach(ctx, added); err != nil {
		t.Fatal(err)
	}
	listedAs(t, r, image, stays.Digest, added.Digest)
}
