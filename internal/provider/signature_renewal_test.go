package provider

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

// endSoon replaces the signature of the manifesto with one that has a minute left of a day.
func (w *world) endSoon(identity notationtest.Identity) {
	w.t.Helper()
	m, err := w.remote.GetManifest(context.Background(), format.Tag)
	if err != nil {
		w.t.Fatal(err)
	}
	w.stripSignatures(m.Digest)
	now := time.Now()
	request := notationtest.Request{SignedAt: now.Add(time.Minute - 24*time.Hour), ExpiresAt: now.Add(time.Minute)}
	w.attachSignature(request.Sign(w.t, identity, m.Descriptor()), m.Descriptor())
}

// The manifesto's own signature is renewed in time, although those of all pieces have time left. Whoever renews it does
// so for all.
func TestAccManifestoRenewal(t *testing.T) {
	t.Parallel()
	for name, pieces := range map[string]func(w *world) string{
		"one piece":  func(w *world) string { return w.metadata(some) },
		"repository": func(w *world) string { return w.all(images("1", "a")) },
	} {
		for _, kind := range signatureKinds {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, registrytest.Options{Kind: kind})
				authority := notationtest.NewAuthority(t, "Example")
				release := authority.Issue(t, "release")
				config := providerConfig(signingWith(t, release, `expiry = "2160h"`)+"\n"+trusting(authority, "")) + pieces(w)
				acceptance(t,
					resource.TestStep{Config: config},
					resource.TestStep{
						PreConfig: func() { w.endSoon(release) },
						Config:    config, Check: w.manifestoSigned(),
						ConfigPlanChecks: planned(plancheck.ExpectNonEmptyPlan()),
					},
					resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
					resource.TestStep{ // Somebody else has renewed it.
						PreConfig: func() {
							w.endSoon(release)
							w.putSigned(notationtest.NewSigner(t, release), "other", "x")
						},
						Config: config, ConfigPlanChecks: emptyPlan,
					},
				)
			})
		}
	}
}
