package serve

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestCollectionFor(t *testing.T) {
	t.Parallel()
	usual, large := collection{usualPercent, usualMemory}, collection{100, math.MaxInt64}
	for live, want := range map[uint64]collection{
		0: usual, 8 << 20: usual, usualMemory / 2: usual,
		usualMemory/2 + 1: large, usualMemory: large, 10 << 30: large,
	} {
		if got := collectionFor(live); got != want {
			t.Errorf("a live heap of %d bytes: %+v, want %+v", live, got, want)
		}
	}
}

// The settings follow the heap, there and back.
func TestTuneCollectorFollowsTheHeap(t *testing.T) {
	restoreCollector(t)
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	tuneCollector()
	if got := settings(); got != (collection{usualPercent, usualMemory}) {
		t.Errorf("at the start: %+v", got)
	}
	held := make([]byte, usualMemory)
	await(t, collection{largePercent, math.MaxInt64})
	runtime.KeepAlive(held)
	await(t, collection{usualPercent, usualMemory})
}

func TestTuneCollectorLeavesWhatTheUserSet(t *testing.T) {
	restoreCollector(t)
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", "")
			t.Setenv("GOMEMLIMIT", "")
			t.Setenv(name, "50")
			before := settings()
			tuneCollector()
			if got := settings(); got != before {
				t.Errorf("%+v became %+v", before, got)
			}
		})
	}
}

// restoreCollector leaves the settings to other tests as they are now.
func restoreCollector(t *testing.T) {
	t.Helper()
	before := settings()
	t.Cleanup(func() {
		debug.SetGCPercent(before.percent)
		debug.SetMemoryLimit(before.limit)
	})
}

// await collects garbage until the settings are as wanted.
func await(t *testing.T, want collection) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); settings() != want; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatalf("the settings are %+v, want %+v", settings(), want)
		}
	}
}

// settings returns the collector's present settings.
func settings() collection {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
	metrics.Read(samples)
	return collection{int(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64())}
}
