package layout

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/manifesto"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

var _ manifesto.Exclusive = (*Layout)(nil)

func TestExclusivelyKeepsOthersOut(t *testing.T) {
	directory := newLayout(t, emptyIndex)
	alone, rival := Open(directory), Open(directory)
	m, err := pushBlobs(t.Context(), alone, "content")
	if err != nil {
		t.Fatal(err)
	}
	err = alone.Exclusively(t.Context(), func(ctx context.Context) error {
		giveUp, cancel := context.WithCancelCause(ctx)
		cause := errors.New("given up")
		time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
		if err = rival.PutManifest(giveUp, "rival", m, time.Time{}); !errors.Is(err, cause) {
			t.Errorf("another Layout waits for the lock until it gives up: %v", err)
		}
		return errors.Join(
			alone.PutManifest(ctx, "one", m, time.Now().Add(-time.Hour)), // There is nothing to be late for.
			alone.PutManifest(ctx, "two", m, time.Time{}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"one", "two"} {
		if got, err := rival.HeadManifest(t.Context(), tag); err != nil || got != m.Digest {
			t.Errorf("%s is %s, %v", tag, got, err)
		}
	}
	if _, err := rival.HeadManifest(t.Context(), "rival"); !errors.Is(err, oci.ErrNotFound) {
		t.Errorf("the rival's tag: %v", err)
	}
	if err := rival.PutManifest(t.Context(), "rival", m, time.Time{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// The error of work is returned, and the lock is free again.
func TestExclusivelyReturnsTheErrorOfWork(t *testing.T) {
	l := Open(newLayout(t, emptyIndex))
	wrong := errors.New("wrong")
	for range 2 {
		if err := l.Exclusively(t.Context(), func(context.Context) error { return wrong }); !errors.Is(err, wrong) {
			t.Errorf("%v", err)
		}
	}
}
