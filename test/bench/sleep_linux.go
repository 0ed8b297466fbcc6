package main

import (
	"syscall"
	"time"
)

// sleepUntil waits in the kernel, which wakes a thread within some 60 µs. The runtime's own
// timers are rounded up to a millisecond while the process is otherwise idle.
func sleepUntil(at time.Time) {
	for d := time.Until(at); d > 0; d = time.Until(at) {
		ts := syscall.NsecToTimespec(int64(d))
		_ = syscall.Nanosleep(&ts, nil) // a signal ends it early: it is begun again
	}
}
