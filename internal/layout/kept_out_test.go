package layout

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// watched is a layout that tells which manifests are put while other writers are not kept out.
type watched struct {
	*Layout
	inside, outside *atomic.Int64
}

type keptOut struct{}

func (w watched) Exclusively(ctx context.Context, work func(context.Context) error) error {
	return w.Layout.Exclusively(ctx, func(ctx context.Context) error {
		return work(context.WithValue(ctx, keptOut{}, true))
	})
}

func (w watched) PutManifest(ctx context.Context, tag string, m oci.Manifest, latest time.Time) error {
	if ctx.Value(keptOut{}) == nil {
		w.outside.Add(1)
	} else {
		w.inside.Add(1)
	}
	return w.Layout.PutManifest(ctx, tag, m, latest)
}

// Every manifest of a commit is put while other writers are kept out, the pin manifests that are put at the end, too:
// nobody settles in a layout, so that nobody would find out what came in between.
func TestCommitsKeepOthersOut(t *testing.T) {
	t.Parallel()
	directory := newLayout(t, emptyIndex)
	repository, err := oci.ParseRepository(oci.LayoutHost+":"+directory, "")
	if err != nil {
		t.Fatal(err)
	}
	var inside, outside atomic.Int64
	open := func(oci.Repository) manifesto.Repository { return watched{Open(directory), &inside, &outside} }
	store := manifesto.NewStore(open, manifesto.Options{Settle: manifesto.Adaptive})
	for _, typ := range []string{"one", "two"} {
		key := manifesto.Key{Repository: repository, Image: described, Type: typ}
		if _, err = store.Put(t.Context(), manifesto.Put{Key: key, Content: []byte(typ)}); err != nil {
			t.Fatal(err)
		}
	}
	// The first commit puts its pins, the manifesto, and its pins with a mark; the second pins and the manifesto.
	if inside.Load() != 5 || outside.Load() != 0 {
		t.Errorf("%d manifests were put while others were kept out, and %d while they were not",
			inside.Load(), outside.Load())
	}
}
