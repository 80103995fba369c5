package registry

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

func TestEndlessBodies(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v2/" {
			return false
		}
		chunk := []byte(strings.Repeat("x", 1<<16))
		if strings.Contains(r.URL.Path, "/tags/") {
			w.WriteHeader(http.StatusForbidden)
		}
		for {
			if _, err := w.Write(chunk); err != nil {
				return true
			}
		}
	})
	r := open(t, server, Options{MaxRetries: -1})
	if _, err := r.GetManifest(context.Background(), "tag"); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("GetManifest: %v", err)
	}
	if _, err := r.GetBlob(context.Background(), oci.DigestOf(nil), 1000); !errors.Is(err, oci.ErrTooLarge) {
		t.Errorf("GetBlob: %v", err)
	}
	_, _, err := r.ListTags(context.Background(), "_manifesto")
	if !errors.Is(err, ErrForbidden) || len(err.Error()) > 1000 {
		t.Errorf("an endless error: %d bytes, %.200v", len(err.Error()), err)
	}
}
