package manifesto

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// pen signs with a name in place of a key. What it writes must not be trusted outside of tests.
type pen struct {
	name string
	made atomic.Int64
}

// statement is the envelope of a pen.
type statement struct {
	Target oci.Descriptor `json:"target"`
	By     string         `json:"by"`
	Number int64          `json:"number"`
}

func (p *pen) Sign(_ context.Context, target oci.Descriptor) (signing.Signature, error) {
	envelope, err := json.Marshal(statement{target, p.name, p.made.Add(1)})
	return signing.Signature{
		Claims:   signing.Claims{Signer: p.name, SignedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		Envelope: envelope, MediaType: signing.MediaTypeJWS, Thumbprints: []string{"00"},
	}, err
}

// reader trusts what the pen of a name has signed.
type reader struct{ trusts string }

func (r *reader) Verify(
	ctx context.Context, source signing.Source, target oci.Descriptor,
) (signing.Verdict, error) {
	var verdict signing.Verdict
	listed, err := source.Referrers(ctx, target.Digest)
	if err != nil {
		return verdict, err
	}
	for _, entry := range listed {
		found, ok, err := r.look(ctx, source, entry.Digest, target)
		switch {
		case err != nil:
			return verdict, err
		case ok && found.Reason == nil:
			verdict.Good = &found
			return verdict, nil
		case ok:
			verdict.Refused = append(verdict.Refused, found)
		}
	}
	return verdict, nil
}

// look reads one signature. It reports false for what is none.
func (r *reader) look(
	ctx context.Context, source signing.Source, digest oci.Digest, target oci.Descriptor,
) (found signing.Found, ok bool, err error) {
	m, err := source.GetManifest(ctx, digest.String())
	if err != nil {
		return found, false, err
	}
	referrer, _ := oci.ParseReferrer(m, target.Digest) // What is malformed has no layer.
	if referrer.Layer == nil || referrer.ArtifactType != signing.ArtifactType {
		return found, false, nil
	}
	envelope, err := source.GetBlob(ctx, referrer.Layer.Digest, 1<<20)
	if err != nil {
		return found, false, err
	}
	var said statement
	_ = json.Unmarshal(envelope, &said) // What is malformed is signed by nobody.
	found = signing.Found{Claims: signing.Claims{Signer: said.By}, Digest: digest}
	switch {
	case said.By != r.trusts:
		found.Reason = fmt.Errorf("%s is not %s", said.By, r.trusts)
	case said.Target.Digest != target.Digest || said.Target.Size != target.Size:
		found.Reason = errors.New("it is of something else")
	}
	return found, true, nil
}

var (
	alice      = &reader{"alice"}
	approvalV1 = format.DefaultArtifactType("approval")
)

// attachedTo returns what is attached to a manifest, as the artifact types say that its manifests have.
func (f *fixture) attachedTo(t *testing.T, subject oci.Digest) []string {
	t.Helper()
	listed, err := f.remote.Referrers(context.Background(), subject)
	if err != nil {
		t.Fatal(err)
	}
	types := []string{}
	for _, entry := range listed {
		m, err := f.remote.GetManifest(context.Background(), entry.Digest.String())
		if err != nil {
			t.Fatalf("%s is listed: %v", entry.Digest, err)
		}
		referrer, err := oci.ParseReferrer(m, subject)
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, referrer.ArtifactType)
	}
	slices.Sort(types)
	return types
}

func (f *fixture) mustPublish(t *testing.T, s *Store, put Put) Result {
	t.Helper()
	put.Repository, put.Image, put.MediaType = f.remote.Repository(), f.image, "text/plain"
	result, err := s.Put(context.Background(), put)
	if err != nil {
		t.Fatalf("Put(%s): %v", put.Type, err)
	}
	for _, left := range result.Leftover {
		t.Errorf("left: %+v", left)
	}
	return result
}

func forEachKind(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	for _, kind := range registrytest.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t, kind))
		})
	}
}

// A piece is attached to its image, and what replaces it takes it away.
func TestPublish(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		key := f.key("approval")
		put := Put{Key: key, Content: []byte("yes"), ArtifactType: "application/vnd.example.approval"}
		f.mustPublish(t, f.run(t), put)
		if got := f.attachedTo(t, f.image); !slices.Equal(got, []string{"application/vnd.example.approval"}) {
			t.Fatalf("attached: %q", got)
		}
		piece, err := f.run(t).Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		want, ok := format.ArtifactOf(f.image, piece.Entry)
		stored, err := f.remote.GetManifest(ctx, piece.Artifact.Digest.String())
		if err != nil || !ok || string(stored.Content) != string(want.Content) {
			t.Errorf("the artifact is %s (%v), want %s (%t)", stored.Content, err, want.Content, ok)
		}

		again := f.mustPublish(t, f.run(t), put) // As after a run that was killed.
		if again.Artifact != piece.Artifact {
			t.Errorf("the artifact is now %+v, was %+v", again.Artifact, piece.Artifact)
		}
	})
}

// Another content, another type and a removal take the artifact away that was there before.
func TestSupersededArtifacts(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		key := f.key("approval")
		put := Put{Key: key, Content: []byte("yes"), ArtifactType: "application/vnd.example.approval"}
		piece := f.mustPublish(t, f.run(t), put)
		put.Update, put.Expected, put.Content = true, piece.Digest, []byte("no")
		updated := f.mustPublish(t, f.run(t), put)
		if got := f.attachedTo(t, f.image); len(got) != 1 || updated.Artifact.Digest == piece.Artifact.Digest {
			t.Errorf("attached after the update: %q", got)
		}
		put.Expected, put.Content, put.ArtifactType = updated.Digest, nil, "application/vnd.example.refusal"
		if f.mustPublish(t, f.run(t), put); !slices.Equal(f.attachedTo(t, f.image), []string{put.ArtifactType}) {
			t.Errorf("attached after the change of type: %q", f.attachedTo(t, f.image))
		}
		removed, err := f.run(t).Delete(ctx, Removal{Key: key, Expected: updated.Digest})
		if got := f.attachedTo(t, f.image); err != nil || len(got) != 0 || len(removed.Leftover) != 0 {
			t.Errorf("attached after the removal: %q, %+v, %v", got, removed, err)
		}
	})
}

// Artifact and manifesto are signed before the tag names them, and superseded signatures go.
func TestSign(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		key := f.key("approval")
		signed := Options{Signer: &pen{name: "alice"}}
		put := Put{Key: key, Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
		first := f.mustPublish(t, f.runWith(t, signed), put)
		if first.Signature.Digest == "" || first.Signature.Signer != "alice" {
			t.Errorf("the signature is %+v", first.Signature)
		}
		one := f.version(t)
		verified, err := f.run(t).Verify(ctx, key, Demand{Verifier: alice})
		if err != nil || verified.Reason != nil || verified.Number != 1 || verified.Digest != one.digest ||
			verified.Signature.Digest != first.Signature.Digest || verified.Entry.Digest != first.Digest {
			t.Fatalf("Verify = %+v, %v", verified, err)
		}

		f.mustPublish(t, f.runWith(t, signed), Put{Key: f.key("contact"), Content: []byte("us")})
		two := f.version(t)
		if got := f.attachedTo(t, one.digest); len(got) != 0 {
			t.Errorf("the manifesto that was replaced still has %q", got)
		}
		if got := f.attachedTo(t, two.digest); !slices.Equal(got, []string{signing.ArtifactType}) {
			t.Errorf("the manifesto has %q", got)
		}
	})
}

// A signature that is made again replaces the one before, and goes with its piece.
func TestSignAgain(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		key := f.key("approval")
		signed := Options{Signer: &pen{name: "alice"}}
		put := Put{Key: key, Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
		first := f.mustPublish(t, f.runWith(t, signed), put)
		put.Update, put.SignAgain, put.Expected = true, true, first.Digest
		put.ReplacedSignature = first.Signature.Digest
		again := f.mustPublish(t, f.runWith(t, signed), put)
		if v := f.version(t); v.Number != 2 || again.Signature.Digest == first.Signature.Digest {
			t.Errorf("after signing again the manifesto has the number %d", v.Number)
		}
		if got := f.attachedTo(t, first.Artifact.Digest); !slices.Equal(got, []string{signing.ArtifactType}) {
			t.Errorf("the artifact has %q", got)
		}
		if _, err := f.runWith(t, signed).Delete(ctx, Removal{Key: key, Expected: first.Digest}); err != nil {
			t.Fatal(err)
		}
		for _, subject := range []oci.Digest{f.image, first.Artifact.Digest} {
			if got := f.attachedTo(t, subject); len(got) != 0 {
				t.Errorf("after the removal %s still has %q", subject, got)
			}
		}
	})
}

// An artifact that is not to be signed any more stays, without its signatures. Signing it in the same run counts.
func TestSignOff(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		signed := Options{Signer: &pen{name: "alice"}}
		put := Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
		first := f.mustPublish(t, f.runWith(t, signed), put)
		put.Update, put.SignAgain, put.Expected, put.Sign = true, true, first.Digest, false
		run := f.runWith(t, signed)
		if off := f.mustPublish(t, run, put); off.Artifact != first.Artifact || off.Signature.Digest != "" {
			t.Errorf("without a signature: %+v, want the artifact %+v", off, first.Artifact)
		}
		if got := f.attachedTo(t, f.image); !slices.Equal(got, []string{approvalV1}) {
			t.Errorf("the image has %q", got)
		}
		if got := f.attachedTo(t, first.Artifact.Digest); len(got) != 0 {
			t.Errorf("the artifact has %q", got)
		}
		if got := f.attachedTo(t, f.version(t).digest); !slices.Equal(got, []string{signing.ArtifactType}) {
			t.Errorf("the manifesto has %q", got)
		}
		put.Sign = true
		f.mustPublish(t, run, put)
		if got := f.attachedTo(t, first.Artifact.Digest); !slices.Equal(got, []string{signing.ArtifactType}) {
			t.Errorf("the artifact that is signed again has %q", got)
		}
	})
}

// A registry that deletes nothing keeps a signature, and the change says so.
func TestSignOffLeftover(t *testing.T) {
	t.Parallel()
	f := newFixture(t, registrytest.Olareg)
	signed := Options{Signer: &pen{name: "alice"}}
	put := Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
	first := f.mustPublish(t, f.runWith(t, signed), put)
	f.refuseDeletes()
	put.Update, put.SignAgain, put.Expected, put.Sign, put.MediaType = true, true, first.Digest, false, first.MediaType
	off, err := f.runWith(t, signed).Put(context.Background(), put)
	if err != nil || len(off.Leftover) != 1 || !off.Leftover[0].Signatures ||
		off.Leftover[0].Artifact != first.Artifact.Digest || !errors.Is(off.Leftover[0].Reason, oci.ErrDeleteRefused) {
		t.Errorf("Put = %+v, %v", off, err)
	}
}

// Without a key nothing is stored as signed.
func TestSignWithoutSigner(t *testing.T) {
	t.Parallel()
	f := newFixture(t, registrytest.Olareg)
	_, err := f.run(t).Put(context.Background(),
		Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true})
	if !errors.Is(err, ErrNoSigner) || f.server.Count("PUT", "/manifests/") != 0 {
		t.Errorf("Put = %v", err)
	}
}

// tampered stores a manifesto that a forger has made from the current one, with whatever signatures it can get.
func (f *fixture) tamper(t *testing.T, change func(doc *format.Document)) {
	t.Helper()
	v := f.version(t)
	doc := v.doc.Clone()
	change(doc)
	f.store(t, doc, v.Header)
}

// store puts a document under the tag, as someone who can push does.
func (f *fixture) store(t *testing.T, doc *format.Document, header format.Header) {
	t.Helper()
	image, err := format.NewImage(doc.Render())
	if err != nil {
		t.Fatal(err)
	}
	f.blob(t, string(image.Layer))
	f.blob(t, string(image.Config))
	m, err := image.Manifest(f.remote.Repository(), header)
	if err == nil {
		err = f.remote.PutManifest(context.Background(), format.Tag, m, time.Time{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// seal signs what the tag holds.
func (f *fixture) seal(t *testing.T, name string) {
	t.Helper()
	p := &publisher{
		name: f.remote.Repository(), repository: f.remote, signer: &pen{name: name},
		log: f.run(t).committer(f.remote.Repository()).log,
	}
	m, err := f.remote.GetManifest(context.Background(), format.Tag)
	if err == nil {
		_, err = p.sign(context.Background(), m, false)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// elsewhere puts the manifesto under the tag as alice has signed it for another repository. It returns its digest.
func (f *fixture) elsewhere(t *testing.T) oci.Digest {
	t.Helper()
	v := f.version(t)
	image, err := format.NewImage(v.doc.Render())
	if err != nil {
		t.Fatal(err)
	}
	f.blob(t, string(image.Layer))
	f.blob(t, string(image.Config))
	name, err := oci.ParseRepository("example.com/other/app", "")
	if err != nil {
		t.Fatal(err)
	}
	m, err := image.Manifest(name, v.Header)
	if err == nil {
		err = f.remote.PutManifest(context.Background(), format.Tag, m, time.Time{})
	}
	if err != nil {
		t.Fatal(err)
	}
	f.seal(t, "alice")
	return m.Digest
}

// Whoever can push and has no key makes readers refuse, and never makes them believe.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		attack func(t *testing.T, f *fixture)
		demand Demand
		want   error
		says   string
	}{
		{name: "tampered content", want: signing.ErrUnsigned, attack: func(t *testing.T, f *fixture) {
			f.tamper(t, func(doc *format.Document) {
				entry, _ := doc.Lookup(f.image, "approval")
				entry.Digest, entry.Size = f.blob(t, "never"), 5
				doc.Set(f.image, entry)
			})
		}},
		{name: "tampered content in a manifesto that is signed", want: ErrChangedUnsigned, says: "another tool",
			attack: func(t *testing.T, f *fixture) {
				f.tamper(t, func(doc *format.Document) {
					entry, _ := doc.Lookup(f.image, "approval")
					entry.Digest, entry.Size = f.blob(t, "never"), 5
					doc.Set(f.image, entry)
				})
				f.seal(t, "alice")
			}},
		{name: "an artifact of the tampered content that nobody signed", want: signing.ErrUnsigned,
			attack: func(t *testing.T, f *fixture) {
				f.tamper(t, func(doc *format.Document) { f.replace(t, doc, f.image, "approval", "never") })
				f.seal(t, "alice")
			}},
		{name: "a stripped signature", want: signing.ErrUnsigned, says: "artifact", attack: func(t *testing.T, f *fixture) {
			entry, _ := f.version(t).doc.Lookup(f.image, "approval")
			f.strip(t, entry.Artifact.Digest)
		}},
		{name: "a stripped signature of the manifesto", want: signing.ErrUnsigned, says: "manifesto",
			attack: func(t *testing.T, f *fixture) { f.strip(t, f.version(t).digest) }},
		{name: "another signer", want: signing.ErrUntrusted, says: "mallory is not alice",
			attack: func(t *testing.T, f *fixture) {
				f.tamper(t, func(doc *format.Document) { f.replace(t, doc, f.image, "approval", "never") })
				f.seal(t, "mallory")
			}},
		{name: "an older manifesto", want: ErrRolledBack, says: "2 was seen", demand: Demand{Floor: Floor{Number: 2}}},
		{name: "a manifesto below the minimum", want: ErrRolledBack, says: "at least 5", demand: Demand{Minimum: 5}},
		{name: "a fork", want: ErrForked, demand: Demand{Floor: Floor{Number: 1, Digest: dig("f")}}},
		{name: "a manifesto of another repository", want: ErrOtherRepository, says: "other/app",
			attack: func(t *testing.T, f *fixture) { f.elsewhere(t) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, f *fixture) {
				put := Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
				f.mustPublish(t, f.runWith(t, Options{Signer: &pen{name: "alice"}}), put)
				if test.attack != nil {
					test.attack(t, f)
				}
				demand := test.demand
				demand.Verifier = alice
				verified, err := f.runWith(t, Options{Settle: time.Millisecond}).Verify(
					context.Background(), f.key("approval"), demand)
				if err != nil || !errors.Is(verified.Reason, test.want) ||
					!strings.Contains(fmt.Sprint(verified.Reason), test.says) {
					t.Errorf("Verify = %v, %v; want %v with %q", verified.Reason, err, test.want, test.says)
				}
			})
		})
	}
}

// replace makes an entry, and the artifact that it names, say something else.
func (f *fixture) replace(t *testing.T, doc *format.Document, image oci.Digest, typ, content string) {
	t.Helper()
	entry, _ := doc.Lookup(image, typ)
	entry.Type, entry.Digest, entry.Size = typ, f.blob(t, content), int64(len(content))
	described, err := f.remote.DescribeManifest(context.Background(), image.String())
	if err != nil {
		t.Fatal(err)
	}
	artifact, m, err := format.NewArtifact(described, approvalV1, entry)
	if err == nil {
		err = f.remote.Attach(context.Background(), m)
	}
	if err != nil {
		t.Fatal(err)
	}
	entry.Artifact = artifact
	doc.Set(image, entry)
}

// strip removes the signatures of a manifest.
func (f *fixture) strip(t *testing.T, subject oci.Digest) {
	t.Helper()
	if err := f.run(t).committer(f.remote.Repository()).detachSignatures(context.Background(), subject); err != nil {
		t.Fatal(err)
	}
}

// A signed approval counts for its image and its type only, even in a manifesto that is signed: whoever could move it
// there needs no key.
func TestVerifyBindsImageAndType(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		other := f.server.Image(t, "app", "2", "two")
		signed := Options{Signer: &pen{name: "alice"}}
		first := f.mustPublish(t, f.runWith(t, signed),
			Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true})
		f.tamper(t, func(doc *format.Document) {
			entry := first.Entry
			doc.Set(other, entry) // An approval of image A under image B.
			entry.Type = "exception"
			doc.Set(f.image, entry)
		})
		f.seal(t, "alice")
		for _, key := range []Key{{f.remote.Repository(), other, "approval"}, f.key("exception")} {
			verified, err := f.run(t).Verify(ctx, key, Demand{Verifier: alice})
			if err != nil || !errors.Is(verified.Reason, ErrChangedUnsigned) {
				t.Errorf("Verify(%s) = %v, %v", key, verified.Reason, err)
			}
		}
	})
}

// A revoked approval that someone attaches again is in no manifesto.
func TestRevokedApproval(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		key := f.key("approval")
		signed := Options{Signer: &pen{name: "alice"}}
		put := f.mustPublish(t, f.runWith(t, signed),
			Put{Key: key, Content: []byte("yes"), ArtifactType: approvalV1, Sign: true})
		kept, ok := format.ArtifactOf(f.image, put.Entry)
		if !ok {
			t.Fatal("no artifact")
		}
		if _, err := f.runWith(t, signed).Delete(ctx, Removal{Key: key, Expected: put.Digest}); err != nil {
			t.Fatal(err)
		}
		f.attachSigned(t, kept, signed.Signer)
		if got := f.attachedTo(t, kept.Digest); !slices.Equal(got, []string{signing.ArtifactType}) {
			t.Fatalf("the approval that is attached again has %q", got)
		}
		verified, err := f.run(t).Verify(ctx, key, Demand{Verifier: alice})
		if !errors.Is(err, ErrNoEntry) || verified.Reason != nil || verified.Number != 2 {
			t.Errorf("Verify = %+v, %v", verified, err)
		}
	})
}

// attachSigned attaches an artifact with a signature, as somebody does who has kept both.
func (f *fixture) attachSigned(t *testing.T, artifact oci.Manifest, signer signing.Signer) {
	t.Helper()
	ctx := context.Background()
	made, err := signer.Sign(ctx, artifact.Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	stored, err := made.Manifest(artifact.Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	f.blob(t, string(made.Envelope))
	for _, m := range []oci.Manifest{artifact, stored} {
		if err = f.remote.Attach(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
}

// refuseDeletes makes the registry delete nothing.
func (f *fixture) refuseDeletes() {
	f.server.Intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method != http.MethodDelete {
			return false
		}
		registrytest.Refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "deletion is off")
		return true
	})
}

// A registry that deletes nothing leaves the artifact, and says so; the change is stored all the same.
func TestLeftover(t *testing.T) {
	t.Parallel()
	f := newFixture(t, registrytest.Olareg)
	key := f.key("approval")
	put := Put{Key: key, Content: []byte("yes"), ArtifactType: approvalV1}
	first := f.mustPublish(t, f.run(t), put)
	f.refuseDeletes()
	removed, err := f.run(t).Delete(context.Background(), Removal{Key: key, Expected: first.Digest})
	if err != nil || len(removed.Leftover) != 1 || removed.Leftover[0].Artifact != first.Artifact.Digest ||
		!errors.Is(removed.Leftover[0].Reason, oci.ErrDeleteRefused) {
		t.Errorf("Delete = %+v, %v", removed, err)
	}
}

// What a run that was killed has attached goes with the next change of the same piece. Artifacts of other pieces and of
// other tools stay.
func TestOrphans(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		described, err := f.remote.DescribeManifest(ctx, f.image.String())
		if err != nil {
			t.Fatal(err)
		}
		f.blob(t, "{}")
		for _, typ := range []string{"approval", "contact"} {
			entry := format.Entry{Type: typ, Digest: f.blob(t, "killed"), Size: 6}
			var m oci.Manifest
			_, m, err = format.NewArtifact(described, "application/vnd.example."+typ, entry)
			if err == nil {
				err = f.remote.Attach(ctx, m)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		foreign := registrytest.Artifact{Type: "application/foreign"}
		if _, err = registrytest.Attach(ctx, f.remote, f.image, foreign); err != nil {
			t.Fatal(err)
		}
		put := Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: "application/vnd.example.yes"}
		f.mustPublish(t, f.run(t), put)
		want := []string{"application/foreign", "application/vnd.example.contact", "application/vnd.example.yes"}
		if got := f.attachedTo(t, f.image); !slices.Equal(got, want) {
			t.Errorf("attached: %q, want %q", got, want)
		}
	})
}

// listed is a repository in which something happens after the next list of an image's referrers.
type listed struct {
	Repository
	then func()
}

func (r *listed) Referrers(ctx context.Context, subject oci.Digest) ([]oci.ListedReferrer, error) {
	found, err := r.Repository.Referrers(ctx, subject)
	if then := r.then; then != nil {
		r.then = nil
		then()
	}
	return found, err
}

// An artifact that looks like an orphan stays if a rival, which has attached it before, names it a moment later.
func TestArtifactOfRivalStays(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		described, err := f.remote.DescribeManifest(ctx, f.image.String())
		if err != nil {
			t.Fatal(err)
		}
		f.blob(t, "{}")
		entry := format.Entry{Type: "approval", Digest: f.blob(t, "theirs"), Size: 6}
		artifact, m, err := format.NewArtifact(described, "application/vnd.example.theirs", entry)
		if err == nil {
			err = f.remote.Attach(ctx, m)
		}
		if err != nil {
			t.Fatal(err)
		}
		entry.Artifact = artifact
		remote := &listed{f.remote, func() {
			v := f.version(t)
			doc := v.doc.Clone()
			doc.Set(f.image, entry)
			f.store(t, doc, format.Header{Number: v.Number + 1, Ancestors: []oci.Digest{v.digest}})
		}}
		s := NewStore(func(oci.Repository) Repository { return remote }, Options{Settle: time.Millisecond})
		put := Put{
			Key: f.key("approval"), Content: []byte("ours"), ArtifactType: "application/vnd.example.ours",
		}
		f.mustPublish(t, s, put)
		if got := f.attachedTo(t, f.image); !slices.Contains(got, "application/vnd.example.theirs") {
			t.Errorf("attached: %q", got)
		}
	})
}

// What a run has stored itself verifies in the same run, without reading it again.
func TestVerifyInTheSameRun(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		s := f.runWith(t, Options{Signer: &pen{name: "alice"}})
		for _, typ := range []string{"approval", "contact"} {
			put := Put{Key: f.key(typ), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
			f.mustPublish(t, s, put)
			verified, err := s.Verify(context.Background(), put.Key, Demand{Verifier: alice})
			if err != nil || verified.Reason != nil || verified.Signature.Digest == "" {
				t.Errorf("Verify(%s) = %+v, %v", typ, verified, err)
			}
		}
	})
}
