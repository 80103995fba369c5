//go:build !race

// The race detector makes these a hundred times slower and has nothing to find: the scheduler lets one
// goroutine run at a time. make test runs them without it.

package manifesto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// The real committer on a simulated registry. A scheduler owns every request for a tag and the clock, and
// tries the orders in which the requests of several writers can take effect, with the time that may pass
// between them, lagging replicas, broken connections, replayed requests and crashes.

// call is a request that waits for the scheduler.
type call struct {
	writer   int
	method   string
	tag      string
	manifest oci.Manifest
	// resent marks a request that its sender repeats on its own, whenever it likes.
	resent  bool
	began   time.Time
	proceed chan outcome
}

// outcome is how a request is to take effect.
type outcome int

const (
	asIs outcome = iota
	// stale: a read shows what was there before.
	stale
	// crash: its writer dies before it takes effect.
	crash
	// lostRequest and lostAnswer: a PUT whose connection breaks, before and after it has taken effect.
	lostRequest
	lostAnswer
	// replay: a PUT takes effect, and may do so once more within its writer's window.
	replay
)

// ghost is a PUT that may take effect a second time.
type ghost struct {
	manifest oci.Manifest
	until    time.Time
}

// world is what a simulation allows to happen.
type world struct {
	// writers is how many there are; each puts one entry, and another one that arrives at any
	// moment where more is set.
	writers int
	more    bool
	// undoing lets the second writer delete the first one's entry where it finds it.
	undoing bool
	// instant turns settling off, as for a sole writer.
	instant bool
	// switches bounds how often the scheduler turns from one writer to the other, pauses how often it lets
	// time pass while a request waits.
	switches, pauses int
	// stales, crashes, breaks and replays are how many of each there may be.
	stales, crashes, breaks, replays int
	// late lets a PUT take effect after its writer's window: against the assumption.
	late bool
	// straggler lets the third writer start at any moment.
	straggler bool
	// slow says that the first writer takes long, which the manifest before announces.
	slow bool
	// first starts without a manifesto.
	first bool
	// uploads lets the scheduler hold uploads of blobs, too.
	uploads bool
	// without is the safeguard to do without.
	without safeguard
}

// slowest is how long the slow writer was seen to take, so that it announces four times as much.
const slowest = 150 * time.Millisecond

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

// operation is one thing that a writer was asked to do.
type operation struct {
	writer int
	typ    string
	remove bool
	err    error
	// settled says that its writer had nothing else under way when it ended.
	settled bool
}

func newSimulation(w world, plan *schedule, r *simRegistry) *simulation {
	return &simulation{
		world: w, schedule: plan, registry: r, dead: map[int]bool{}, looked: map[int]time.Time{},
		ownPins: map[int]map[string]oci.Digest{}, seen: map[int]oci.Digest{}, uploaded: map[int]bool{},
		running: map[int]int{},
	}
}

// store opens what one writer works with.
func (s *simulation) store(writer int) *Store {
	settle := Adaptive
	if s.world.instant || s.world.without == settling {
		settle = 0
	}
	store := NewStore(func(oci.Repository) Repository { return simRemote{s, writer} }, Options{Settle: settle})
	store.jitter = func(d time.Duration) time.Duration {
		if d < time.Microsecond {
			return 0 // Not a wait, but a number of looks whose answers nobody uses.
		}
		return d / time.Duration(2+writer) // Each its own, and the same each time.
	}
	return store
}

// step is how much time passes at once: less than half a window, so that two of them fit in.
const step = minWindow/2 - time.Millisecond

// maxSteps is more than any schedule needs that comes to an end.
const maxSteps = 2_000

// drive lets one request after the other take effect until none waits and no writer works any more.
func (s *simulation) drive(working func() bool) {
	last, switches, pauses := 0, 0, 0
	for steps := 0; ; steps++ {
		synctest.Wait()
		if steps == maxSteps {
			s.mu.Lock()
			s.endless = true
			for writer := range s.world.writers {
				s.dead[writer] = true
			}
			s.mu.Unlock()
		}
		s.mu.Lock()
		waiting := slices.Clone(s.pending)
		s.mu.Unlock()
		if len(waiting) == 0 {
			if !working() {
				return
			}
			time.Sleep(step)
			continue
		}
		slices.SortFunc(waiting, func(a, b *call) int {
			if (a.writer == last) != (b.writer == last) {
				if a.writer == last {
					return -1
				}
				return 1
			}
			if a.writer != b.writer {
				return a.writer - b.writer
			}
			return strings.Compare(a.method, b.method)
		})
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

// option is something that may happen next: a request takes effect, one does so again, or, for the zero
// value, time passes.
type option struct {
	call  *call
	how   outcome
	ghost bool
}

// options lists what may happen next.
func (s *simulation) options(waiting []*call, pauses int) []option {
	var options []option
	w := &s.world
	for _, c := range waiting {
		options = append(options, option{call: c})
		if w.stales > 0 && c.method != "PUT" && c.tag == format.Tag && len(s.registry.tags[format.Tag]) > 1 &&
			time.Since(s.registry.changed) <= minWindow/lagDivisor {
			options = append(options, option{call: c, how: stale})
		}
		if w.crashes > 0 && c.method != "START" {
			options = append(options, option{call: c, how: crash})
		}
		if w.breaks > 0 && c.method == "PUT" {
			options = append(options, option{call: c, how: lostRequest}, option{call: c, how: lostAnswer})
		}
		if w.replays > 0 && c.method == "PUT" && c.tag == format.Tag {
			options = append(options, option{call: c, how: replay})
		}
	}
	s.ghosts = slices.DeleteFunc(s.ghosts, func(g ghost) bool { return time.Now().After(g.until) })
	if len(s.ghosts) > 0 {
		options = append(options, option{ghost: true})
	}
	if pauses < w.pauses && (w.late || !s.mustHurry(waiting)) {
		options = append(options, option{})
	}
	return options
}

// release lets a request take effect.
func (s *simulation) release(chosen option) {
	s.mu.Lock()
	c, writer := chosen.call, chosen.call.writer
	s.pending = slices.DeleteFunc(s.pending, func(other *call) bool { return other == c })
	switch chosen.how {
	case stale:
		s.world.stales--
	case crash:
		s.world.crashes--
		s.dead[writer] = true
	case lostRequest, lostAnswer:
		s.world.breaks--
	case replay:
		s.world.replays--
	case asIs:
	}
	if s.dead[writer] { // Nothing of it runs any more.
		chosen.how = crash
	}
	if c.method != "PUT" && c.tag == format.Tag {
		s.looked[writer] = c.began
	}
	s.mu.Unlock()
	c.proceed <- chosen.how
}

// mustHurry reports whether a PUT that waits would miss its window if time passed now.
func (s *simulation) mustHurry(waiting []*call) bool {
	for _, c := range waiting {
		window := minWindow
		if s.world.slow && c.writer == 0 {
			window = windowFactor * slowest
		}
		if c.tag != format.Tag && s.world.without == pinLook {
			continue // Nothing says how long ago it has looked.
		}
		if c.method == "PUT" && !c.resent && time.Since(s.looked[c.writer])+step > window {
			return true
		}
	}
	return false
}

// simulate runs the writers of a world, and returns what went wrong, if anything.
func simulate(t *testing.T, w world, plan *schedule) (wrong string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		repository, err := oci.ParseRepository("example.com/app", "")
		if err != nil {
			t.Fatal(err)
		}
		held := newSimRegistry()
		image := oci.NewManifest(oci.MediaTypeOCIManifest, []byte("{}"))
		held.manifests[image.Digest] = image
		key := func(typ string) Key { return Key{Repository: repository, Image: image.Digest, Type: typ} }
		put := func(store *Store, typ string) error {
			_, err := store.Put(context.Background(), Put{Key: key(typ), Content: []byte(typ)})
			return err
		}
		if !w.first {
			alone(held, func(s *simulation) {
				store := s.store(0)
				if w.slow {
					store.committer(repository).timing.measured(slowest)
				}
				if err := put(store, "before"); err != nil {
					t.Errorf("preparing: %v", err)
				}
			})
		}
		s := newSimulation(w, plan, held)
		var group sync.WaitGroup
		for writer := range w.writers {
			store := s.store(writer)
			if w.slow && writer == 0 {
				store.committer(repository).timing.measured(slowest)
			}
			group.Go(func() {
				if w.straggler && writer == 2 && (simRemote{s, writer}).gate(&call{method: "START"}) == crash {
					return
				}
				s.started(writer)
				if w.undoing && writer == 1 {
					s.undo(store, key("t0"))
					return
				}
				typ := fmt.Sprint("t", writer)
				s.ended(operation{writer: writer, typ: typ, err: put(store, typ)})
			})
			if w.more {
				group.Go(func() {
					if (simRemote{s, writer}).gate(&call{method: "START"}) == crash {
						return
					}
					s.started(writer)
					typ := fmt.Sprint("more", writer)
					s.ended(operation{writer: writer, typ: typ, err: put(store, typ)})
				})
			}
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

// undo deletes an entry that it finds.
func (s *simulation) undo(store *Store, key Key) {
	piece, err := store.Get(context.Background(), key)
	if errors.Is(err, ErrNoEntry) {
		return
	}
	if err == nil {
		err = store.Delete(context.Background(), key, piece.Digest)
	}
	s.ended(operation{writer: 1, typ: key.Type, remove: true, err: err})
}

// hasEnded reports whether an operation of a writer has.
func (s *simulation) hasEnded(writer int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.done, func(op operation) bool { return op.writer == writer })
}

func (s *simulation) started(writer int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[writer]++
}

func (s *simulation) ended(op operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[op.writer]--
	op.settled = s.running[op.writer] == 0
	s.done = append(s.done, op)
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

// judge checks the invariants: what a writer that lives was told is stored is there, unless it was deleted
// later; what is named is there; and it is pinned.
func (s *simulation) judge(image oci.Digest) string {
	if s.endless {
		s.schedule.taken = nil // It says nothing.
		return "the writers do not come to an end"
	}
	if s.registry.broken != "" {
		return s.registry.broken
	}
	var doc *format.Document
	var held *pinIndex
	var err error
	alone(s.registry, func(reader *simulation) {
		remote := simRemote{reader, 0}
		if doc, err = ReadDocument(context.Background(), remote); err == nil {
			pins := newPinner(&tag{repository: remote, log: slog.New(slog.DiscardHandler)})
			held, err = pins.index, pins.readAll(context.Background(), doc)
		}
	})
	if err != nil {
		stored := slices.ContainsFunc(s.done, func(op operation) bool { return op.err == nil })
		if errors.Is(err, oci.ErrNotFound) && !stored {
			return "" // Nobody got as far as a manifesto.
		}
		return fmt.Sprintf("the manifesto cannot be read: %v", err)
	}
	removed := map[string]bool{}
	for _, op := range s.done {
		if op.remove && op.err == nil {
			removed[op.typ] = true
		}
	}
	for _, op := range s.done {
		_, there := doc.Lookup(image, op.typ)
		switch {
		case s.dead[op.writer] && (op.err != nil || !op.settled): // It was told nothing that it lived to tell.
		case s.replayed && errors.Is(op.err, ErrNotConfirmed): // An honest error: the tag went back in time.
		case op.err != nil:
			return fmt.Sprintf("writer %d, %s: %v", op.writer, op.typ, op.err)
		case there == removed[op.typ]:
			return fmt.Sprintf("%s of writer %d, deleted: %t, is there: %t: %s", op.typ, op.writer, removed[op.typ], there, doc.Render())
		}
	}
	for _, entry := range doc.Entries(image) {
		if _, ok := s.registry.blobs[entry.Digest]; !ok {
			return fmt.Sprintf("the content of %s is missing", entry.Type)
		}
		shard, ok := entry.Pin.Shard()
		if ok {
			_, ok = held.size(shard, entry.Digest)
		}
		if !ok {
			return fmt.Sprintf("the content of %s is not pinned", entry.Type)
		}
	}
	return ""
}

// schedule decides, choice by choice, what happens in one run: at random, by a script, or else as
// prescribed, and the first thing there is where nothing is.
type schedule struct {
	// random chooses where it is not nil. With inertia it mostly lets a writer go on.
	random     *rand.Rand
	inertia    bool
	script     []turn
	prescribed []int
	taken      []int
	width      []int
}

// turn is a line of a script: a writer goes on until the request with this method and tag has taken effect
// in this way or, where method is empty, to its end.
type turn struct {
	writer      int
	method, tag string
	how         outcome
}

func (s *schedule) choose(options []option, ended func(writer int) bool) option {
	n, choice := len(options), 0
	switch i := len(s.taken); {
	case s.random != nil:
		choice = s.random.IntN(n)
		if s.inertia && s.random.IntN(3) > 0 {
			choice = 0
		}
	case len(s.script) > 0:
		choice = s.follow(options, ended)
	case i < len(s.prescribed):
		choice = s.prescribed[i]
	}
	s.taken = append(s.taken, choice)
	s.width = append(s.width, n)
	return options[choice]
}

// follow returns what the script says to do next.
func (s *schedule) follow(options []option, ended func(writer int) bool) int {
	for len(s.script) > 0 && s.script[0].method == "" && ended(s.script[0].writer) {
		s.script = s.script[1:]
	}
	if len(s.script) == 0 {
		return 0
	}
	turn, choice := s.script[0], len(options)-1 // Where nothing of the writer waits, time passes.
	for i, o := range options {
		if o.call == nil || o.call.writer != turn.writer {
			continue
		}
		if o.call.method == turn.method && o.call.tag == turn.tag {
			if o.how == turn.how {
				s.script = s.script[1:]
				return i
			}
		} else if o.how == asIs {
			choice = i
		}
	}
	return choice
}

// next returns what to prescribe for the next run, depth first; nil when all were tried.
func (s *schedule) next() []int {
	for i, choice := range slices.Backward(s.taken) {
		if choice+1 < s.width[i] {
			return append(slices.Clone(s.taken[:i]), choice+1)
		}
	}
	return nil
}

// sample tries random schedules, the same ones each time, and returns the first that goes wrong.
func sample(t *testing.T, w world, limit int) (wrong string, runs int) {
	t.Helper()
	for runs = 1; runs <= limit; runs++ {
		plan := &schedule{random: rand.New(rand.NewPCG(1, uint64(runs))), inertia: runs%2 == 0}
		if wrong = simulate(t, w, plan); wrong != "" {
			return fmt.Sprintf("%s\nschedule: %v", wrong, plan.taken), runs
		}
	}
	return "", runs - 1
}

// explore tries all schedules, at most limit of them, and returns the first that goes wrong.
func explore(t *testing.T, w world, limit int) (wrong string, runs int) {
	t.Helper()
	var prescribed []int
	for runs = 1; runs <= limit; runs++ {
		plan := &schedule{prescribed: prescribed}
		if wrong = simulate(t, w, plan); wrong != "" {
			return fmt.Sprintf("%s\nschedule: %v", wrong, plan.taken), runs
		}
		if prescribed = plan.next(); prescribed == nil {
			return "", runs
		}
	}
	return fmt.Sprintf("there are more than %d schedules", limit), runs - 1
}
