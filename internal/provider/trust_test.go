package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/notation/notationtest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// signedBy returns a writer with a key.
func (w *world) signedBy(signer signing.Signer) *manifesto.Store {
	options := manifesto.Options{Signer: signer}
	return manifesto.NewStore(func(oci.Repository) manifesto.Repository { return w.remote }, options)
}

// putSigned stores and signs metadata outside Terraform.
func (w *world) putSigned(signer signing.Signer, typ, content string) {
	w.t.Helper()
	_, err := w.signedBy(signer).Put(context.Background(), manifesto.Put{
		Key: w.key(typ), Content: []byte(content), MediaType: "text/plain", Overwrite: true, Sign: true,
		ArtifactType: format.DefaultArtifactType(typ),
	})
	if err != nil {
		w.t.Fatalf("storing %s: %v", typ, err)
	}
}

// pastSigner makes signatures that have expired an hour ago.
type pastSigner struct {
	t        *testing.T
	identity notationtest.Identity
}

// Sign implements signing.Signer.
func (s pastSigner) Sign(_ context.Context, target oci.Descriptor) (signing.Signature, error) {
	now := time.Now()
	request := notationtest.Request{SignedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(-time.Hour)}
	return request.Sign(s.t, s.identity, target), nil
}

// trusted is a world in which two authorities have signers.
type trusted struct {
	*world
	ours, theirs *notationtest.Authority
	// release is a signer of ours, and mallory one of theirs.
	release, mallory signing.Signer
}

func newTrusted(t *testing.T, kind registrytest.Kind) trusted {
	t.Helper()
	w := trusted{
		world: newWorld(t, registrytest.Options{Kind: kind}),
		ours:  notationtest.NewAuthority(t, "Example"), theirs: notationtest.NewAuthority(t, "Elsewhere"),
	}
	w.release = notationtest.NewSigner(t, w.ours.Issue(t, "release"))
	w.mallory = notationtest.NewSigner(t, w.theirs.Issue(t, "mallory"))
	return w
}

// reading is the configuration of a provider that trusts our authority, and of a look-up.
func (w trusted) reading(lookup string) string { return providerConfig(trusting(w.ours, "")) + lookup }

const leniently = "required = false"

// A look-up returns what trusted signers have signed, and says who has.
func TestAccVerifiedLookup(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			w.putSigned(w.release, "t", "yes")
			verified := []statecheck.StateCheck{
				found("content", knownvalue.StringExact("yes")), found("verified", knownvalue.Bool(true)),
				found("version", knownvalue.Int64Exact(1)), found("verification_error", knownvalue.Null()),
				found("signed_by", knownvalue.StringRegexp(words("CN=release"))), found("signed_at", knownvalue.NotNull()),
				found("artifact_type", knownvalue.StringExact(format.DefaultArtifactType("t"))),
				found("artifact_digest", knownvalue.StringExact(w.entry("t").Artifact.Digest.String())),
			}
			removed := func() {
				if _, err := w.signedBy(w.release).Delete(context.Background(), manifesto.Removal{
					Key: w.key("t"), Expected: w.entry("t").Digest,
				}); err != nil {
					t.Fatal(err)
				}
			}
			acceptance(t,
				resource.TestStep{Config: w.reading(w.lookup(some1)), ConfigStateChecks: verified},
				resource.TestStep{
					Config:            w.lookup(some1 + "\n" + trusting(w.ours, "") + "\nminimum_version = 1"),
					ConfigStateChecks: verified,
				},
				resource.TestStep{ // Nobody verifies, and the number is shown.
					Config: w.lookup(some1),
					ConfigStateChecks: []statecheck.StateCheck{
						found("content", knownvalue.StringExact("yes")), found("verified", knownvalue.Bool(false)),
						found("version", knownvalue.Int64Exact(1)), found("signed_by", knownvalue.Null()),
						found("verification_error", knownvalue.Null()),
					},
				},
				resource.TestStep{ // An absence that is signed.
					PreConfig: removed,
					Config:    w.reading(w.lookup(some1 + "\noptional = true")),
					ConfigStateChecks: []statecheck.StateCheck{
						found("exists", knownvalue.Bool(false)), found("verified", knownvalue.Bool(true)),
						found("version", knownvalue.Int64Exact(2)), found("signed_by", knownvalue.Null()),
						found("artifact_type", knownvalue.Null()),
					},
				},
				resource.TestStep{Config: w.reading(w.lookup(some1)), ExpectError: words(`No such metadata`)},
			)
		})
	}
}

// some1 is a look-up of the metadata that tests are about.
const some1 = `type = "t"`

// What no trusted signer has signed is an error that says who has signed or, if no signature is required, is shown with
// the reason.
func TestAccUntrustedLookup(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		store func(w trusted)
		// absent says that the look-up finds nothing.
		absent bool
		// want is the error, and reason what is shown in its place.
		want, reason string
	}{
		"unsigned": {
			store: func(w trusted) { w.put("t", "x") },
			want: `Metadata not signed.*Verifying metadata "t" of image .* failed: The manifesto sha256:.*: not signed.*` +
				`resource that signs`,
			reason: `^The manifesto sha256:\w+: not signed\.$`,
		},
		"another authority": {
			store:  func(w trusted) { w.putSigned(w.mallory, "t", "x") },
			want:   `Signature not to be trusted.*metadata "t" of image .*CN=mallory.*trusted_certificates`,
			reason: `CN=mallory`,
		},
		"another subject": {
			store: func(w trusted) {
				subject := notationtest.Subject("guest")
				subject.Organization = []string{"Guests"}
				w.putSigned(notationtest.NewSigner(w.t, w.ours.Issue(w.t, "guest", notationtest.Named(subject))), "t", "x")
			},
			want:   `Signature not to be trusted.*CN=guest.*trusted_identities`,
			reason: `CN=guest`,
		},
		"expired": {
			store:  func(w trusted) { w.putSigned(pastSigner{w.t, w.ours.Issue(w.t, "past")}, "t", "x") },
			want:   `Signature not to be trusted.*CN=past.*expired`,
			reason: `expired`,
		},
		"an unsigned piece in a signed manifesto": {
			store:  func(w trusted) { w.put("t", "x"); w.putSigned(w.release, "other", "y") },
			want:   `Metadata not signed.*metadata "t" of image .*no artifact`,
			reason: `the piece has no artifact`,
		},
		"an absence that nobody has signed": { // It must not make a module fall back to a default.
			store:  func(w trusted) { w.putSigned(w.release, "t", "x"); w.remove("t") },
			absent: true,
			want:   `Metadata not signed.*The manifesto sha256:.*: not signed`,
			reason: `The manifesto sha256:.*: not signed`,
		},
	}
	for name, test := range tests {
		for _, kind := range signatureKinds {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				w := newTrusted(t, kind)
				test.store(w)
				lookup := some1 + "\noptional = true\n"
				content := knownvalue.Check(knownvalue.StringExact("x"))
				if test.absent {
					content = knownvalue.Null()
				}
				acceptance(t,
					resource.TestStep{Config: w.reading(w.lookup(lookup)), ExpectError: words(test.want)},
					resource.TestStep{
						Config: w.reading(w.lookup(lookup + trusting(w.ours, leniently))),
						ConfigStateChecks: []statecheck.StateCheck{
							found("exists", knownvalue.Bool(!test.absent)), found("content", content),
							found("verified", knownvalue.Bool(false)), found("signed_by", knownvalue.Null()),
							found("verification_error", knownvalue.StringRegexp(words(test.reason))),
						},
					},
				)
			})
		}
	}
}

// A look-up's own verification replaces the provider's, and nothing is read as long as one of the two that counts is
// unknown.
func TestAccOwnVerification(t *testing.T) {
	t.Parallel()
	w := newTrusted(t, registrytest.Olareg)
	w.putSigned(w.mallory, "t", "x")
	past := newTrusted(t, registrytest.Olareg)
	past.putSigned(pastSigner{t, past.ours.Issue(t, "past")}, "t", "x")
	later := func(authority *notationtest.Authority) string {
		return fmt.Sprintf("resource \"terraform_data\" \"later\" {\n  input = %q\n}\n", authority.RootPEM())
	}
	unknown := fmt.Sprintf("verification = {\n  trusted_certificates = terraform_data.later.output\n"+
		"  trusted_identities = [%q]\n}", notationtest.TrustedIdentity)
	verified := []statecheck.StateCheck{
		found("content", knownvalue.StringExact("x")), found("verified", knownvalue.Bool(true)),
		found("verification_error", knownvalue.Null()),
	}
	acceptance(t, resource.TestStep{
		Config: w.reading(w.lookup(some1 + "\n" + trusting(w.theirs, ""))), ConfigStateChecks: verified,
	})
	acceptance(t, resource.TestStep{
		Config: past.lookup(some1 + "\n" + trusting(past.ours, `level = "permissive"`)), ConfigStateChecks: verified,
	})
	acceptance(t, resource.TestStep{ // Terraform reads it at apply.
		Config: later(w.theirs) + w.reading(w.lookup(some1+"\n"+unknown)), ConfigStateChecks: verified,
	})
	acceptance(t, resource.TestStep{
		Config:      later(w.theirs) + providerConfig(unknown) + w.lookup(some1),
		ExpectError: words(`Provider settings unknown.*Whom to trust is not known yet`),
	})
	acceptance(t, resource.TestStep{
		Config:      w.lookup(some1 + "\n" + strings.Replace(trusting(w.ours, ""), "C=DE, ", "", 1)),
		ExpectError: words(`Unusable trusted identities`),
	})
}

// minimum_version refuses an older manifesto and a missing one, with verification and without.
func TestAccMinimumVersion(t *testing.T) {
	t.Parallel()
	w := newTrusted(t, registrytest.Olareg)
	empty := dataConfig("manifesto_metadata", w.ref(":1"), some1+"\noptional = true\n%s")
	nothing := func(more string) string { return fmt.Sprintf(empty, more) }
	missing := words(`Manifesto rolled back.*minimum_version.*the repository has no manifesto, and at least 1 is asked`)
	acceptance(t,
		resource.TestStep{
			Config: w.reading(nothing("")),
			ConfigStateChecks: []statecheck.StateCheck{
				found("exists", knownvalue.Bool(false)), found("verified", knownvalue.Bool(false)),
				found("version", knownvalue.Null()),
				found("verification_error", knownvalue.StringRegexp(words(`has no manifesto`))),
			},
		},
		resource.TestStep{Config: w.reading(nothing("minimum_version = 1")), ExpectError: missing},
		resource.TestStep{Config: nothing("minimum_version = 1"), ExpectError: missing},
		resource.TestStep{Config: w.repository("minimum_version = 1"), ExpectError: missing},
		resource.TestStep{Config: nothing("minimum_version = 0"), ExpectError: words(`must be at least 1`)},
		resource.TestStep{
			PreConfig: func() { w.putSigned(w.release, "t", "x"); w.putSigned(w.release, "t", "y") },
			Config:    w.lookup(some1 + "\nminimum_version = 2"),
			ConfigStateChecks: []statecheck.StateCheck{
				found("content", knownvalue.StringExact("y")), found("version", knownvalue.Int64Exact(2)),
			},
		},
		resource.TestStep{
			Config: w.reading(w.lookup(some1 + "\nminimum_version = 3")),
			ExpectError: words(`Manifesto rolled back.*minimum_version = 3.*is older than it must be: it has the number 2, ` +
				`and at least 3 is asked for`),
		},
		resource.TestStep{ // It does not depend on whether signatures are required.
			Config:      w.lookup(some1 + "\nminimum_version = 3\n" + trusting(w.theirs, leniently)),
			ExpectError: words(`Manifesto rolled back`),
		},
		resource.TestStep{Config: w.list("minimum_version = 3"), ExpectError: words(`Manifesto rolled back`)},
	)
}

// A manifesto that was signed for another repository is refused.
func TestAccManifestoOfAnotherRepository(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			w.putSigned(w.release, "t", "x")
			replayed := w.replay("elsewhere")
			acceptance(t,
				resource.TestStep{
					Config:      w.reading(dataConfig("manifesto_metadata", replayed, some1)),
					ExpectError: words(`Manifesto of another repository.*is signed for another repository: .*/app`),
				},
				resource.TestStep{
					Config:      w.reading(dataConfig("manifesto_image", replayed, "")),
					ExpectError: words(`Manifesto of another repository`),
				},
			)
		})
	}
}

// replay copies the image, the manifesto and the signatures of both to another repository. It returns the image there.
func (w *world) replay(path string) string {
	w.t.Helper()
	ctx := context.Background()
	target := w.open(path)
	digest, err := registrytest.PushImage(ctx, target, "1", "one")
	if err != nil || digest != w.image {
		w.t.Fatalf("the image is %s, %v", digest, err)
	}
	current, err := w.remote.GetManifest(ctx, format.Tag)
	if err != nil {
		w.t.Fatal(err)
	}
	artifact, err := w.remote.GetManifest(ctx, w.entry("t").Artifact.Digest.String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.copyBlobs(target, current, artifact)
	if err = target.PutManifest(ctx, format.Tag, current, time.Time{}); err == nil {
		err = target.Attach(ctx, artifact)
	}
	for _, subject := range []oci.Digest{current.Digest, artifact.Digest} {
		listed, listErr := w.remote.Referrers(ctx, subject)
		if err != nil || listErr != nil {
			w.t.Fatal(err, listErr)
		}
		for _, entry := range listed {
			m, getErr := w.remote.GetManifest(ctx, entry.Digest.String())
			if getErr != nil {
				w.t.Fatal(getErr)
			}
			w.copyBlobs(target, m)
			err = target.Attach(ctx, m)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return w.server.Host() + "/" + path + ":1"
}

// copyBlobs copies what manifests name to another repository.
func (w *world) copyBlobs(target *registry.Repository, manifests ...oci.Manifest) {
	w.t.Helper()
	for _, m := range manifests {
		var named struct {
			Config oci.Descriptor   `json:"config"`
			Layers []oci.Descriptor `json:"layers"`
		}
		if err := json.Unmarshal(m.Content, &named); err != nil {
			w.t.Fatal(err)
		}
		for _, blob := range append(named.Layers, named.Config) {
			content, err := w.remote.GetBlob(context.Background(), blob.Digest, format.MaxContent)
			if err == nil {
				_, err = target.PutBlob(context.Background(), content)
			}
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// The data sources that list several pieces return none that is not signed, and verify what their filters depend on.
func TestAccVerifiedLists(t *testing.T) {
	t.Parallel()
	for _, kind := range signatureKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newTrusted(t, kind)
			w.put("contact", "me")
			w.putSigned(w.release, "t", "yes")
			inList := func(typ, attribute string, value knownvalue.Check) statecheck.StateCheck {
				at := tfjsonpath.New("metadata").AtMapKey(typ).AtMapKey(attribute)
				return statecheck.ExpectKnownValue("data.manifesto_image.test", at, value)
			}
			ofList := func(attribute string, value knownvalue.Check) statecheck.StateCheck {
				return statecheck.ExpectKnownValue("data.manifesto_image.test", tfjsonpath.New(attribute), value)
			}
			release := knownvalue.StringRegexp(words("CN=release"))
			refused := words(`Metadata not signed.*Metadata "contact" of image .*no artifact.*in include_types`)
			artifact := knownvalue.StringExact(w.entry("t").Artifact.Digest.String())
			acceptance(t,
				resource.TestStep{Config: w.reading(w.list("")), ExpectError: refused},
				resource.TestStep{
					Config: w.reading(w.list("include_types = [\"t\"]\ninclude_content = true")),
					ConfigStateChecks: []statecheck.StateCheck{
						ofList("verified", knownvalue.Bool(true)), ofList("signed_by", release),
						ofList("signed_at", knownvalue.NotNull()), ofList("version", knownvalue.Int64Exact(2)),
						ofList("verification_error", knownvalue.Null()),
						inList("t", "verified", knownvalue.Bool(true)), inList("t", "signed_by", release),
						inList("t", "signed_at", knownvalue.NotNull()), inList("t", "content", knownvalue.StringExact("yes")),
						inList("t", "artifact_type", knownvalue.StringExact(format.DefaultArtifactType("t"))),
						inList("t", "artifact_digest", artifact),
					},
				},
				resource.TestStep{
					Config: w.list(trusting(w.ours, leniently)),
					ConfigStateChecks: []statecheck.StateCheck{
						ofList("verified", knownvalue.Bool(false)),
						ofList("verification_error", knownvalue.StringRegexp(words(`Metadata "contact" of image .* not signed`))),
						inList("t", "verified", knownvalue.Bool(true)), inList("contact", "verified", knownvalue.Bool(false)),
						inList("contact", "signed_by", knownvalue.Null()), inList("contact", "artifact_type", knownvalue.Null()),
					},
				},
			)
			acceptance(t,
				resource.TestStep{
					Config:      w.reading(w.repository("")),
					ExpectError: words(`Metadata not signed.*Metadata "contact" of image .*no artifact.*in type or types`),
				},
				resource.TestStep{ // An approval that nobody has signed must not take an image off the list.
					Config:      w.reading(w.repository("types = []\nlacks_type = \"contact\"")),
					ExpectError: words(`Metadata not signed.*Metadata "contact" of image`),
				},
				resource.TestStep{
					Config: w.reading(w.repository("type = \"t\"\nhas_type = \"t\"\ninclude_content = true")),
					ConfigStateChecks: []statecheck.StateCheck{
						inRepository("verified", knownvalue.Bool(true)), inRepository("signed_by", release),
						inRepository("signed_at", knownvalue.NotNull()), inRepository("version", knownvalue.Int64Exact(2)),
						inEntry(w.image, "t", "verified", knownvalue.Bool(true)), inEntry(w.image, "t", "signed_by", release),
						inEntry(w.image, "t", "signed_at", knownvalue.NotNull()), inEntry(w.image, "t", "artifact_digest", artifact),
						inEntry(w.image, "t", "content", knownvalue.StringExact("yes")),
					},
				},
				resource.TestStep{
					Config: w.repository(trusting(w.ours, leniently)),
					ConfigStateChecks: []statecheck.StateCheck{
						inRepository("verified", knownvalue.Bool(false)),
						inRepository("verification_error", knownvalue.StringRegexp(words(`Metadata "contact" of image`))),
						inEntry(w.image, "t", "verified", knownvalue.Bool(true)),
						inEntry(w.image, "contact", "verified", knownvalue.Bool(false)),
					},
				},
				resource.TestStep{
					Config: w.repository(""),
					ConfigStateChecks: []statecheck.StateCheck{
						inRepository("verified", knownvalue.Bool(false)), inRepository("verification_error", knownvalue.Null()),
						inEntry(w.image, "t", "verified", knownvalue.Bool(false)), inEntry(w.image, "t", "artifact_digest", artifact),
					},
				},
				resource.TestStep{
					PreConfig:   func() { w.remove("contact") },
					Config:      w.reading(w.repository("types = []")),
					ExpectError: words(`Metadata not signed.*The manifesto sha256:.*: not signed`),
				},
				resource.TestStep{Config: w.reading(w.list("")), ExpectError: words(`Metadata not signed.*The manifesto`)},
			)
		})
	}
}

// The ephemeral resource verifies as the data source does.
func TestAccVerifiedEphemeral(t *testing.T) {
	t.Parallel()
	w := newTrusted(t, registrytest.Olareg)
	w.putSigned(w.release, "t", "yes")
	// Each is a run of its own: the destroy at the end of one opens the ephemeral resource again.
	ephemeralAcceptance(t, resource.TestStep{
		Config: w.reading(w.echoed(some1)),
		ConfigStateChecks: []statecheck.StateCheck{
			foundEphemeral("content", knownvalue.StringExact("yes")), foundEphemeral("verified", knownvalue.Bool(true)),
			foundEphemeral("signed_by", knownvalue.StringRegexp(words("CN=release"))),
			foundEphemeral("version", knownvalue.Int64Exact(1)),
		},
	})
	ephemeralAcceptance(t, resource.TestStep{
		Config: w.echoed(some1 + "\n" + trusting(w.theirs, leniently)),
		ConfigStateChecks: []statecheck.StateCheck{
			foundEphemeral("content", knownvalue.StringExact("yes")), foundEphemeral("verified", knownvalue.Bool(false)),
			foundEphemeral("verification_error", knownvalue.StringRegexp(words("CN=release"))),
		},
	})
	ephemeralAcceptance(t, resource.TestStep{
		Config:      w.reading(w.echoed(some1 + "\n" + trusting(w.theirs, ""))),
		ExpectError: words(`Signature not to be trusted.*CN=release`),
	})
	w.remove("t")
	ephemeralAcceptance(t, resource.TestStep{
		Config:      w.reading(w.echoed(some1 + "\noptional = true")),
		ExpectError: words(`Metadata not signed.*The manifesto`),
	})
}

// terraform query lists what trusted signers have signed, and fails on the rest.
func TestCLIVerifiedQuery(t *testing.T) {
	t.Parallel()
	c := newCommandLine(t)
	if !c.canQuery() {
		t.Skip("terraform query needs Terraform 1.14")
	}
	w := newTrusted(t, registrytest.Olareg)
	w.put("contact", "me")
	w.putSigned(w.release, "t", "yes")
	query := func(typ string) string {
		return fmt.Sprintf(`
			list "manifesto_metadata" "all" {
				provider         = manifesto
				include_resource = true
				config {
					repository = %q
					type       = %q
					%s
				}
			}`, w.ref(""), typ, trusting(w.ours, ""))
	}
	c.write("main.tf", requirement)
	c.write("all.tfquery.hcl", query("t"))
	if output := c.terraform("query"); strings.Count(output, "list.manifesto_metadata.all") != 1 {
		t.Errorf("the query lists\n%s", output)
	}
	c.write("all.tfquery.hcl", query("contact"))
	output, code := c.run(c.tool, "query")
	if code == 0 || !words(`Metadata not signed.*Metadata "contact" of image .*no artifact`).MatchString(output) {
		t.Errorf("the query of what is not signed: exit code %d\n%s", code, output)
	}
}
