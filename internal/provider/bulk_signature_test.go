package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

const oneImageAddress = "manifesto_image_metadata.test"

// artifactOf returns the digest of the artifact of a piece, as the manifesto has it.
func (w *world) artifactOf(image oci.Digest, typ string) oci.Digest {
	w.t.Helper()
	key := w.key(typ)
	key.Image = image
	piece, err := w.store().Get(context.Background(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	return piece.Artifact.Digest
}

// signedAs checks that pieces are artifacts of these types in turn, each with one signature.
func (w *world) signedAs(pieces map[manifesto.Key]string) resource.TestCheckFunc {
	return func(state *terraform.State) error {
		for key, typ := range pieces {
			if err := w.attached(func() oci.Digest { return key.Image }, typ)(state); err != nil {
				return err
			}
			artifact := func() oci.Digest { return w.artifactOf(key.Image, key.Type) }
			if err := w.attached(artifact, signing.ArtifactType)(state); err != nil {
				return err
			}
		}
		return nil
	}
}

// plainly checks that nothing is attached to images.
func (w *world) plainly(images ...oci.Digest) resource.TestCheckFunc {
	var checks []resource.TestCheckFunc
	for _, image := range images {
		checks = append(checks, w.attached(func() oci.Digest { return image }))
	}
	return resource.ComposeTestCheckFunc(checks...)
}

// signsAgain are the checks of a plan of a bulk resource that mends signatures.
func signsAgain(address string) resource.ConfigPlanChecks {
	return planned(
		plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
		plancheck.ExpectKnownValue(address, tfjsonpath.New("signed"), knownvalue.Bool(true)),
		plancheck.ExpectUnknownValue(address, tfjsonpath.New("signed_at")),
	)
}

// The metadata of a repository is signed in one go; what is lost of it is planned and made again; and all of it goes.
func TestAccRepositoryMetadataSigned(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			two := w.push("2", "two")
			authority := notationtest.NewAuthority(t, "Example")
			settings := signingWith(t, authority.Issue(t, "release"), `expiry = "24h"`) + "\n" + trusting(authority, "")
			signed := func(attributes string) string { return providerConfig(settings) + w.all(attributes) }
			first, second := w.key("contact"), w.key("contact")
			second.Image = two
			typ := format.DefaultArtifactType("contact")
			both := w.signedAs(map[manifesto.Key]string{first: typ, second: typ})
			before, changed := images("1", "a", two.String(), "b"), images("1", "a", two.String(), "c")
			var kept, lost oci.Digest
			acceptance(t,
				resource.TestStep{Config: w.all(before), Check: w.plainly(w.image, two)},
				resource.TestStep{ // Signing is switched on later.
					Config: signed(before), Check: both, ConfigPlanChecks: signsAgain(bulkAddress),
					ConfigStateChecks: checks{
						inBulk("artifact_type", knownvalue.StringExact(typ)), inBulk("attached", knownvalue.Bool(true)),
						inBulk("signed_by", knownvalue.StringRegexp(regexp.MustCompile("CN=release"))),
						inBulk("expires_at", knownvalue.NotNull()),
					},
				},
				resource.TestStep{Config: signed(before), ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					Config: signed(before), ImportState: true, ResourceName: bulkAddress, ImportStateVerify: true,
					ImportStateVerifyIgnore: []string{"images", "image_digests", "digests"}, // The keys are digests.
				},
				resource.TestStep{
					PreConfig: func() { kept = w.signatureOf(w.artifactOf(w.image, "contact")) },
					Config:    signed(changed), Check: both, ConfigPlanChecks: signsAgain(bulkAddress),
				},
				resource.TestStep{Config: signed(changed), ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					PreConfig: func() {
						lost = w.signatureOf(w.artifactOf(two, "contact"))
						w.stripSignatures(w.artifactOf(two, "contact"))
					},
					Config: signed(changed), ConfigPlanChecks: signsAgain(bulkAddress),
					Check: resource.ComposeTestCheckFunc(both, func(*terraform.State) error {
						if now := w.signatureOf(w.artifactOf(w.image, "contact")); now != kept {
							return fmt.Errorf("the signature that was there is %s now, and was %s", now, kept)
						}
						if now := w.signatureOf(w.artifactOf(two, "contact")); now == lost {
							return fmt.Errorf("the signature %s was not made anew", lost)
						}
						return nil
					}),
				},
				resource.TestStep{
					PreConfig: func() { w.detach(two, w.artifactOf(two, "contact")) },
					Config:    signed(changed), Check: both, ConfigPlanChecks: signsAgain(bulkAddress),
				},
				resource.TestStep{ // Somebody without a key stores something else: the manifesto is to be signed again.
					PreConfig: func() { w.put("other", "x") },
					Config:    signed(changed), Check: both, ConfigPlanChecks: signsAgain(bulkAddress),
				},
				resource.TestStep{Config: signed(changed), ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					Config: signed(changed + "sign = false"), Check: w.plainly(w.image, two),
					ConfigStateChecks: checks{inBulk("signed", knownvalue.Null()), inBulk("attached", knownvalue.Null())},
				},
				resource.TestStep{Config: signed(changed + "sign = false"), ConfigPlanChecks: emptyPlan},
				resource.TestStep{Config: signed(changed), Check: both},
				resource.TestStep{Config: signed(changed), Destroy: true, Check: w.plainly(w.image, two)},
			)
		})
	}
}

// signatureOf returns the digest of the only signature of a manifest.
func (w *world) signatureOf(subject oci.Digest) oci.Digest {
	w.t.Helper()
	listed, err := w.remote.Referrers(context.Background(), subject)
	if err != nil || len(listed) != 1 {
		w.t.Fatalf("the signatures of %s: %v, %v", subject, listed, err)
	}
	return listed[0].Digest
}

// The metadata of an image is published under a type of its own for each piece, or a default one if it is signed.
func TestAccImageMetadataSigned(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			authority := notationtest.NewAuthority(t, "Example")
			settings := signingWith(t, authority.Issue(t, "release"), `expiry = "24h"`) + "\n" + trusting(authority, "")
			config := func(first, more string) string {
				return fmt.Sprintf("resource \"manifesto_image_metadata\" \"test\" {\n  image = %q\n  metadata = {\n"+
					"    a = { content = %q, artifact_type = \"application/x-a\" }\n    b = { content = \"b\" }\n  }\n%s\n}\n",
					w.ref(":1"), first, more)
			}
			signed := func(first, more string) string { return providerConfig(settings) + config(first, more) }
			image := func() oci.Digest { return w.image }
			artifact := func(typ string) func() oci.Digest {
				return func() oci.Digest { return w.artifactOf(w.image, typ) }
			}
			both := resource.ComposeTestCheckFunc(
				w.attachedAnyOrder(image, "application/x-a", format.DefaultArtifactType("b")),
				w.attached(artifact("a"), signing.ArtifactType), w.attached(artifact("b"), signing.ArtifactType),
			)
			acceptance(t,
				resource.TestStep{Config: config("a", ""), Check: w.attached(image, "application/x-a")},
				resource.TestStep{Config: config("a", ""), ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					PreConfig: func() { w.detach(w.image, w.artifactOf(w.image, "a")) },
					Config:    config("a", ""), Check: w.attached(image, "application/x-a"),
					ConfigPlanChecks: planned(plancheck.ExpectResourceAction(oneImageAddress, plancheck.ResourceActionUpdate)),
				},
				resource.TestStep{Config: signed("a", ""), Check: both, ConfigPlanChecks: signsAgain(oneImageAddress)},
				resource.TestStep{Config: signed("a", ""), ConfigPlanChecks: emptyPlan},
				resource.TestStep{
					Config: signed("a", ""), ImportState: true, ResourceName: oneImageAddress, ImportStateVerify: true,
					ImportStateVerifyIgnore: []string{"image"}, // By digest.
				},
				resource.TestStep{Config: signed("c", ""), Check: both, ConfigPlanChecks: signsAgain(oneImageAddress)},
				resource.TestStep{
					PreConfig: func() { w.stripSignatures(artifact("b")()) },
					Config:    signed("c", ""), Check: both, ConfigPlanChecks: signsAgain(oneImageAddress),
				},
				resource.TestStep{Config: signed("c", ""), ConfigPlanChecks: emptyPlan},
				resource.TestStep{ // The artifact that has a type of its own stays, without its signature.
					Config: signed("c", "sign = false"),
					Check: resource.ComposeTestCheckFunc(
						w.attached(image, "application/x-a"), w.attached(artifact("a")), w.manifestoSigned(),
					),
				},
				resource.TestStep{Config: signed("c", "sign = false"), ConfigPlanChecks: emptyPlan},
				resource.TestStep{Config: signed("c", ""), Check: both},
				resource.TestStep{Config: signed("c", ""), Destroy: true, Check: w.plainly(w.image)},
			)
		})
	}
}

// attachedAnyOrder is attached for two types.
func (w *world) attachedAnyOrder(subject func() oci.Digest, one, other string) resource.TestCheckFunc {
	return func(state *terraform.State) error {
		if w.attached(subject, one, other)(state) == nil {
			return nil
		}
		return w.attached(subject, other, one)(state)
	}
}

// Retention removes the artifacts of what it removes, and their signatures, and signs the manifesto.
func TestAccRetentionSigned(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{Kind: kind})
			two := w.push("2", "two")
			authority := notationtest.NewAuthority(t, "Example")
			settings := signingWith(t, authority.Issue(t, "release"), "") + "\n" + trusting(authority, "")
			config := providerConfig(settings) + w.all(images("1", "a", two.String(), "b")+"keep_on_destroy = true\n")
			var artifact, signature oci.Digest
			acceptance(t,
				resource.TestStep{Config: config},
				resource.TestStep{
					PreConfig: func() {
						artifact = w.artifactOf(two, "contact")
						signature = w.signatureOf(artifact)
						w.vanish(two)
					},
					Config: providerConfig(settings) + w.retention(""),
					Check: resource.ComposeTestCheckFunc(
						w.contacts(map[oci.Digest]string{w.image: "a"}), w.plainly(two), w.isGone(&artifact), w.isGone(&signature),
						w.signedAs(map[manifesto.Key]string{w.key("contact"): format.DefaultArtifactType("contact")}),
						w.manifestoSigned(),
					),
				},
			)
		})
	}
}

// isGone checks that the registry does not have a manifest.
func (w *world) isGone(digest *oci.Digest) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if _, err := w.remote.HeadManifest(context.Background(), digest.String()); !errors.Is(err, oci.ErrNotFound) {
			return fmt.Errorf("%s is still there: %w", *digest, err)
		}
		return nil
	}
}

// manifestoSigned checks that the manifesto has one signature.
func (w *world) manifestoSigned() resource.TestCheckFunc {
	return func(state *terraform.State) error {
		digest, err := w.remote.HeadManifest(context.Background(), format.Tag)
		if err != nil {
			return err
		}
		return w.attached(func() oci.Digest { return digest }, signing.ArtifactType)(state)
	}
}

// An older manifesto in the place of the one that a refresh has verified is an error of both bulk resources.
func TestAccBulkRolledBack(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(w *world, content string) string{
		"repository": func(w *world, content string) string { return w.all(images("1", content)) },
		"image": func(w *world, content string) string {
			return fmt.Sprintf("resource \"manifesto_image_metadata\" \"test\" {\n  image = %q\n  metadata = {\n"+
				"    contact = { content = %q }\n  }\n}\n", w.ref(":1"), content)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, registrytest.Options{})
			authority := notationtest.NewAuthority(t, "Example")
			settings := providerConfig(signingWith(t, authority.Issue(t, "release"), "") + "\n" + trusting(authority, ""))
			var old, newest oci.Manifest
			acceptance(t,
				resource.TestStep{Config: settings + config(w, "a")},
				resource.TestStep{
					PreConfig: func() {
						var err error
						if old, err = w.remote.GetManifest(context.Background(), format.Tag); err != nil {
							t.Fatal(err)
						}
					},
					Config: settings + config(w, "b"),
				},
				resource.TestStep{
					PreConfig: func() {
						newest = w.retag(old)
						w.sign(authority.Issue(t, "release"), old)
					},
					Config: settings + config(w, "b"), ExpectError: words(`older than it must be.*accepted_rollback`),
				},
				resource.TestStep{
					PreConfig: func() { w.retag(newest) },
					Config:    settings + config(w, "b"), ConfigPlanChecks: emptyPlan,
				},
			)
		})
	}
}

// retag replaces the manifesto with another, and returns the one that was there.
func (w *world) retag(m oci.Manifest) oci.Manifest {
	w.t.Helper()
	before, err := w.remote.GetManifest(context.Background(), format.Tag)
	if err == nil {
		err = w.remote.PutManifest(context.Background(), format.Tag, m, time.Time{})
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return before
}
