package faults

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/test/node"
)

var (
	draining = regexp.MustCompile(`msg=draining`)
	ending   = regexp.MustCompile(`msg="drain timed out: running requests are cut off"`)
)

// A node is asked to end with streams running. They run to their end, nothing new is taken, and the process ends in good
// order with everything counted.
func TestTerminatedWithStreamsRunning(t *testing.T) {
	t.Parallel()
	for name, db := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, db(t), tiers)
			f.serve(1)
			var running sync.WaitGroup
			for i := range 24 {
				running.Go(func() { f.ask(f.nodes[0], fmt.Sprint("ann-", i%3), "requests", []string{held, midway}[i%2]) })
			}
			f.awaitArrived(24)
			first := f.nodes[0]
			first.Terminate()
			if first.Log.Wait(first, draining) == nil {
				t.Fatalf("does not drain:\n%s", first.Log.String())
			}
			if end := f.ask(first, "late", "requests", whole); end != unavailable {
				t.Errorf("a request while the node drains is %s, want it unavailable", end)
			}
			f.open()
			running.Wait()
			if code := first.AwaitExit(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			f.restart()
			f.wantWhole()
			f.reconcile()
			f.fillAll()
		})
	}
}

// wantWhole checks that every answer has come to its end, with its figures.
func (f *fleet) wantWhole() {
	f.t.Helper()
	for identity, y := range f.tallies() {
		if !y.whole || y.answered+y.refused == 0 && identity != "late" {
			f.t.Errorf("%s: %+v, want every answer whole", identity, *y)
		}
	}
}

// restart starts a node in the place of the fleet's.
func (f *fleet) restart() {
	f.t.Helper()
	f.nodes = nil
	f.serve(1)
}

// Requests that still run when the time to drain is over are ended, and counted: the streams with what had come of them, and what
// the provider had not answered at all.
func TestEndedWhenTheDrainIsOver(t *testing.T) {
	t.Parallel()
	for name, db := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, db(t), tiers)
			f.serve(1, "DRAIN_SECONDS=1")
			var running sync.WaitGroup
			for i := range 24 {
				running.Go(func() { f.ask(f.nodes[0], fmt.Sprint("ann-", i%3), "requests", []string{held, midway}[i%2]) })
			}
			f.awaitArrived(24)
			f.await("the streams have begun", func() bool { return f.ends[answered] == 12 })
			first := f.nodes[0]
			first.Terminate()
			running.Wait()
			if code := first.AwaitExit(); code != 0 || first.Log.Wait(first, ending) == nil {
				t.Errorf("exit code %d, want 0 and that something was ended:\n%s", code, first.Log.String())
			}
			if n := f.ends[costly]; n != 12 {
				t.Errorf("%v: %d requests were told that they count, want the 12 that were not answered", f.ends, n)
			}
			f.restart()
			f.reconcile()
			f.fillAll()
		})
	}
}

// Every node is replaced by another one while requests come, as in a rollout.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), tiers)
	f.serve(2)
	l := f.load(12, "rolling", calm)
	for range 2 {
		f.more(60, answered)
		old := f.nodes[0]
		f.nodes = f.nodes[1:]
		f.serve(1)
		l.turnTo(f.nodes...)
		old.Stop()
		f.more(60, answered)
	}
	l.end()
	f.reconcile()
	f.fillAll()
}

// A node is killed under load, again and again: no answered request is uncounted, no limit exceeded, and held returns to
// zero.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	rounds := 4
	if long {
		rounds = 30
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f := newFleet(t, file(t), tiers)
		for i := range rounds {
			f.serve(1)
			f.killUnderLoad(i, 0)
		}
		f.serve(1)
		f.afterKills()
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f := newFleet(t, shared(t), tiers)
		still := newClock(t, 0)
		f.serveByClocks(still, still, still)
		for i := range rounds {
			f.killUnderLoad(i, rand.IntN(3))
			f.reconcile()
			f.serveByClocks(still)
		}
		f.afterKills()
	})
}

// killUnderLoad kills one of the nodes while clients of all kinds ask.
func (f *fleet) killUnderLoad(round, victim int) {
	f.t.Helper()
	l := f.load(16, fmt.Sprint("round", round), wild)
	f.more(20+rand.IntN(150), answered)
	broken := f.streamTo(f.nodes[victim], fmt.Sprintf("round%d-broken", round), 3)
	f.kill(victim)
	broken.Wait()
	l.turnTo(f.nodes...)
	if len(f.nodes) > 0 {
		f.more(50, answered)
	}
	l.end()
}

// streamTo has streams begin, one after the other, that go no further. Of these it is known to the token what they are
// charged where their node dies: what was set aside for them.
func (f *fleet) streamTo(p *node.Process, identity string, n int) *sync.WaitGroup {
	f.t.Helper()
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() { f.ask(p, identity, "open", midway) })
		f.await("the stream has begun", func() bool {
			begun := 0
			for _, r := range f.requests {
				if r.identity == identity && r.end == answered {
					begun++
				}
			}
			return begun == i+1
		})
	}
	return &running
}

// afterKills does the accounts, lets a round go by without a kill, and does them again: those of its own are exact.
func (f *fleet) afterKills() {
	f.t.Helper()
	f.reconcile()
	l := f.load(16, "quiet", calm)
	f.more(150, answered)
	l.end()
	f.reconcile()
}
