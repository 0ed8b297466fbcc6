package faults

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airatelimit/airatelimit/test/node"
)

func serveCommand(name string) *exec.Cmd { return exec.Command(name, "serve") }

// calm are kinds of requests whose clients stay to the end, in the proportion in which they are asked for; wild are all.
var (
	calm = []string{whole, whole, whole, streaming, streaming, slow, failing}
	wild = append([]string{leaving}, calm...)
)

// kill ends a node as the kernel would.
func (f *fleet) kill(i int) {
	f.t.Helper()
	f.doubt(f.nodes[i])
	f.nodes[i].Kill()
	f.nodes = slices.Delete(f.nodes, i, i+1)
}

// load is clients that ask until they are told to stop.
type load struct {
	f       *fleet
	round   string
	kinds   []string
	crowd   *atomic.Int64 // numbers the identities, where each asks once
	nodes   atomic.Pointer[[]*node.Process]
	stopped chan struct{}
	clients sync.WaitGroup
}

// pause is how long a client waits that was told to come again.
const pause = 20 * time.Millisecond

// load has so many clients ask the nodes for what several identities of a round want: some without a limit, some with
// one that a round reaches.
func (f *fleet) load(clients int, round string, kinds []string) *load {
	return f.begun(clients, &load{f: f, round: round, kinds: kinds})
}

// crowd is load of which every request has an identity of its own.
func (f *fleet) crowd(clients int, round string, kinds []string) *load {
	return f.begun(clients, &load{f: f, round: round, kinds: kinds, crowd: new(atomic.Int64)})
}

func (f *fleet) begun(clients int, l *load) *load {
	l.stopped = make(chan struct{})
	l.turnTo(f.nodes...)
	for range clients {
		rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
		l.clients.Go(func() { l.client(rng) })
	}
	f.t.Cleanup(l.end)
	return l
}

// turnTo has the clients ask these nodes from now on.
func (l *load) turnTo(nodes ...*node.Process) {
	nodes = slices.Clone(nodes)
	l.nodes.Store(&nodes)
}

func (l *load) client(rng *rand.Rand) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-l.stopped:
			return
		default:
		}
		nodes := *l.nodes.Load()
		if len(nodes) == 0 {
			return
		}
		n, tier := rng.IntN(12), "open"
		switch {
		case n < 4:
			tier = "requests"
		case n < 7:
			tier = "tokens"
		}
		identity := fmt.Sprintf("%s-%s-%d", l.round, tier, n)
		if l.crowd != nil {
			identity += fmt.Sprintf("-%d", l.crowd.Add(1))
		}
		end := l.f.ask(nodes[rng.IntN(len(nodes))], identity, tier, l.kinds[rng.IntN(len(l.kinds))])
		if end == unavailable || end == withheld || end == lost {
			<-tick.C
		}
	}
}

// end returns when every client has seen the end of its request.
func (l *load) end() {
	select {
	case <-l.stopped:
	default:
		close(l.stopped)
	}
	l.clients.Wait()
}

// fill asks for an identity of the tier of 40 requests until the limit is reached, and checks that it is: what no
// request holds any more must be there for another one.
func (f *fleet) fill(identity string, already int64) {
	f.t.Helper()
	most, got := limits["requests"].requests, already
	for i := range most - already + 3 {
		if f.ask(f.nodes[int(i)%len(f.nodes)], identity, "requests", whole) == answered {
			got++
		}
	}
	if got != most {
		f.t.Errorf("%s: %d requests answered in all, want the limit of %d", identity, got, most)
	}
}

// fillAll fills every identity with that limit, and does the accounts again. It is for where no node has died.
func (f *fleet) fillAll() {
	f.t.Helper()
	for identity, y := range f.tallies() {
		if y.tier == "requests" {
			f.fill(identity, y.answered+y.costly)
		}
	}
	f.reconcile()
}

// burst sends n requests of one identity at once, spread over the nodes, and returns how many were answered.
func (f *fleet) burst(n int, identity, tier, kind string) (got int) {
	f.t.Helper()
	var wg sync.WaitGroup
	var count atomic.Int64
	for i := range n {
		wg.Go(func() {
			switch end := f.ask(f.nodes[i%len(f.nodes)], identity, tier, kind); end {
			case answered:
				count.Add(1)
			case refused:
			default:
				f.t.Errorf("request %d of %s is %s, want it answered or refused", i, identity, end)
			}
		})
	}
	wg.Wait()
	return int(count.Load())
}
