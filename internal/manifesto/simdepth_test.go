//go:build !race

package manifesto

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// rounds answers all requests that wait, again and again until nobody works any more. It returns what was answered
// together: the number of rounds is how many requests were waited for one after the other.
func (s *simulation) rounds(working func() bool) []string {
	var rounds []string
	for {
		synctest.Wait()
		waiting := s.waiting(0)
		if len(waiting) == 0 {
			if !working() {
				return rounds
			}
			time.Sleep(step)
			continue
		}
		counts := map[string]int{}
		for _, c := range waiting {
			counts[strings.TrimSpace(c.method+" "+strings.TrimPrefix(c.tag, format.Tag))]++
			s.release(option{call: c})
		}
		var names []string
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			names = append(names, fmt.Sprint(counts[name], " ", name))
		}
		rounds = append(rounds, strings.Join(names, ", "))
	}
}

// After the upload of its content, a steady commit waits for two requests, one after the other: its uploads, pins and
// look, and the manifest. Where a registry takes a blob in two requests, there is one more.
func TestSimulationOfDepth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repository, err := oci.ParseRepository("example.com/app", "")
		if err != nil {
			t.Fatal(err)
		}
		s := newSimulation(world{writers: 1, uploads: true}, &schedule{}, newSimRegistry())
		image := oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}"))
		s.registry.manifests[image.Digest] = image
		store := s.store(0)
		put := func(typ string) []string {
			var group sync.WaitGroup
			done := make(chan struct{})
			group.Go(func() {
				defer close(done)
				if err := putType(store, Key{Repository: repository, Image: image.Digest}, typ); err != nil {
					t.Error(err)
				}
			})
			defer group.Wait()
			return s.rounds(func() bool { return !isClosed(done) })
		}
		put("first")
		check := func(typ string, want ...string) {
			t.Helper()
			want = append(want, "1 HEAD", "1 HEAD .pins") // The end of the burst, after the settle time.
			if got := put(typ); !slices.Equal(got, want) {
				t.Errorf("a commit waits for\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		check("second", "1 POST", "1 HEAD, 2 POST, 1 PUT .pins", "1 PUT")
		time.Sleep(time.Hour) // The last look is long ago: the pins wait for another one.
		check("third", "1 POST", "1 HEAD, 2 POST", "1 PUT .pins", "1 PUT")
	})
}
