package provider

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// entry returns the entry of a type as the manifesto has it.
func (w *world) entry(typ string) format.Entry {
	w.t.Helper()
	piece, err := w.store().Get(context.Background(), w.key(typ))
	if err != nil {
		w.t.Fatal(err)
	}
	return piece.Entry
}

// attached checks that artifacts of these types, and no others, are attached to a manifest.
func (w *world) attached(subject func() oci.Digest, types ...string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		listed, err := w.remote.Referrers(context.Background(), subject())
		if err != nil {
			return err
		}
		var found []string
		for _, entry := range listed {
			m, err := w.remote.GetManifest(context.Background(), entry.Digest.String())
			if err != nil {
				return err
			}
			referrer, err := oci.ParseReferrer(m, subject())
			if err != nil {
				return err
			}
			found = append(found, referrer.ArtifactType)
		}
		if fmt.Sprint(found) != fmt.Sprint(types) && len(found)+len(types) > 0 {
			return fmt.Errorf("attached to %s: %q, want %q", subject(), found, types)
		}
		return nil
	}
}

// signatureKinds are the registries to sign on: with the API for referrers and without.
var signatureKinds = []registrytest.Kind{registrytest.Olareg, registrytest.OlaregNoReferrers}

// A piece is published as an artifact, follows its changes, is planned again when it is gone, and goes.
func TestAccArtifact(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			image := func() oci.Digest { return w.image }
			const one, two = "application/vnd.example.one.v1+json", "application/vnd.example.two.v1+json"
			published := w.metadata(`type = "t"` + "\n" + `content = "a"` + "\n" + `artifact_type = "` + one + `"`)
			changed := w.metadata(`type = "t"` + "\n" + `content = "b"` + "\n" + `artifact_type = "` + two + `"`)
			acceptance(t,
				resource.TestStep{
					Config: published, Check: w.attached(image, one),
					ConfigStateChecks: []statecheck.StateCheck{
						state("artifact_type", knownvalue.StringExact(one)),
						state("artifact_digest", knownvalue.StringRegexp(regexp.MustCompile("^sha256:"))),
						state("signature_digest", knownvalue.Null()),
					},
				},
				resource.TestStep{Config: published, ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					ImportState: true, ResourceName: "manifesto_metadata.test", ImportStateVerify: true,
					ImportStateVerifyIgnore: []string{"image"},
				},
				resource.TestStep{
					PreConfig: func() { w.detach(w.image, w.entry("t").Artifact.Digest) },
					Config:    published, Check: w.attached(image, one),
					ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("artifact_digest")),
				},
				resource.TestStep{Config: changed, Check: w.attached(image, two)},
				resource.TestStep{
					Config: w.metadata(`type = "t"` + "\n" + `content = "b"`), Check: w.attached(image),
					ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate)),
				},
				resource.TestStep{Config: w.metadata(`type = "t"` + "\n" + `content = "b"`), ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

func (w *world) detach(subject oci.Digest, digests ...oci.Digest) {
	w.t.Helper()
	if err := w.remote.Detach(context.Background(), subject, digests...); err != nil {
		w.t.Fatal(err)
	}
}

// A signed piece is created, planned empty, imported, changed, and no longer signed.
func TestAccSignedLife(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			authority := notationtest.NewAuthority(t, "Example")
			settings := signingWith(t, authority.Issue(t, "release"), `expiry = "24h"`) + "\n" + trusting(authority, "")
			signed := func(attributes string) string {
				return providerConfig(settings) + w.metadata("type = \"t\"\n"+attributes)
			}
			unsigned := signed("content = \"b\"\nsign = false")
			artifact := func() oci.Digest { return w.entry("t").Artifact.Digest }
			acceptance(t,
				resource.TestStep{Config: w.metadata(`type = "t"` + "\n" + `content = "a"`), Check: w.has("t", "a")},
				resource.TestStep{ // Signing is switched on later.
					Config: signed(`content = "a"`), Check: w.attached(artifact, signing.ArtifactType),
					ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("signature_digest")),
					ConfigStateChecks: []statecheck.StateCheck{
						state("artifact_type", knownvalue.StringExact(format.DefaultArtifactType("t"))),
						state("signed_by", knownvalue.StringRegexp(regexp.MustCompile("CN=release"))),
						state("signed_at", knownvalue.NotNull()), state("expires_at", knownvalue.NotNull()),
					},
				},
				resource.TestStep{Config: signed(`content = "a"`), ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					Config: signed(`content = "a"`), ImportState: true, ResourceName: "manifesto_metadata.test",
					ImportStateVerify: true, ImportStateVerifyIgnore: []string{"image"},
				},
				resource.TestStep{Config: signed(`content = "b"`), Check: w.attached(artifact, signing.ArtifactType)},
				resource.TestStep{ // Another annotation keeps the content, and makes another artifact.
					Config: signed(`content = "b"` + "\n" + `annotations = { by = "qa" }`),
					Check:  w.attached(artifact, signing.ArtifactType),
				},
				resource.TestStep{
					PreConfig: func() { w.stripSignatures(artifact()) },
					Config:    signed(`content = "b"` + "\n" + `annotations = { by = "qa" }`),
					Check:     w.attached(artifact, signing.ArtifactType),
					ConfigPlanChecks: planned(
						action(plancheck.ResourceActionUpdate), plannedUnknown("signature_digest"), plannedUnknown("signed_at")),
				},
				resource.TestStep{
					Config: unsigned, Check: w.attached(func() oci.Digest { return w.image }),
					ConfigStateChecks: []statecheck.StateCheck{state("signed_by", knownvalue.Null())},
				},
				resource.TestStep{Config: unsigned, ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

func (w *world) stripSignatures(subject oci.Digest) {
	w.t.Helper()
	listed, err := w.remote.Referrers(context.Background(), subject)
	if err != nil || len(listed) == 0 {
		w.t.Fatalf("the signatures of %s: %v, %v", subject, listed, err)
	}
	for _, entry := range listed {
		w.detach(subject, entry.Digest)
	}
}

// Signing switched off removes the signature of an artifact that stays, with the manifesto signed all the same.
func TestAccSigningSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			authority := notationtest.NewAuthority(t, "Example")
			settings := signingWith(t, authority.Issue(t, "release"), "") + "\n" + trusting(authority, "")
			config := func(more string) string {
				return providerConfig(settings) + w.metadata(some+"\nartifact_type = \"application/x-a\"\n"+more)
			}
			image := func() oci.Digest { return w.image }
			artifact := func() oci.Digest { return w.entry("t").Artifact.Digest }
			signed := resource.ComposeTestCheckFunc(
				w.attached(image, "application/x-a"), w.attached(artifact, signing.ArtifactType), w.manifestoSigned(),
			)
			acceptance(t,
				resource.TestStep{Config: config(""), Check: signed},
				resource.TestStep{
					Config: config("sign = false"),
					Check: resource.ComposeTestCheckFunc(
						w.attached(image, "application/x-a"), w.attached(artifact), w.manifestoSigned(),
					),
					ConfigStateChecks: []statecheck.StateCheck{state("signature_digest", knownvalue.Null())},
				},
				resource.TestStep{Config: config("sign = false"), ConfigPlanChecks: emptyPlan},
				resource.TestStep{Config: config(""), Check: signed},
				resource.TestStep{Config: config(""), ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// A manifesto that a writer without a key has stored is planned to be signed again; an older one is refused.
func TestAccManifestoOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	authority := notationtest.NewAuthority(t, "Example")
	settings := signingWith(t, authority.Issue(t, "release"), "") + "\n"
	config := func(more, content string) string {
		return providerConfig(settings+trusting(authority, more)) + w.metadata(`type = "t"`+"\n"+`content = "`+content+`"`)
	}
	var old, current oci.Manifest
	acceptance(t,
		resource.TestStep{Config: config("", "a"), Check: w.has("t", "a")},
		resource.TestStep{
			PreConfig: func() {
				var err error
				if old, err = w.remote.GetManifest(context.Background(), format.Tag); err != nil {
					t.Fatal(err)
				}
				w.put("other", "x")
			},
			Config: config("", "a"), Check: w.has("other", "x"),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("signature_digest")),
		},
		resource.TestStep{Config: config("", "a"), ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			PreConfig: func() {
				if entry := w.entry("other"); entry.Artifact != (format.Artifact{}) {
					t.Errorf("the entry of the other writer is published: %+v", entry)
				}
				var err error
				if current, err = w.remote.GetManifest(context.Background(), format.Tag); err != nil {
					t.Fatal(err)
				}
				w.retag(old)
				w.sign(authority.Issue(t, "release"), old)
			},
			Config: config("", "a"), ExpectError: words(`older than it must be.*accepted_rollback`),
		},
		resource.TestStep{
			Config: config("", "a"), Destroy: true, ExpectError: words(`older than it must be.*accepted_rollback`),
		},
		resource.TestStep{
			PreConfig: func() { w.retag(current) },
			Config:    config("", "a"), ConfigPlanChecks: emptyPlan,
		},
	)
}

// A manifesto that was restored from a backup is refused, and accepted by its digest. The next apply makes a new one,
// so that the exception can go.
func TestAccAcceptedRollback(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			w.putSigned(w.release, "t", "a")
			backup, err := w.remote.GetManifest(context.Background(), format.Tag)
			if err != nil {
				t.Fatal(err)
			}
			release := w.ours.Issue(t, "release")
			config := func(more string) string {
				return providerConfig(signingWith(t, release, "")+"\n"+trusting(w.ours, more)) +
					w.metadata("type = \"t\"\ncontent = \"b\"\noverwrite = true")
			}
			acceptance(t,
				resource.TestStep{Config: config(""), Check: w.has("t", "b")},
				resource.TestStep{
					PreConfig: func() {
						w.retag(backup)
						w.sign(release, backup)
					},
					Config: config(""), ExpectError: words(`older than it must be.*accepted_rollback`),
				},
				resource.TestStep{
					Config: config("accepted_rollback = \"" + backup.Digest.String() + "\""),
					Check:  resource.ComposeTestCheckFunc(w.has("t", "b"), w.manifestoSigned()),
				},
				resource.TestStep{Config: config(""), ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// sign signs a manifest as someone with a key does.
func (w *world) sign(identity notationtest.Identity, m oci.Manifest) {
	w.t.Helper()
	ctx := context.Background()
	made, err := notationtest.NewSigner(w.t, identity).Sign(ctx, m.Descriptor())
	if err != nil {
		w.t.Fatal(err)
	}
	w.attachSignature(made, m.Descriptor())
}

// attachSignature stores a signature of a manifest.
func (w *world) attachSignature(made signing.Signature, target oci.Descriptor) {
	w.t.Helper()
	ctx := context.Background()
	stored, err := made.Manifest(target)
	for _, blob := range [][]byte{made.Envelope, format.EmptyBlob()} {
		if err == nil {
			_, err = w.remote.PutBlob(ctx, blob)
		}
	}
	if err == nil {
		err = w.remote.Attach(ctx, stored)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// A signature with less than a third of its life left is made anew, and an expired one is not trusted any more.
func TestAccSignatureRenewal(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]time.Duration{"due": time.Hour, "expired": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			authority := notationtest.NewAuthority(t, "Example")
			release := authority.Issue(t, "release")
			config := providerConfig(signingWith(t, release, `expiry = "24h"`)+"\n"+trusting(authority, "")) + w.metadata(some)
			artifact := func() oci.Digest { return w.entry("t").Artifact.Digest }
			acceptance(t,
				resource.TestStep{Config: config, Check: w.attached(artifact, signing.ArtifactType)},
				resource.TestStep{
					PreConfig: func() {
						w.stripSignatures(artifact())
						m, err := w.remote.GetManifest(context.Background(), artifact().String())
						if err != nil {
							t.Fatal(err)
						}
						request := notationtest.Request{
							SignedAt: time.Now().Add(-20 * time.Hour), ExpiresAt: time.Now().Add(left),
						}
						w.attachSignature(request.Sign(t, release, m.Descriptor()), m.Descriptor())
					},
					Config: config,
					ConfigPlanChecks: planned(
						action(plancheck.ResourceActionUpdate), plannedUnknown("signature_digest"), plannedUnknown("expires_at")),
				},
				resource.TestStep{Config: config, ConfigPlanChecks: emptyPlan},
			)
		})
	}
}

// While a key is replaced, both are trusted and nothing changes. Once the old one is not trusted any more, what it has
// signed is signed with the new one.
func TestAccKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, registrytest.Options{})
	before, after := notationtest.NewAuthority(t, "Before"), notationtest.NewAuthority(t, "After")
	one, two := before.Issue(t, "one"), after.Issue(t, "two")
	config := func(signer notationtest.Identity, roots ...[]byte) string {
		return providerConfig(fmt.Sprintf("%s\nverification = {\ntrusted_certificates = %q\ntrusted_identities = [\"*\"]\n}",
			signingWith(t, signer, ""), bytes.Join(roots, nil))) + w.metadata(some)
	}
	signedBy := func(name string) []statecheck.StateCheck {
		return []statecheck.StateCheck{state("signed_by", knownvalue.StringRegexp(regexp.MustCompile("CN="+name)))}
	}
	both := config(two, before.RootPEM(), after.RootPEM())
	acceptance(t,
		resource.TestStep{Config: config(one, before.RootPEM()), ConfigStateChecks: signedBy("one")},
		resource.TestStep{Config: both, ConfigPlanChecks: emptyPlan},
		resource.TestStep{
			Config: config(two, after.RootPEM()), ConfigStateChecks: signedBy("two"),
			ConfigPlanChecks: planned(action(plancheck.ResourceActionUpdate), plannedUnknown("signed_by")),
		},
		resource.TestStep{Config: config(two, after.RootPEM()), ConfigPlanChecks: emptyPlan},
	)
}

// A layout on disk takes artifacts and signatures like a registry.
func TestAccSignedLayout(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	b.add("1.2")
	authority := notationtest.NewAuthority(t, "Example")
	settings := providerConfig(signingWith(t, authority.Issue(t, "release"), "") + "\n" + trusting(authority, ""))
	signed := []statecheck.StateCheck{
		state("signed_by", knownvalue.StringRegexp(regexp.MustCompile("CN=release"))),
		state("artifact_digest", knownvalue.NotNull()),
	}
	one, two := settings+b.metadata(":1.2", "type = \"t\"\ncontent = \"a\""), settings+b.metadata(":1.2",
		"type = \"t\"\ncontent = \"b\"")
	acceptance(t,
		resource.TestStep{Config: one, ConfigStateChecks: signed},
		resource.TestStep{Config: one, ConfigPlanChecks: emptyPlan},
		resource.TestStep{Config: two, ConfigStateChecks: signed},
		resource.TestStep{Config: two, ConfigPlanChecks: emptyPlan},
	)
}
