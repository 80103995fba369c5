// Package memtest measures the memory that tests of hostile input bound.
package memtest

import "runtime"

// Allocated returns the bytes that f allocates in total, with those of all other goroutines meanwhile. The peak of f
// cannot be higher, and no garbage collection changes the number.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
