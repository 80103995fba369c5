//go:build !race

// The race detector makes the simulations a hundred times slower and has nothing to find, because the scheduler lets
// one goroutine run at a time. make test runs them without it.

package manifesto

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// The simulation runs the real committer on a simulated registry. A scheduler controls the clock and every request for
// a tag. It tries the orders in which the requests of several writers can take effect, the time that may pass between
// them, lagging replicas, broken connections, replayed requests and crashes.

// world is what a simulation allows to happen.
type world struct {
	// writers is the number of writers. Each puts one entry and, if more is set, a second one at any moment.
	writers int
	more    bool
	// undoing has the second writer delete the first one's entry if it finds it.
	undoing bool
	// instant turns settling off, as for a sole writer.
	instant bool
	// switches bounds how often the scheduler turns from one writer to another, pauses how often it lets time pass
	// while a request waits.
	switches, pauses int
	// stales, crashes, breaks and replays are how many of each there may be.
	stales, crashes, breaks, replays int
	// late lets a PUT take effect after its writer's window, which breaks the assumption of the protocol.
	late bool
	// long lets every request but the PUT of the manifesto last any time.
	long bool
	// straggler lets the third writer start at any moment.
	straggler bool
	// slow says that the first writer takes long. The first manifest announces that.
	slow bool
	// first starts without a manifesto.
	first bool
	// uploads lets the scheduler hold uploads of blobs, too.
	uploads bool
	// signing has all writers publish and sign, and the scheduler hold what they attach if it holds uploads.
	signing bool
	// without is the safeguard that is taken away.
	without safeguard
}

// slowest is how long the slow writer was seen to take, so that it announces four times as much.
const slowest = 150 * time.Millisecond

// simRepository is the repository of every simulation.
var simRepository = func() oci.Repository {
	name, err := oci.ParseRepository("example.com/app", "")
	if err != nil {
		panic(err)
	}
	return name
}()

// simulation is one run.
type simulation struct {
	world    world
	schedule *schedule
	registry *simRegistry

	mu      sync.Mutex
	pending []*call
	ghosts  []ghost
	dead    map[int]bool
	// looked is when each writer's last look at the tag began, ownPins what it has last put under a pin tag.
	looked  map[int]time.Time
	ownPins map[int]map[string]oci.Digest
	// seen is what each writer's last look at the tag has shown, uploaded whether it has uploaded since.
	seen     map[int]oci.Digest
	uploaded map[int]bool
	// done are the operations that have ended, running how many of each writer have not.
	done    []operation
	running map[int]int
	// endless says that the writers did not come to an end; replayed that a PUT took effect twice.
	endless, replayed bool
}

func newSimulation(w world, plan *schedule, r *simRegistry) *simulation {
	return &simulation{
		world: w, schedule: plan, registry: r, dead: map[int]bool{}, looked: map[int]time.Time{},
		ownPins: map[int]map[string]oci.Digest{}, seen: map[int]oci.Digest{}, uploaded: map[int]bool{},
		running: map[int]int{},
	}
}

// step is how much time passes at once: less than half a window, so that two of them fit in.
const step = minWindow/2 - time.Millisecond

// maxSteps is more than any schedule needs that comes to an end.
const maxSteps = 2_000

// giveUp kills all writers.
func (s *simulation) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endless = true
	for writer := range s.world.writers {
		s.dead[writer] = true
	}
}

// waiting returns the requests that wait for the scheduler, those of the given writer first.
func (s *simulation) waiting(first int) []*call {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := slices.Clone(s.pending)
	slices.SortFunc(waiting, func(a, b *call) int {
		if (a.writer == first) != (b.writer == first) {
			if a.writer == first {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.writer, b.writer), strings.Compare(a.method, b.method))
	})
	return waiting
}

// drive lets one request after the other take effect until none waits and no writer works any more.
func (s *simulation) drive(working func() bool) {
	last, switches, pauses := 0, 0, 0
	for steps := 0; ; steps++ {
		synctest.Wait()
		if steps == maxSteps {
			s.giveUp()
		}
		waiting := s.waiting(last)
		if len(waiting) == 0 {
			if !working() {
				return
			}
			time.Sleep(step)
			continue
		}
		if switches >= s.world.switches && waiting[0].writer == last {
			waiting = slices.DeleteFunc(waiting, func(c *call) bool { return c.writer != last })
		}
		options := s.options(waiting, pauses)
		chosen := s.schedule.choose(options, s.hasEnded)
		switch {
		case chosen.ghost:
			s.replayed = true
			s.registry.put(format.Tag, s.ghosts[0].manifest)
			s.ghosts = s.ghosts[1:]
		case chosen.call == nil:
			pauses++
			time.Sleep(step)
		default:
			if chosen.call.writer != last {
				switches++
			}
			last = chosen.call.writer
			s.release(chosen)
		}
	}
}

// simulate runs the writers of a world, and returns what went wrong, if anything.
func simulate(t *testing.T, w world, plan *schedule) (wrong string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		held := newSimRegistry()
		image := oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}"))
		held.manifests[image.Digest] = image
		key := Key{Repository: simRepository, Image: image.Digest}
		if !w.first {
			if err := prepare(held, w, key); err != nil {
				t.Errorf("preparing: %v", err)
			}
		}
		s := newSimulation(w, plan, held)
		var group sync.WaitGroup
		for writer := range w.writers {
			s.start(&group, writer, key)
		}
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			group.Wait()
		}()
		s.drive(func() bool { return !isClosed(finished) })
		wrong = s.judge(image.Digest)
	})
	return wrong
}

// alone lets one writer work on the registry with nothing in its way.
func alone(r *simRegistry, work func(*simulation)) {
	s := newSimulation(world{instant: true}, &schedule{}, r)
	done := make(chan struct{})
	go func() {
		defer close(done)
		work(s)
	}()
	s.drive(func() bool { return !isClosed(done) })
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
