package server

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A proxy keeps little and allocates much: with the runtime's default, by which garbage may
// come to as much as is live, a heap of a few megabytes is collected hundreds of times a
// second. Here garbage may come to gcHeadroom whatever is live, in bytes. See
// docs/performance for what that is worth.
const (
	gcHeadroom   = 24 << 20
	gcLeast      = 40  // percent, for heaps so large that the headroom is little to them
	gcMost       = 800 // percent
	gcPacePeriod = time.Second
)

// paceGC keeps the collector's percentage at what gives the headroom, until ctx ends. It
// leaves alone what the operator has set with GOGC.
func paceGC(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	set := debug.SetGCPercent(gcMost)
	defer func() { debug.SetGCPercent(set) }()
	current := gcMost
	tick := time.NewTicker(gcPacePeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(live)
		want := gcPercent(live[0].Value.Uint64())
		// Each change stops the world for a moment: small ones are not worth it.
		if want < current*9/10 || want > current*11/10 {
			debug.SetGCPercent(want)
			current = want
		}
	}
}

// gcPercent is the percentage by which garbage may grow beside so many live bytes.
func gcPercent(live uint64) int {
	return int(min(max(100*gcHeadroom/max(live, 1), gcLeast), gcMost))
}
