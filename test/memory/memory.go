// Package memory measures what the process of a test allocates and keeps. A test that uses it does not run in parallel.
package memory

import "runtime"

// Allocated returns how many bytes f allocates, together with those that are free again.
func Allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// Heap returns how many bytes are live.
func Heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
