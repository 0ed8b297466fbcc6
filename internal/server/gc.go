package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// A gateway has few live bytes and allocates many. By default a collection starts once the garbage is as large as the live
// heap. A heap of a few megabytes would then be collected hundreds of times a second. pacer lets the garbage grow to
// gcHeadroom instead, however large the live heap is. docs/performance.md says what that saves.
const (
	gcHeadroom   = 20 << 20 // bytes
	gcMinPercent = 30       // for a live heap that is many times the headroom
	gcMaxPercent = 800      // for a live heap of less than an eighth of the headroom
)

// paceGC adjusts the collector's percentage after every collection, so that the garbage may grow to gcHeadroom, until stop is
// called. It does nothing if the operator has set GOGC.
func paceGC() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	p := &pacer{live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.before = debug.SetGCPercent(gcMaxPercent)
	p.current = gcMaxPercent
	p.watch()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stopped = true
		debug.SetGCPercent(p.before)
	}
}

// pacer keeps the garbage at gcHeadroom.
type pacer struct {
	mu              sync.Mutex
	live            []metrics.Sample // the live heap, in bytes
	before, current int              // percentages
	stopped         bool
}

// watch adjusts the percentage after the next collection, and then watches again. The collection finds an unreachable object
// that watch has made, and runs its finalizer.
func (p *pacer) watch() {
	type garbage struct{ _ [16]byte }
	runtime.SetFinalizer(new(garbage), func(*garbage) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.stopped {
			return
		}
		p.adjust()
		p.watch()
	})
}

func (p *pacer) adjust() {
	metrics.Read(p.live)
	want := gcPercent(p.live[0].Value.Uint64())
	// Each change stops the program for a moment, so small changes are left out.
	if want < p.current*9/10 || want > p.current*11/10 {
		debug.SetGCPercent(want)
		p.current = want
	}
}

// gcPercent returns the percentage of the live bytes that the garbage may reach before a collection.
func gcPercent(live uint64) int {
	return int(min(max(100*gcHeadroom/max(live, 1), gcMinPercent), gcMaxPercent))
}
