//go:build !race

package manifesto

import (
	"slices"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
	"github.com/imagemanifesto/terraform-provider-manifesto/internal/oci"
)

// call is a request that waits for the scheduler.
type call struct {
	writer   int
	method   string
	tag      string
	manifest oci.Manifest
	// resent marks a request that its sender repeats on its own, at any time.
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

// option is something that may happen next: a request takes effect, a PUT takes effect again, or, for the zero value,
// time passes.
type option struct {
	call  *call
	how   outcome
	ghost bool
}

// options lists what may happen next.
func (s *simulation) options(waiting []*call, pauses int) []option {
	var options []option
	for _, c := range waiting {
		for _, how := range s.outcomes(c) {
			options = append(options, option{call: c, how: how})
		}
	}
	s.ghosts = slices.DeleteFunc(s.ghosts, func(g ghost) bool { return time.Now().After(g.until) })
	if len(s.ghosts) > 0 {
		options = append(options, option{ghost: true})
	}
	if pauses < s.world.pauses && (s.world.late || !s.mustHurry(waiting)) {
		options = append(options, option{})
	}
	return options
}

// outcomes lists how a request may take effect.
func (s *simulation) outcomes(c *call) []outcome {
	w := &s.world
	outcomes := []outcome{asIs}
	if w.stales > 0 && c.method != "PUT" && s.mayBeStale(c.tag) {
		outcomes = append(outcomes, stale)
	}
	if w.crashes > 0 && c.method != "START" {
		outcomes = append(outcomes, crash)
	}
	if w.breaks > 0 && c.method == "PUT" {
		outcomes = append(outcomes, lostRequest, lostAnswer)
	}
	if w.replays > 0 && c.method == "PUT" && c.tag == format.Tag {
		outcomes = append(outcomes, replay)
	}
	return outcomes
}

// mayBeStale reports whether a replica may still show what was under a tag before.
func (s *simulation) mayBeStale(tag string) bool {
	return tag == format.Tag && len(s.registry.tags[format.Tag]) > 1 &&
		time.Since(s.registry.changed) <= minWindow/lagDivisor
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

// mustHurry reports whether a PUT that waits would last too long if time passed now: longer than half the window that
// its writer announces. That is what the protocol assumes. Where requests may last long, it is assumed of the manifesto
// only.
func (s *simulation) mustHurry(waiting []*call) bool {
	for _, c := range waiting {
		limit := minWindow / 2
		if s.world.slow && c.writer == 0 {
			limit = windowFactor * slowest / 2
		}
		switch {
		case c.method != "PUT" || c.resent:
		case c.tag != format.Tag && (s.world.long || s.world.without == pinLook):
		case time.Since(c.began)+step > limit:
			return true
		}
	}
	return false
}
