package manifesto

import (
	"context"
	"errors"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/signing"
)

// Without a Verifier only the number counts, and nothing is verified.
func TestTrustWithoutVerifier(t *testing.T) {
	t.Parallel()
	f := newFixture(t, registrytest.Olareg)
	f.mustPublish(t, f.run(t), Put{Key: f.key("contact"), Content: []byte("us")})
	for minimum, want := range map[int64]error{0: nil, 1: nil, 2: ErrRolledBack} {
		verified, err := f.run(t).Verify(context.Background(), f.key("contact"), Demand{Minimum: minimum})
		if err != nil || !errors.Is(verified.Reason, want) || verified.Number != 1 || verified.Manifesto.Digest != "" {
			t.Errorf("with the minimum %d: %+v, %v", minimum, verified, err)
		}
	}
}

// A number that is too small is refused before anybody asks who has signed, and so is a missing manifesto.
func TestMinimumComesFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t, registrytest.Olareg)
	demand := Demand{Verifier: alice, Minimum: 5}
	for _, step := range []string{"no manifesto", "an unsigned one"} {
		snapshot, err := f.run(t).Trust(context.Background(), f.remote.Repository(), f.image, demand)
		if err != nil || !errors.Is(snapshot.Verified().Reason, ErrRolledBack) {
			t.Fatalf("%s: %v", step, err)
		}
		f.mustPublish(t, f.run(t), Put{Key: f.key("contact"), Content: []byte("us")})
	}
	snapshot, err := f.run(t).Trust(context.Background(), f.remote.Repository(), f.image, Demand{Verifier: alice})
	if err != nil || !errors.Is(snapshot.Verified().Reason, signing.ErrUnsigned) {
		t.Errorf("an unsigned manifesto: %v", err)
	}
}

// A snapshot stays what it was, and says of each piece whether it is to be trusted.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	forEachKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		signed := Options{Signer: &pen{name: "alice"}}
		f.mustPublish(t, f.run(t), Put{Key: f.key("contact"), Content: []byte("us")})
		f.mustPublish(t, f.runWith(t, signed),
			Put{Key: f.key("approval"), Content: []byte("yes"), ArtifactType: approvalV1, Sign: true})
		run := f.run(t)
		snapshot, err := run.Trust(ctx, f.remote.Repository(), "", Demand{Verifier: alice})
		if err != nil || snapshot.Verified().Reason != nil || snapshot.Verified().Number != 2 {
			t.Fatalf("Trust = %+v, %v", snapshot, err)
		}
		f.mustPublish(t, run, Put{Key: f.key("later"), Content: []byte("x")})
		f.mustPublish(t, run, Put{Key: f.key("contact"), Content: []byte("them"), Overwrite: true})
		contact, err := snapshot.Get(ctx, f.key("contact"))
		if err != nil || contact.Digest != oci.DigestOf([]byte("us")) || !contact.Pinned {
			t.Errorf("Get = %+v, %v", contact, err)
		}
		if _, err = snapshot.Get(ctx, f.key("later")); !errors.Is(err, ErrNoEntry) {
			t.Errorf("Get of what came later: %v", err)
		}
		entries := snapshot.Entries(f.image)
		if images := snapshot.Images(); len(entries) != 2 || len(images) != 1 || len(images[0].Entries) != 2 {
			t.Fatalf("the snapshot has %+v, %+v", entries, images)
		}
		f.checkVerdicts(t, snapshot, entries)
	})
}

// checkVerdicts checks what a snapshot with two entries says of them: the second is an approval that alice has signed.
func (f *fixture) checkVerdicts(t *testing.T, snapshot *Snapshot, entries []format.Entry) {
	t.Helper()
	results, err := snapshot.VerifyAll(t.Context(), []Described{{f.image, entries[0]}, {f.image, entries[1]}, {
		f.image, format.Entry{Type: "never", Digest: dig("n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{signing.ErrUnsigned, nil, signing.ErrUnsigned} {
		if !errors.Is(results[i].Reason, want) {
			t.Errorf("%q: %v, want %v", results[i].Entry.Type, results[i].Reason, want)
		}
	}
	if results[1].Signature.Signer != "alice" {
		t.Errorf("the approval is %+v", results[1])
	}
}
