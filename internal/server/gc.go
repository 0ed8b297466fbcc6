package server

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// A proxy keeps little and allocates much: with the runtime's default, by which garbage may
// come to as much as is live, a heap of a few megabytes is collected hundreds of times a
// second. Here garbage may come to gcHeadroom whatever is live, in bytes. See
// docs/performance.md for what that is worth.
const (
	gcHeadroom = 20 << 20
	gcLeast    = 30  // percent, for heaps so large that the headroom is little to them
	gcMost     = 800 // percent
)

// paceGC keeps the collector's percentage at what gives the headroom, until stop is called.
// It looks anew after every collection, so that a heap that grows at once is not given the
// percentage of the small one that it was. It leaves alone what the operator has set with
// GOGC.
func paceGC() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	p := &pacer{live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.before = debug.SetGCPercent(gcMost)
	p.current = gcMost
	p.watch()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stopped = true
		debug.SetGCPercent(p.before)
	}
}

type pacer struct {
	mu              sync.Mutex
	live            []metrics.Sample
	before, current int
	stopped         bool
}

// watch adjusts the percentage when the collector next finds garbage of ours, which is at
// its next run, and then watches again.
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
	// Each change stops the world for a moment: small ones are not worth it.
	if want < p.current*9/10 || want > p.current*11/10 {
		debug.SetGCPercent(want)
		p.current = want
	}
}

// gcPercent is the percentage by which garbage may grow beside so many live bytes.
func gcPercent(live uint64) int {
	return int(min(max(100*gcHeadroom/max(live, 1), gcLeast), gcMost))
}
