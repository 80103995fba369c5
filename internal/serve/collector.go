package serve

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// usualMemory is the memory in bytes up to which the heap may grow before garbage is worth collecting.
	usualMemory = 192 << 20
	// usualPercent and largePercent are the growth between two collections in percent, up to usualMemory and above it.
	// largePercent is Go's default.
	usualPercent, largePercent = 400, 100
)

// collection says how often garbage is collected.
type collection struct {
	percent int
	// limit is in bytes. Near it the collector runs more often than percent says.
	limit int64
}

// collectionFor returns the settings for a heap of a size in bytes after a collection. A run has a heap of a few
// megabytes and drops nearly all that it allocates, so that Go's default collects dozens of times. If the live heap
// takes more than half of usualMemory, as it does with a manifesto of 100,000 entries, Go's default takes over: near
// the limit the collector would take half of the processor.
func collectionFor(live uint64) collection {
	if live > usualMemory/2 {
		return collection{largePercent, math.MaxInt64}
	}
	return collection{usualPercent, usualMemory}
}

// tuneCollector makes the collector run as collectionFor says, from now on and after each collection. What the user
// has set for Go stays.
func tuneCollector() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		afterCollection(collection{})
	}
}

// afterCollection adapts the settings to the live heap and does so again after the next collection.
func afterCollection(current collection) {
	wanted := collectionFor(liveHeap())
	if wanted != current {
		debug.SetGCPercent(wanted.percent)
		debug.SetMemoryLimit(wanted.limit)
	}
	// It contains a pointer, or it could share its memory with objects that live on.
	sentinel := new(*int)
	runtime.AddCleanup(sentinel, afterCollection, wanted)
}

// liveHeap returns the bytes on the heap that the last collection left.
func liveHeap() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64()
}
