//go:build !race

// The race detector makes these a hundred times slower and has nothing to find: the scheduler lets one
// goroutine run at a time. make test runs them without it.

package manifesto

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/registry"
)

// The real committer on a simulated registry. A scheduler owns every request for a tag and the clock, and
// tries all orders in which the requests of two writers can take effect, with the time that may pass
// between them, a lagging replica and a crash.

// simRegistry is a repository in memory.
type simRegistry struct {
	blobs     map[registry.Digest][]byte
	manifests map[registry.Digest]registry.Manifest
	tags      map[string][]registry.Digest // All that a tag has been; the last counts.
	changed   time.Time                    // When Tag last changed.
}

// call is a request that waits for the scheduler.
type call struct {
	writer  int
	method  string
	tag     string
	began   time.Time
	proceed chan outcome
}

// outcome is how a request is to take effect.
type outcome int

const (
	asIs outcome = iota
	stale
	crash
)

// schedule decides, choice by choice, what happens in one run: as prescribed, and the first thing there is
// where nothing is.
type schedule struct {
	// random chooses where it is not nil; otherwise the prescribed choices are taken.
	random     *rand.Rand
	prescribed []int
	taken      []int
	width      []int
}

func (s *schedule) choose(n int) int {
	choice := 0
	if s.random != nil {
		choice = s.random.IntN(n)
	} else if i := len(s.taken); i < len(s.prescribed) {
		choice = s.prescribed[i]
	}
	s.taken = append(s.taken, choice)
	s.width = append(s.width, n)
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

// world is what a simulation allows to happen.
type world struct {
	// writers is how many there are, 0 means two; each puts one entry, and another one that arrives at any
	// moment where more is set.
	writers int
	more    bool
	settle  time.Duration
	// switches bounds how often the scheduler turns from one writer to the other, pauses how often it lets
	// time pass while a request waits.
	switches, pauses int
	// lagging lets one look at a tag show what was there before; crashing lets one writer die.
	lagging, crashing bool
	// late lets a PUT take effect after its writer's window: against the assumption.
	late bool
	// first starts without a manifesto.
	first bool
}

// simulation is one run.
type simulation struct {
	world    world
	schedule *schedule
	registry *simRegistry

	mu      sync.Mutex
	pending []*call
	dead    map[int]bool
	looked  map[int]time.Time
	// extra are the further entries whose writers were told that they are stored.
	extra []string
}

// step is how much time passes at once: less than a window, so that two of them reach its end.
const step = minWindow/2 - time.Millisecond

// simRemote is one writer's access to the registry.
type simRemote struct {
	s      *simulation
	writer int
}

var errCrashed = fmt.Errorf("%w: crashed", context.Canceled)

// gate waits until the scheduler lets the request take effect.
func (r simRemote) gate(method, tag string) outcome {
	c := &call{writer: r.writer, method: method, tag: tag, began: time.Now(), proceed: make(chan outcome)}
	r.s.mu.Lock()
	r.s.pending = append(r.s.pending, c)
	r.s.mu.Unlock()
	return <-c.proceed
}

func isTag(identifier string) bool { return !strings.HasPrefix(identifier, "sha256:") }

func (r simRemote) resolve(identifier string, how outcome) (registry.Digest, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if !isTag(identifier) {
		if _, ok := r.s.registry.manifests[registry.Digest(identifier)]; !ok {
			return "", registry.ErrNotFound
		}
		return registry.Digest(identifier), nil
	}
	was := r.s.registry.tags[identifier]
	if how == stale {
		was = was[:len(was)-1]
	}
	if len(was) == 0 {
		return "", registry.ErrNotFound
	}
	return was[len(was)-1], nil
}

func (r simRemote) HeadManifest(_ context.Context, identifier string) (registry.Digest, error) {
	how := asIs
	if isTag(identifier) {
		if how = r.gate("HEAD", identifier); how == crash {
			return "", errCrashed
		}
	}
	return r.resolve(identifier, how)
}

func (r simRemote) GetManifest(_ context.Context, identifier string) (registry.Manifest, error) {
	how := asIs
	if isTag(identifier) {
		if how = r.gate("GET", identifier); how == crash {
			return registry.Manifest{}, errCrashed
		}
	}
	digest, err := r.resolve(identifier, how)
	if err != nil {
		return registry.Manifest{}, err
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.registry.manifests[digest], nil
}

func (r simRemote) PutManifest(_ context.Context, identifier string, m registry.Manifest) error {
	if r.gate("PUT", identifier) == crash {
		return errCrashed
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.registry.manifests[m.Digest] = m
	r.s.registry.tags[identifier] = append(r.s.registry.tags[identifier], m.Digest)
	if identifier == Tag {
		r.s.registry.changed = time.Now()
	}
	return nil
}

func (r simRemote) HeadBlob(_ context.Context, digest registry.Digest) (int64, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	content, ok := r.s.registry.blobs[digest]
	if !ok {
		return 0, registry.ErrNotFound
	}
	return int64(len(content)), nil
}

func (r simRemote) GetBlob(_ context.Context, digest registry.Digest, _ int64) ([]byte, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	content, ok := r.s.registry.blobs[digest]
	if !ok {
		return nil, registry.ErrNotFound
	}
	return content, nil
}

func (r simRemote) PutBlob(_ context.Context, content []byte) (registry.Digest, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	digest := registry.DigestOf(content)
	r.s.registry.blobs[digest] = content
	return digest, nil
}

func (r simRemote) RepositoryExists(context.Context) (bool, error) { return true, nil }

// drive lets one request after the other take effect until none waits and no writer works any more.
func (s *simulation) drive(working func() bool) {
	last, switches, pauses := 0, 0, 0
	for {
		synctest.Wait()
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
		type option struct {
			call *call
			how  outcome
		}
		var options []option
		for _, c := range waiting {
			options = append(options, option{c, asIs})
			if s.world.lagging && c.method != "PUT" && c.tag == Tag && len(s.registry.tags[Tag]) > 1 &&
				time.Since(s.registry.changed) <= minWindow/lagDivisor {
				options = append(options, option{c, stale})
			}
			if s.world.crashing && len(s.dead) == 0 && c.method != "START" {
				options = append(options, option{c, crash})
			}
		}
		if pauses < s.world.pauses && (s.world.late || !s.mustHurry(waiting)) {
			options = append(options, option{})
		}
		chosen := options[s.schedule.choose(len(options))]
		if chosen.call == nil {
			pauses++
			time.Sleep(step)
			continue
		}
		if chosen.call.writer != last {
			switches++
		}
		last = chosen.call.writer
		s.mu.Lock()
		s.pending = slices.DeleteFunc(s.pending, func(c *call) bool { return c == chosen.call })
		switch chosen.how {
		case stale:
			s.world.lagging = false
		case crash:
			s.dead[last] = true
		case asIs:
		}
		if s.dead[last] { // Nothing of it runs any more.
			s.pending = slices.DeleteFunc(s.pending, func(c *call) bool {
				if c.writer == last {
					c.proceed <- crash
				}
				return c.writer == last
			})
		}
		if chosen.call.method != "PUT" && chosen.call.tag == Tag {
			s.looked[last] = chosen.call.began
		}
		s.mu.Unlock()
		chosen.call.proceed <- chosen.how
	}
}

// mustHurry reports whether a PUT that waits would miss its window if time passed now.
func (s *simulation) mustHurry(waiting []*call) bool {
	for _, c := range waiting {
		if c.method == "PUT" && c.tag == Tag && time.Since(s.looked[c.writer])+step > minWindow {
			return true
		}
	}
	return false
}

// simulate runs writers of one entry each, and returns what went wrong, if anything.
func simulate(t *testing.T, w world, plan *schedule) (wrong string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		repository, err := registry.ParseRepository("example.com/app", "")
		if err != nil {
			t.Fatal(err)
		}
		s := &simulation{
			world: w, schedule: plan,
			registry: &simRegistry{
				blobs: map[registry.Digest][]byte{}, manifests: map[registry.Digest]registry.Manifest{}, tags: map[string][]registry.Digest{},
			},
			dead: map[int]bool{}, looked: map[int]time.Time{},
		}
		image := registry.NewManifest(registry.MediaTypeOCIManifest, []byte("{}"))
		s.registry.manifests[image.Digest] = image
		key := func(typ string) Key { return Key{Repository: repository, Image: image.Digest, Type: typ} }
		open := func(writer int) *Store {
			store := NewStore(func(registry.Repository) Remote { return simRemote{s, writer} }, time.Now, w.settle)
			store.jitter = func(d time.Duration) time.Duration { return d / time.Duration(2+writer) } // Each its own, and the same each time.
			return store
		}
		put := func(store *Store, typ string) error {
			_, err := store.Put(context.Background(), Put{Key: key(typ), Content: []byte(typ)})
			return err
		}
		alone := &simulation{world: world{}, schedule: &schedule{}, registry: s.registry, dead: map[int]bool{}, looked: map[int]time.Time{}}
		if !w.first {
			done := make(chan struct{})
			go func() {
				defer close(done)
				store := NewStore(func(registry.Repository) Remote { return simRemote{alone, 0} }, time.Now, 0)
				if _, err := store.Put(context.Background(), Put{Key: key("before"), Content: []byte("before")}); err != nil {
					t.Errorf("preparing: %v", err)
				}
			}()
			alone.drive(func() bool { return !isClosed(done) })
		}
		errs := make([]error, max(w.writers, 2))
		done := make([]chan struct{}, len(errs))
		for i := range errs {
			done[i] = make(chan struct{})
			store := open(i)
			var group sync.WaitGroup
			group.Go(func() { errs[i] = put(store, fmt.Sprint("t", i)) })
			if w.more {
				group.Go(func() {
					if (simRemote{s, i}).gate("START", "") == crash {
						return
					}
					if err := put(store, fmt.Sprint("more", i)); err == nil {
						s.mu.Lock()
						s.extra = append(s.extra, fmt.Sprint("more", i))
						s.mu.Unlock()
					}
				})
			}
			go func() {
				defer close(done[i])
				group.Wait()
			}()
		}
		s.drive(func() bool { return slices.ContainsFunc(done, func(c chan struct{}) bool { return !isClosed(c) }) })
		wrong = s.judge(t, image.Digest, errs)
	})
	return wrong
}

// Three and four writers in random orders, with everything that may happen.
func TestSimulationOfMany(t *testing.T) {
	runs := 150
	if text := os.Getenv("SIMULATIONS"); text != "" {
		var err error
		if runs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range []world{
		{writers: 2, more: true, settle: Adaptive, switches: 99, pauses: 9, lagging: true, crashing: true},
		{writers: 3, more: true, settle: Adaptive, switches: 99, pauses: 9, lagging: true, crashing: true},
		{writers: 4, settle: Adaptive, switches: 99, pauses: 9, lagging: true, crashing: true, first: true},
	} {
		t.Run(fmt.Sprint(w.writers, " writers"), func(t *testing.T) {
			if wrong, _ := sample(t, w, runs); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// judge checks the invariants: what a writer was told is stored is there, what is named is there, and it
// is pinned.
func (s *simulation) judge(t *testing.T, image registry.Digest, errs []error) string {
	t.Helper()
	reader := &simulation{schedule: &schedule{}, registry: s.registry, dead: map[int]bool{}, looked: map[int]time.Time{}}
	var doc *Document
	var held pins
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		remote := simRemote{reader, 0}
		if doc, err = ReadDocument(context.Background(), remote); err == nil {
			held, err = readPins(context.Background(), remote, doc)
		}
	}()
	reader.drive(func() bool { return !isClosed(done) })
	if err != nil {
		if errors.Is(err, registry.ErrNotFound) && !slices.Contains(errs, nil) {
			return "" // Nobody got as far as a manifesto.
		}
		return fmt.Sprintf("the manifesto cannot be read: %v", err)
	}
	for i, err := range errs {
		if err != nil {
			if !s.dead[i] {
				return fmt.Sprintf("writer %d: %v", i, err)
			}
			continue
		}
		if _, ok := doc.Lookup(image, fmt.Sprint("t", i)); !ok {
			return fmt.Sprintf("the entry of writer %d is lost: %s", i, doc.Render())
		}
	}
	for _, typ := range s.extra {
		if _, ok := doc.Lookup(image, typ); !ok {
			return fmt.Sprintf("the entry %s is lost: %s", typ, doc.Render())
		}
	}
	for _, entry := range doc.Entries(image) {
		if _, ok := s.registry.blobs[entry.Digest]; !ok {
			return fmt.Sprintf("the content of %s is missing", entry.Type)
		}
		if _, _, ok := held.holds(entry.Digest); !ok {
			return fmt.Sprintf("the content of %s is not pinned", entry.Type)
		}
	}
	return ""
}

// sample tries random schedules, the same ones each time, and returns the first that goes wrong.
func sample(t *testing.T, w world, limit int) (wrong string, runs int) {
	t.Helper()
	for runs = 1; runs <= limit; runs++ {
		plan := &schedule{random: rand.New(rand.NewPCG(1, uint64(runs)))}
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
	return "", runs - 1
}

// Every order of two writers' requests, within bounds, keeps what was confirmed; and without a safeguard,
// or against the assumption on timing, some order does not.
func TestSimulation(t *testing.T) {
	for name, test := range map[string]struct {
		world world
		fails bool
	}{
		"two writers":                          {world{settle: Adaptive, switches: 3, pauses: 1}, false},
		"two writers of the first manifesto":   {world{settle: Adaptive, switches: 2, pauses: 1, first: true}, false},
		"a lagging replica":                    {world{settle: Adaptive, switches: 2, pauses: 1, lagging: true}, false},
		"a crash":                              {world{settle: Adaptive, switches: 2, pauses: 0, crashing: true}, false},
		"without settling":                     {world{settle: 0, switches: 9, pauses: 4}, true},
		"with a PUT that comes after its time": {world{settle: Adaptive, switches: 9, pauses: 9, late: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			search, limit := explore, 1_000_000
			if test.fails {
				search, limit = sample, 5_000
			}
			wrong, runs := search(t, test.world, limit)
			t.Logf("%d schedules in %s", runs, time.Since(began))
			switch {
			case wrong != "" && !test.fails:
				t.Error(wrong)
			case wrong == "" && test.fails:
				t.Error("no schedule fails without the safeguard")
			}
		})
	}
}
