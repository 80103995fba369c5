package manifesto

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// signsAndVerifies are the options of a run of alice that verifies what it builds upon.
func signsAndVerifies() Options { return Options{Signer: &pen{name: "alice"}, Verifier: alice} }

// publishTwice stores an approval and revokes it. It returns the manifesto that had it, whose signature somebody has
// kept.
func (f *fixture) publishTwice(t *testing.T) oci.Manifest {
	t.Helper()
	ctx := context.Background()
	put := f.mustPublish(t, f.runWith(t, signsAndVerifies()),
		Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true})
	kept, err := f.remote.GetManifest(ctx, format.Tag)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.runWith(t, signsAndVerifies()).Delete(ctx, Removal{Key: f.key("approval"), Expected: put.Digest})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// A signer does not build upon an older manifesto than it has seen, although that is signed, too. If it must, the
// number grows all the same.
func TestSignerRefusesOlderBase(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		kept := f.publishTwice(t)
		if err := f.remote.PutManifest(ctx, format.Tag, kept, time.Time{}); err != nil {
			t.Fatal(err)
		}
		f.seal(t, "alice")
		note := Put{Key: f.key("note"), Content: []byte("x"), Floor: 2}
		f.server.Reset()
		_, err := f.runWith(t, signsAndVerifies()).Put(ctx, note)
		stale, ok := errors.AsType[*StaleError](err)
		if !errors.Is(err, ErrRolledBack) || !ok || stale.Digest != kept.Digest {
			t.Errorf("Put = %v", err)
		}
		_, err = f.runWith(t, signsAndVerifies()).Delete(ctx, Removal{Key: f.key("approval"), Floor: 2})
		if !errors.Is(err, ErrRolledBack) {
			t.Errorf("Delete = %v", err)
		}
		if n := f.server.Count("PUT", "/manifests/"); n != 0 {
			t.Errorf("%d manifests were put", n)
		}
		accepts := signsAndVerifies()
		accepts.Accepted = kept.Digest
		if result := f.mustPublish(t, f.runWith(t, accepts), note); result.Number != 3 || result.Unverified != nil {
			t.Errorf("the number is %d, unverified: %v", result.Number, result.Unverified)
		}
	})
}

// A signer does not sign what was signed for another repository, unless it is told to.
func TestSignerRefusesBaseOfAnotherRepository(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		m := f.elsewhere(t)
		note := Put{Key: f.key("note"), Content: []byte("x")}
		_, err := f.runWith(t, signsAndVerifies()).Put(context.Background(), note)
		if stale, ok := errors.AsType[*StaleError](err); !errors.Is(err, ErrOtherRepository) || !ok || stale.Digest != m {
			t.Errorf("Put = %v", err)
		}
		accepts := signsAndVerifies()
		accepts.Accepted = m
		f.mustPublish(t, f.runWith(t, accepts), note)
		verified, err := f.run(t).Verify(context.Background(), f.key("note"), Demand{Verifier: alice})
		if err != nil || !errors.Is(verified.Reason, signing.ErrUnsigned) { // The note itself has no artifact.
			t.Errorf("Verify = %+v, %v", verified, err)
		}
	})
}

// A signer says that it has built upon what nobody to be trusted has signed, and does not follow its number.
func TestSignerOfUnsignedBase(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		forged, floor, want int64
	}{
		"the next number":              {forged: 3, floor: 2, want: 4},
		"a smaller one than was seen":  {forged: 2, floor: 2, want: 3},
		"a large one":                  {forged: 1 << 52, floor: 2, want: 2 + maxLeap + 1},
		"a large one for a new reader": {forged: 1 << 52, want: maxLeap + 1},
		"the largest, beside its pins": {forged: math.MaxInt64, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			forEachKind(t, func(t *testing.T, f *fixture) {
				f.publishTwice(t)
				v := f.version(t)
				header := v.Header
				header.Number = test.forged
				doc := v.doc.Clone()
				doc.Set(f.image, format.Entry{Type: "planted", Digest: oci.DigestOf([]byte("x"))})
				f.blob(t, "x")
				f.store(t, doc, header)
				note := Put{Key: f.key("note"), Content: []byte("x"), Floor: test.floor}
				run := f.runWith(t, signsAndVerifies())
				result := f.mustPublish(t, run, note)
				if !errors.Is(result.Unverified, signing.ErrUnsigned) || result.Number != test.want {
					t.Errorf("the number is %d, want %d; unverified: %v", result.Number, test.want, result.Unverified)
				}
				note.Type = "another"
				if result = f.mustPublish(t, run, note); result.Unverified != nil || result.Number != test.want+1 {
					t.Errorf("the next number is %d; unverified: %v", result.Number, result.Unverified)
				}
			})
		})
	}
}

// A creation that takes over an equal entry signs the manifesto, which a writer without a key may have left unsigned.
func TestSignerTakesOver(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		put := Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true}
		f.mustPublish(t, f.runWith(t, signsAndVerifies()), put)
		f.mustPut(t, f.run(t), "note", "x")
		for _, options := range []Options{signsAndVerifies(), {Signer: &pen{name: "alice"}}} {
			f.mustPublish(t, f.runWith(t, options), put)
			verified, err := f.run(t).Verify(context.Background(), put.Key, Demand{Verifier: alice})
			if err != nil || verified.Reason != nil {
				t.Errorf("Verify = %v, %v", verified.Reason, err)
			}
		}
	})
}
