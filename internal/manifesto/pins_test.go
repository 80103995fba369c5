package manifesto

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registrytest"
)

func TestUpdateMovesThePin(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		s := f.run(t)
		old := f.mustPut(t, s, "t", "old").Digest
		result, err := s.Put(ctx, Put{Key: f.key("t"), Content: []byte("new"), Update: true, Expected: old})
		if err != nil || !result.Pinned {
			t.Fatalf("update: %+v, %v", result, err)
		}
		// The old content stays pinned until the commit after: a rival may still name it.
		if got := f.pinned(t, 0); !slices.Contains(got, old) || !slices.Contains(got, result.Digest) {
			t.Errorf("after the update %v is pinned", got)
		}
		f.mustPut(t, s, "u", "another")
		if got := f.pinned(t, 0); slices.Contains(got, old) || !slices.Contains(got, result.Digest) || len(got) != 2 {
			t.Errorf("after the next commit %v is pinned", got)
		}
	})
}

// Another tool rewrites the manifesto without our fields. The next commit finds the pins again, and continues the
// version numbers of the pin manifests.
func TestStrippedPinsAreFoundAgain(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	s := f.run(t)
	one := f.mustPut(t, s, "one", "1").Digest
	f.mustPut(t, s, "two", "2")
	f.write(t, f.oneEntry("one", one), registrytest.Gzip)
	f.server.Reset()
	f.mustPut(t, f.run(t), "three", "3")
	if heads := f.server.Count(http.MethodHead, "/blobs/"); heads != 0 {
		t.Errorf("%d HEADs of blobs whose pins are known", heads)
	}
	if v := f.version(t); v.Number != 3 {
		t.Errorf("the version is %d, want 3", v.Number)
	}
	if entry, _ := f.version(t).doc.Lookup(f.image, "one"); entry.Size != 1 {
		t.Errorf("the size was not found again: %+v", entry)
	}
}

// A pin that a rival's lost commit replaced shows as unpinned, and a repair pins it again.
func TestRepairPinsAgain(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		ctx := context.Background()
		digest := f.mustPut(t, f.run(t), "t", "x").Digest
		if err := f.putPins(ctx, f.blob(t, "rival")); err != nil {
			t.Fatal(err)
		}
		piece, err := f.run(t).Get(ctx, f.key("t"))
		if err != nil || piece.Pinned || piece.Missing {
			t.Fatalf("after the loss: %+v, %v", piece, err)
		}
		result, err := f.run(t).Put(ctx, Put{
			Key: f.key("t"), Content: []byte("x"), Update: true, Expected: digest, Repair: true, MediaType: "text/plain",
		})
		if err != nil || !result.Pinned {
			t.Fatalf("repair: %+v, %v", result, err)
		}
		if got := f.pinned(t, 0); !slices.Contains(got, digest) {
			t.Errorf("pinned after the repair: %v", got)
		}
		if piece, err := f.run(t).Get(ctx, f.key("t")); err != nil || !piece.Pinned {
			t.Errorf("after the repair: %+v, %v", piece, err)
		}
	})
}

// At the end of a burst the pin manifests must hold what the manifesto names, even if a rival has put them last. The
// blobs of the rival stay.
func TestPinsAreConfirmed(t *testing.T) {
	ctx := context.Background()
	f := newFixture(t, registrytest.Olareg)
	ours := f.mustPut(t, f.run(t), "ours", "ours")
	c := f.run(t).committer(f.remote.Repository())
	confirm := func(layers ...oci.Digest) {
		t.Helper()
		m, described, err := f.pinManifest(ctx, layers...)
		if err != nil {
			t.Fatal(err)
		}
		put := pinPut{digest: m.Digest, layers: described}
		if err = c.pins.confirm(ctx, map[int]pinPut{0: put}, f.version(t)); err != nil {
			t.Fatal(err)
		}
	}
	holds := func(want ...oci.Digest) {
		t.Helper()
		got := f.pinned(t, 0)
		for _, digest := range want {
			if !slices.Contains(got, digest) {
				t.Errorf("%s is not pinned", digest)
			}
		}
	}
	// A rival has committed on top of ours, with pins of its own: they are kept.
	rival := f.mustPut(t, f.run(t), "rival", "theirs")
	before := f.server.Count(http.MethodPut, format.ShardTag(0))
	confirm(ours.Digest)
	holds(ours.Digest, rival.Digest)
	if puts := f.server.Count(http.MethodPut, format.ShardTag(0)) - before; puts != 0 {
		t.Errorf("pins that hold everything were put %d times", puts)
	}
	// A rival's lost commit has replaced the pins: ours come back, and its own stay.
	lost := f.blob(t, "lost")
	if err := f.putPins(ctx, lost); err != nil {
		t.Fatal(err)
	}
	confirm(ours.Digest, rival.Digest)
	holds(ours.Digest, rival.Digest, lost)
	// Our own pins stand, but the manifesto names more by now.
	if err := f.putPins(ctx, ours.Digest); err != nil {
		t.Fatal(err)
	}
	confirm(ours.Digest)
	holds(ours.Digest, rival.Digest)
}

// The registry refuses a pin manifest that names a missing blob. The commit leaves the blob out, reports it, and goes
// on.
func TestPinOfALostBlobIsLeftOut(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	kept := f.mustPut(t, f.run(t), "kept", "kept").Digest
	lost := f.mustPut(t, f.run(t), "lost", "lost").Digest
	if _, err := f.server.Do(context.Background(), http.MethodDelete, "/v2/app/blobs/"+string(lost), nil, ""); err != nil {
		t.Fatal(err)
	}
	result := f.mustPut(t, f.run(t), "new", "new")
	if !slices.Equal(result.Missing, []oci.Digest{lost}) {
		t.Errorf("missing: %v", result.Missing)
	}
	got := f.pinned(t, 0)
	if !slices.Contains(got, kept) || !slices.Contains(got, result.Digest) || slices.Contains(got, lost) {
		t.Errorf("pinned: %v", got)
	}
	if _, ok := f.version(t).doc.Lookup(f.image, "lost"); !ok {
		t.Error("the entry of the lost content was removed")
	}
}

// The pins of a burst are confirmed even if its last batch fails.
func TestPinsAreConfirmedAfterAFailingBatch(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	f.mustPut(t, f.run(t), "there", "theirs")
	s := f.run(t)
	rival := f.blob(t, "rival")
	var once sync.Once
	reached, queued := make(chan struct{}), make(chan struct{})
	f.server.Intercept(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if isTagRequest(r, http.MethodPut) {
			once.Do(func() {
				close(reached)
				<-queued // The failing change waits behind this commit.
				if err := f.putPins(ctx, rival); err != nil {
					t.Error(err)
				}
			})
		}
		return false
	})
	var group sync.WaitGroup
	var digest oci.Digest
	group.Go(func() { digest = f.mustPut(t, s, "mine", "mine").Digest })
	<-reached
	failing := f.submitQueued(ctx, t, s.committer(f.remote.Repository()), "there")
	close(queued)
	if err := <-failing; !errors.Is(err, ErrExists) {
		t.Errorf("the failing change: %v", err)
	}
	group.Wait()
	if got := f.pinned(t, 0); !slices.Contains(got, digest) {
		t.Errorf("pinned: %v", got)
	}
}

// A retention rule removes the pin manifest, and garbage collection its config. The next commit puts both again.
func TestCollectedPinsComeBack(t *testing.T) {
	f := newFixture(t, registrytest.Olareg)
	ctx := context.Background()
	one := f.mustPut(t, f.run(t), "one", "1").Digest
	config, err := format.PinConfig()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/v2/app/manifests/" + format.ShardTag(0), "/v2/app/blobs/" + oci.DigestOf(config).String(),
	} {
		if _, err := f.server.Do(ctx, http.MethodDelete, path, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	two := f.mustPut(t, f.run(t), "two", "2").Digest
	if got := f.pinned(t, 0); !slices.Contains(got, one) || !slices.Contains(got, two) {
		t.Errorf("pinned: %v", got)
	}
}

// A size of 0 is that of an empty blob, and is not an unknown size.
func TestEmptyBlobIsPinned(t *testing.T) {
	everyKind(t, func(t *testing.T, f *fixture) {
		empty := f.blob(t, "")
		f.write(t, f.oneEntry("empty", empty), registrytest.Gzip)
		result := f.mustPut(t, f.run(t), "new", "x")
		if result.Missing != nil {
			t.Errorf("missing: %v", result.Missing)
		}
		if entry, _ := f.version(t).doc.Lookup(f.image, "empty"); entry.Size != 0 || entry.Pin != format.PinTo(0) {
			t.Errorf("the entry is %+v", entry)
		}
		if got := f.pinned(t, 0); !slices.Contains(got, empty) {
			t.Errorf("pinned: %v", got)
		}
		if piece, err := f.run(t).Get(t.Context(), f.key("empty")); err != nil || !piece.Pinned || piece.Size != 0 {
			t.Errorf("Get: %+v, %v", piece, err)
		}
	})
}
