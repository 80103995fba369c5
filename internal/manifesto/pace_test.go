package manifesto

import (
	"testing"
	"time"
)

func TestLullFollowsTheGapAndTheLastCommit(t *testing.T) {
	for name, test := range map[string]struct {
		pace pace
		want time.Duration
	}{
		"nothing known":            {pace{}, minLull},
		"quick changes":            {pace{gap: time.Millisecond}, minLull},
		"changes at a steady pace": {pace{gap: 40 * time.Millisecond}, lullFactor * 40 * time.Millisecond},
		"slow changes":             {pace{gap: time.Minute}, maxLull},
		"a slow commit":            {pace{took: 800 * time.Millisecond}, 400 * time.Millisecond},
		"a very slow commit":       {pace{took: time.Minute}, maxTook},
		"both":                     {pace{gap: 40 * time.Millisecond, took: 100 * time.Millisecond}, 120 * time.Millisecond},
	} {
		if got := test.pace.lull(); got != test.want {
			t.Errorf("%s: the lull is %s, want %s", name, got, test.want)
		}
	}
}

func TestGapIsAMeanOfArrivals(t *testing.T) {
	var p pace
	now := time.Unix(0, 0)
	p.arrive(now)
	if p.gap != 0 {
		t.Errorf("one arrival makes a gap of %s", p.gap)
	}
	p.arrive(now.Add(40 * time.Millisecond))
	if want := 40 * time.Millisecond / gapWeight; p.gap != want {
		t.Errorf("the gap is %s, want %s", p.gap, want)
	}
	before := p.gap
	p.arrive(now.Add(time.Hour)) // A pause between two bursts counts as the longest lull.
	if want := before + (maxLull-before)/gapWeight; p.gap != want {
		t.Errorf("the gap is %s after a pause, want %s", p.gap, want)
	}
}

func TestACommitWaitsForHalfOfTheCallers(t *testing.T) {
	var p pace
	if p.expected() != 0 {
		t.Errorf("nobody is there, and %d are expected", p.expected())
	}
	for range 9 {
		p.enter()
	}
	for range 9 {
		p.leave()
	}
	if p.expected() != 5 {
		t.Errorf("of nine callers, %d are expected, want 5", p.expected())
	}
}

func TestExpectedBatchStaysLoweredForAWhile(t *testing.T) {
	p := pace{most: 20}
	p.lower(3)
	for range patience {
		if p.expected() != 5 {
			t.Errorf("expects %d, want 5", p.expected())
		}
		p.committed(time.Second)
	}
	if p.expected() != 10 || p.took != time.Second {
		t.Errorf("expects %d when patience has ended, want 10; a commit took %s", p.expected(), p.took)
	}
	if p.lower(8); p.expected() != 8 {
		t.Errorf("expects %d, want as many as came", p.expected())
	}
}
