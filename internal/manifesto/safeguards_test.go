//go:build !race

package manifesto

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imagemanifesto/terraform-provider-manifesto/internal/format"
)

// Every order of two writers' requests keeps what was confirmed. How often the scheduler turns from one writer to the
// other and lets time pass is bounded.
func TestSimulationOfTwo(t *testing.T) {
	for name, w := range map[string]world{
		"nothing goes wrong":     {switches: 4, pauses: 1},
		"the first manifesto":    {switches: 2, pauses: 1, first: true},
		"a lagging replica":      {switches: 2, pauses: 1, stales: 1},
		"a crash":                {switches: 2, pauses: 1, crashes: 1},
		"a broken connection":    {switches: 2, pauses: 1, breaks: 1},
		"a replayed PUT":         {switches: 2, pauses: 1, replays: 1},
		"crash, lag and replay":  {switches: 2, stales: 1, crashes: 1, replays: 1},
		"one deletes the others": {switches: 3, pauses: 1, undoing: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.writers = 2
			began := time.Now()
			wrong, runs := explore(t, w, 1_000_000)
			t.Logf("%d schedules in %s", runs, time.Since(began))
			if wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// Two to four writers in random orders, with everything that may happen.
func TestSimulationOfMany(t *testing.T) {
	runs := 1_000
	if text := os.Getenv("SIMULATIONS"); text != "" {
		var err error
		if runs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for name, w := range map[string]world{
		"two":            {writers: 2, more: true, stales: 2, crashes: 1, breaks: 1, replays: 1},
		"three":          {writers: 3, more: true, stales: 1, crashes: 1, breaks: 1},
		"slow":           {writers: 3, slow: true, straggler: true},
		"long":           {writers: 3, more: true, long: true, uploads: true},
		"four":           {writers: 4, stales: 1, crashes: 1, first: true},
		"signing":        {writers: 2, more: true, signing: true, uploads: true, stales: 1, crashes: 1, breaks: 1},
		"signing first":  {writers: 3, signing: true, first: true, stales: 1},
		"signing undone": {writers: 2, signing: true, undoing: true, uploads: true, breaks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.switches, w.pauses = 99, 9
			if wrong, _ := sample(t, w, runs, isWrong); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// isLoss reports whether what went wrong is an entry that is not as its writer was told, or not pinned.
func isLoss(wrong string) bool {
	return strings.Contains(wrong, "is there:") || strings.Contains(wrong, "is not pinned")
}

// With all safeguards, no schedule of these worlds goes wrong. Without one of them, the same search finds one that
// does.
func TestSimulationOfSafeguards(t *testing.T) {
	for without, w := range map[safeguard]world{
		settling:      {writers: 2, pauses: 4},
		ancestry:      {writers: 2, pauses: 4, undoing: true},
		staleReadRule: {writers: 1, more: true, instant: true, pauses: 2, stales: 2},
		pinConfirm:    {writers: 2, pauses: 4, crashes: 1},
	} {
		t.Run(string(without), func(t *testing.T) {
			t.Parallel()
			w.switches = 99
			if wrong, _ := sample(t, w, 4_000, isWrong); wrong != "" {
				t.Errorf("with all safeguards: %s", wrong)
			}
			w.without = without
			wrong, runs := sample(t, w, 10_000, isLoss)
			t.Logf("after %d schedules: %s", runs, wrong)
			if !isLoss(wrong) {
				t.Error("no schedule loses anything without the safeguard")
			}
		})
	}
}

// If the assumption on timing does not hold, changes can be lost. The simulation notices that.
func TestSimulationOfALatePut(t *testing.T) {
	w := world{writers: 2, switches: 99, pauses: 9, late: true}
	if wrong, _ := sample(t, w, 10_000, isLoss); !isLoss(wrong) {
		t.Errorf("no schedule loses anything: %s", wrong)
	}
}

// Schedules that are too long to be found by chance.
func TestSimulationOfScripts(t *testing.T) {
	for name, test := range map[string]struct {
		world   world
		without safeguard
		script  []turn
	}{
		// The answer to a PUT is lost. Without the safeguard, its sender sends it again after another writer has built
		// on it and ended.
		"a PUT is sent again": {world{breaks: 1}, noBlindResend, []turn{
			{0, "PUT", format.Tag, lostAnswer}, {writer: 1},
		}},
		// A writer puts its pins long after it last saw the tag, when another one has confirmed its own, and crashes.
		"pins come late": {world{more: true, crashes: 1}, pinLook, []turn{
			{writer: 1}, {0, "START", "", asIs}, {0, "HEAD", format.ShardTag(0), asIs}, {writer: 0},
			{1, "START", "", asIs}, {1, "PUT", format.ShardTag(0), asIs}, {1, "PUT", format.Tag, crash},
		}},
		// The same, but the pins are late because they are put again.
		"pins come late again": {world{crashes: 1, breaks: 1}, pinLook, []turn{
			{1, "GET", format.Tag, asIs}, {1, "PUT", format.ShardTag(0), lostRequest}, {writer: 0},
			{1, "PUT", format.ShardTag(0), asIs}, {1, "HEAD", format.Tag, crash},
		}},
		// A request takes longer than all before it. Its writer needs a longer window from then on, but nobody knows
		// of that window, and another writer settles without it.
		"a window that grows": {world{long: true, uploads: true}, knownWindows, []turn{
			{0, "GET", format.Tag, asIs}, {0, "HEAD", format.Tag, asIs}, {0, "POST", "", asIs}, {0, "POST", "", asIs},
			{writer: 1}, {0, "PUT", format.ShardTag(0), asIs},
		}},
		// A slow writer looks, and another one stores and settles before the slow one puts its manifest.
		"a slow writer": {world{slow: true, uploads: true}, announcedWindows, []turn{
			{0, "GET", format.Tag, asIs}, {0, "HEAD", format.Tag, asIs}, {1, "PUT", format.Tag, asIs},
			{method: pause}, {method: pause}, {0, "PUT", format.ShardTag(0), asIs},
			{0, "POST", "", asIs}, {0, "POST", "", asIs}, {writer: 1},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := test.world
			w.writers, w.switches, w.pauses = 2, 99, 99
			if wrong := simulate(t, w, &schedule{script: test.script}); wrong != "" {
				t.Errorf("with all safeguards: %s", wrong)
			}
			w.without = test.without
			plan := &schedule{script: test.script}
			wrong := simulate(t, w, plan)
			t.Log(wrong)
			if !isLoss(wrong) || len(plan.script) > 0 {
				t.Errorf("nothing is lost without the safeguard; of the script remains %v", plan.script)
			}
			if pins := test.without == pinLook; pins != strings.Contains(wrong, "is not pinned") {
				t.Errorf("a safeguard of pins: %t; what went wrong: %s", pins, wrong)
			}
		})
	}
}

// Schedules that random ones do not find, in which a part of the protocol matters that cannot be taken away from
// outside.
func TestSimulationOfKnownSchedules(t *testing.T) {
	for name, test := range map[string]struct {
		world  world
		script []turn
	}{
		// A rival looks before two commits of a burst, and overwrites both. The look in between has shown the first one.
		"two commits are overwritten": {world{more: true}, []turn{
			{1, "HEAD", format.Tag, asIs}, {0, "PUT", format.Tag, asIs}, {0, "START", "", asIs},
			{0, "PUT", format.Tag, asIs}, {1, "PUT", format.Tag, asIs},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := test.world
			w.writers, w.switches, w.pauses = 2, 99, 99
			plan := &schedule{script: test.script}
			if wrong := simulate(t, w, plan); wrong != "" || len(plan.script) > 0 {
				t.Errorf("%s; of the script remains %v", wrong, plan.script)
			}
		})
	}
}
