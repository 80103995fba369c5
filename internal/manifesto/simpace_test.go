//go:build !race

package manifesto

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// distantRemote is a registry whose answers take time. It has only what a sole writer needs.
type distantRemote struct {
	simRemote
	latency time.Duration
}

func (r distantRemote) HeadManifest(_ context.Context, id string) (oci.Digest, error) {
	time.Sleep(r.latency)
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if !isTag(id) {
		return oci.Digest(id), nil
	}
	was := r.s.registry.tags[id]
	if len(was) == 0 {
		return "", oci.ErrNotFound
	}
	return was[len(was)-1], nil
}

func (r distantRemote) GetManifest(ctx context.Context, id string) (oci.Manifest, error) {
	d, err := r.HeadManifest(ctx, id)
	if err != nil {
		return oci.Manifest{}, err
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.registry.manifests[d], nil
}

func (r distantRemote) PutManifest(_ context.Context, id string, m oci.Manifest, _ time.Time) error {
	time.Sleep(r.latency)
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.registry.put(id, m)
	return nil
}

func (r distantRemote) PutBlob(ctx context.Context, content []byte) (oci.Digest, error) {
	time.Sleep(r.latency)
	return r.simRemote.PutBlob(ctx, content)
}

// applyDistant creates a thousand pieces of metadata as Terraform does, with some work of its own for each resource
// that it does not do in parallel. It returns how long that took, and the number of commits.
func applyDistant(t *testing.T, own, latency time.Duration, parallel int) (took time.Duration, commits int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		repository, err := oci.ParseRepository("example.com/app", "")
		if err != nil {
			t.Fatal(err)
		}
		s := newSimulation(world{writers: 1}, &schedule{}, newSimRegistry())
		image := oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}"))
		s.registry.manifests[image.Digest] = image
		open := func(oci.Repository) Repository { return distantRemote{simRemote{s, 0}, latency} }
		store := NewStore(open, Options{Settle: Adaptive})
		turn := make(chan bool, 1) // A mutex, but one for which the clock of a bubble does not stand still.
		work := func() {
			turn <- true
			time.Sleep(own / 2)
			<-turn
		}
		resources := make(chan int, 1_000)
		for i := range cap(resources) {
			resources <- i
		}
		close(resources)
		began := time.Now()
		var group sync.WaitGroup
		for range parallel {
			group.Go(func() {
				for i := range resources {
					work()
					key := Key{Repository: repository, Image: image.Digest}
					if err := putType(store, key, fmt.Sprint("t", i)); err != nil {
						t.Error(err)
					}
					work()
				}
			})
		}
		group.Wait()
		took, commits = time.Since(began), len(s.registry.tags[format.Tag])
	})
	return took, commits
}

// Terraform takes 5 to 25 ms of its own for a resource. More parallelism is never slower, a registry that is near costs
// next to nothing besides, and the number of commits is bounded.
func TestSimulationOfPace(t *testing.T) {
	for _, own := range []time.Duration{5 * time.Millisecond, 12 * time.Millisecond, 25 * time.Millisecond} {
		for _, latency := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
			ten, commitsOfTen := applyDistant(t, own, latency, 10)
			fifty, commitsOfFifty := applyDistant(t, own, latency, 50)
			name := fmt.Sprintf("%s for each resource, %s for each request", own, latency)
			t.Logf("%s: %s with 10 (%d commits), %s with 50 (%d commits)", name, ten, commitsOfTen, fifty, commitsOfFifty)
			if fifty > ten {
				t.Errorf("%s: 50 in parallel take %s, 10 take %s", name, fifty, ten)
			}
			if least := 1_000 * own; latency == time.Millisecond && ten > least*11/10 {
				t.Errorf("%s: %s instead of %s", name, ten, least)
			}
			if max(commitsOfTen, commitsOfFifty) > 500 {
				t.Errorf("%s: %d and %d commits", name, commitsOfTen, commitsOfFifty)
			}
		}
	}
}
