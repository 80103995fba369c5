package provider

import (
	"context"
	"errors"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
)

// A destroy that was killed leaves the artifact attached without an entry. A refresh that finds that warns of it.
func TestWithdrawnArtifactIsStillAttached(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			ctx := context.Background()
			w.putSigned(w.release, "t", "yes")
			entry := w.entry("t")
			artifact, err := w.remote.GetManifest(ctx, entry.Artifact.Digest.String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err = w.store().Delete(ctx, manifesto.Removal{Key: w.key("t"), Expected: entry.Digest}); err != nil {
				t.Fatal(err)
			}
			if err = w.remote.Attach(ctx, artifact); err != nil {
				t.Fatal(err)
			}
			data := &providerData{store: w.store()}
			for name, refresh := range map[string]func(diags *diag.Diagnostics) error{
				"one piece": func(diags *diag.Diagnostics) error {
					state := signatureModel{ArtifactDigest: types.StringValue(artifact.Digest.String())}
					r := signatureReader{data: data, key: w.key("t"), state: &state, diags: diags}
					_, missing := r.get(ctx)
					if missing = r.absent(ctx, missing); errors.Is(missing, manifesto.ErrNoEntry) {
						return nil
					}
					return missing
				},
				"bulk": func(diags *diag.Diagnostics) error {
					s := bulkSignatures{bulk: bulk{data: data}, before: bulkSignatureModel{Attached: types.BoolValue(true)}}
					return s.warnWithdrawn(ctx, nil, []manifesto.Key{w.key("t")}, diags)
				},
			} {
				var diags diag.Diagnostics
				if err := refresh(&diags); err != nil || len(diags) != 1 || diags.HasError() {
					t.Fatalf("%s: %v, %v", name, diags, err)
				}
				text := diags[0].Summary() + ": " + diags[0].Detail()
				want := `^` + stillAttached + `: Metadata "t" of image .*` + artifact.Digest.String() + ` is still attached`
				if !words(want).MatchString(text) {
					t.Errorf("%s: no %q in %s", name, want, text)
				}
			}
		})
	}
}
