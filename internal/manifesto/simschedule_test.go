//go:build !race

package manifesto

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// schedule decides, choice by choice, what happens in one run: at random, by a script, or as prescribed. If nothing is
// prescribed, it takes the first option.
type schedule struct {
	// random chooses unless it is nil. With inertia, it mostly lets the same writer go on.
	random     *rand.Rand
	inertia    bool
	script     []turn
	prescribed []int
	taken      []int
	width      []int
}

// turn is a line of a script: a writer goes on until the request with this method and tag has taken effect in this way
// or, if method is empty, until it ends. With the method pause, time passes.
type turn struct {
	writer      int
	method, tag string
	how         outcome
}

const pause = "pause"

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
	wanted, choice := s.script[0], len(options)-1 // If the writer has no request, time passes.
	if wanted.method == pause {
		s.script = s.script[1:]
		return choice
	}
	for i, o := range options {
		switch wanted.fits(o) {
		case exactly:
			s.script = s.script[1:]
			return i
		case onTheWay:
			choice = i
		case not:
		}
	}
	return choice
}

// fit says whether an option is what a turn waits for, or leads to it.
type fit int

const (
	not fit = iota
	onTheWay
	exactly
)

func (t turn) fits(o option) fit {
	switch {
	case o.call == nil || o.call.writer != t.writer:
	case o.call.method == t.method && o.call.tag == t.tag:
		if o.how == t.how {
			return exactly
		}
	case o.how == asIs && o.call.method != "START": // Only a turn of its own starts more.
		return onTheWay
	}
	return not
}

// next returns what to prescribe for the next run, depth first; nil if all schedules were tried.
func (s *schedule) next() []int {
	for i, choice := range slices.Backward(s.taken) {
		if choice+1 < s.width[i] {
			return append(slices.Clone(s.taken[:i]), choice+1)
		}
	}
	return nil
}

// sample tries random schedules, the same ones each time, and returns the first whose result is bad.
func sample(t *testing.T, w world, limit int, bad func(string) bool) (wrong string, runs int) {
	t.Helper()
	for runs = 1; runs <= limit; runs++ {
		plan := &schedule{random: rand.New(rand.NewPCG(1, uint64(runs))), inertia: runs%2 == 0}
		if wrong = simulate(t, w, plan); bad(wrong) {
			return fmt.Sprintf("%s\nschedule: %v", wrong, plan.taken), runs
		}
	}
	return "", runs - 1
}

// isWrong reports whether anything went wrong in a run.
func isWrong(wrong string) bool { return wrong != "" }

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
