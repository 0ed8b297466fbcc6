package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
)

// Three processes, one database: a limit of a hundred admits a hundred, whichever node is asked.
func TestThreeNodesAdmitExactly(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), `"requestLimit": 100`)
	f.serve(3)
	for _, identity := range []string{"new", "another new one"} {
		if got := f.burst(300, identity, "", whole); got != 100 {
			t.Errorf("%s: %d of 300 answered, want 100", identity, got)
		}
	}
	for i := range 40 {
		f.ask(f.nodes[i%3], "known", "", whole)
	}
	if got := f.burst(300, "known", "", slow); got != 60 {
		t.Errorf("known: %d of 300 answered, want the 60 that are left of 100", got)
	}
	f.reconcile()
	for i, p := range f.nodes {
		if u := f.usageOf(p, "known", ""); u.Usage.Requests != 100 || integer(t, u.Limits[0].Remaining) != 0 {
			t.Errorf("node %d says %+v, want 100 used and none left", i, u)
		}
	}
}

// Each node comes to midnight at a moment of its own, in the middle of the requests of one identity. Each day admits its
// hundred, and no request is in both or in neither.
func TestThreeNodesTurnThePeriod(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), `"requestLimit": 100, "limitPeriod": "daily"`)
	now := time.Now()
	midnight := now.UTC().Truncate(24 * time.Hour).Add(48 * time.Hour)
	before, after := midnight.Add(-30*time.Minute).Sub(now), midnight.Add(10*time.Minute).Sub(now)
	clocks := []clock{newClock(t, before), newClock(t, before), newClock(t, before)}
	f.serveByClocks(clocks...)

	if got := f.burst(150, "exhausted", "", whole); got != 100 {
		t.Errorf("before midnight: %d of 150 answered, want 100", got)
	}
	var fire sync.WaitGroup
	for i := range 300 {
		identity := "exhausted"
		if i%2 == 0 {
			identity = "crossing"
		}
		if i >= 75 && i%75 == 0 { // with requests under way
			clocks[i/75-1].set(after)
		}
		fire.Go(func() { f.ask(f.nodes[i%3], identity, "", whole) })
		if i%25 == 24 {
			f.await("half of them have ended", func() bool { return len(f.requests)-f.ended() < 12 })
		}
	}
	fire.Wait()
	for _, identity := range []string{"exhausted", "crossing"} {
		f.burst(150, identity, "", whole)
		first, second := f.byDay(identity, midnight)
		if identity == "exhausted" && first != 100 || first > 100 || second != 100 {
			t.Errorf("%s: %d answered on the first day and %d on the second, want a hundred at most and a hundred", identity, first, second)
		}
		if sum := f.tallies()[identity].answered; sum != first+second {
			t.Errorf("%s: %d answered, %d and %d counted on the two days", identity, sum, first, second)
		}
	}
	f.agree()
	if u := f.usageOf(f.nodes[0], "crossing", ""); u.Usage.Requests != 100 {
		t.Errorf("the second day has %d requests, want 100", u.Usage.Requests)
	}
}

// ended is how many requests have. The caller has the mutex.
func (b *book) ended() (n int) {
	for _, k := range b.ends {
		n += k
	}
	return n
}

// byDay returns what is counted of an identity before and after a time.
func (f *fleet) byDay(identity string, at time.Time) (before, after int64) {
	f.t.Helper()
	await.Within(f.t, node.Patience, "nothing is held", func() bool { return f.db.holds() == 0 })
	db := f.db.open()
	defer db.Close() //nolint:errcheck // it was only read
	err := db.QueryRow(`SELECT coalesce(sum(requests) FILTER (WHERE hour < $2), 0), coalesce(sum(requests) FILTER (WHERE hour >= $2), 0)
		FROM usage WHERE identity = $1`, identity, at.Unix()/3600).Scan(&before, &after)
	if err != nil {
		f.t.Fatal(err)
	}
	return before, after
}

// Resets and gifts come in between, through any node, each sent twice through two. What was answered is what was allowed:
// the limit, what was given, and what was taken back.
func TestResetsAndGiftsUnderFire(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), `"requestLimit": 50`)
	f.serve(3)
	f.ask(f.nodes[0], "ann", "", whole)
	var fire sync.WaitGroup
	var given, tookBack, resets atomic.Int64
	for i := range 400 {
		fire.Go(func() { f.ask(f.nodes[i%3], "ann", "", whole) })
		switch {
		case i%40 == 20:
			fire.Go(func() {
				f.twice(i, "/gift", `{"requests": 5}`)
				given.Add(5)
			})
		case i%150 == 70:
			fire.Go(func() {
				var back struct{ RequestsReset int64 }
				if err := json.Unmarshal(f.twice(i, "/reset", `{}`), &back); err != nil {
					t.Error(err)
				}
				tookBack.Add(back.RequestsReset)
				resets.Add(1)
			})
		}
	}
	fire.Wait()
	for f.burst(30, "ann", "", whole) > 0 { // until nothing is left
	}
	await.Within(t, node.Patience, "nothing is held", func() bool { return f.db.holds() == 0 })
	f.db.consistent()
	u := f.usageOf(f.nodes[1], "ann", "")
	got := f.tallies()["ann"].answered
	if u.Usage.Requests+tookBack.Load() != got {
		t.Errorf("%d are counted and %d were taken back, want the %d that were answered", u.Usage.Requests, tookBack.Load(), got)
	}
	if most := 50*(resets.Load()+1) + given.Load(); got > most {
		t.Errorf("%d answered, want at most %d: fifty for each of %d resets and at first, and %d gifts", got, most, resets.Load(), given.Load())
	}
	if u.Credits.Requests != 0 || integer(t, u.Limits[0].Remaining) != 0 {
		t.Errorf("%d credits are left and %s of the limit, want nothing", u.Credits.Requests, u.Limits[0].Remaining)
	}
	db := f.db.open()
	defer db.Close() //nolint:errcheck // it was only read
	var drawn, allowed int64
	if err := db.QueryRow(`SELECT sum(credit_requests) FILTER (WHERE kind = 0), sum(requests - credit_requests) FROM usage`).Scan(&drawn, &allowed); err != nil {
		t.Fatal(err)
	}
	if drawn != given.Load() || allowed != 50 {
		t.Errorf("%d were paid by credits and %d by the limit since the last reset, want the %d given and 50", drawn, allowed, given.Load())
	}
}

// twice sends a change of an identity through two nodes, to be applied once, and returns the answer. An account that so
// many ask for may be had only after the node's patience: it then says to send the change again.
func (f *fleet) twice(i int, path, body string) []byte {
	var bodies [2]string
	for n := range bodies {
		send := func() answer {
			return f.control(f.nodes[(i+n)%len(f.nodes)], http.MethodPost, "/ann"+path, body, "Idempotency-Key", fmt.Sprint(path, i))
		}
		a := send()
		for end := time.Now().Add(node.Patience); a.status == http.StatusServiceUnavailable && time.Now().Before(end); {
			a = send()
		}
		if a.status != http.StatusOK {
			f.t.Errorf("%s: %d %v %s", path, a.status, a.err, a.body)
		}
		bodies[n] = a.body
	}
	if bodies[0] != bodies[1] {
		f.t.Errorf("%s sent twice is answered\n%s\nand\n%s", path, bodies[0], bodies[1])
	}
	return []byte(bodies[0])
}

// A node is killed with requests running. Until the others know they count as running, and then as they were held.
func TestNodeKilledMidRequest(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(f *fleet){
		"by a short beat":         func(f *fleet) { f.serveByClocks(newClock(t, 0), newClock(t, 0), newClock(t, 0)) },
		"by the binary's own one": func(f *fleet) { f.serve(3) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !long && strings.Contains(name, "binary") {
				t.Skip("LONG is not set")
			}
			f := newFleet(t, shared(t), `"requestLimit": 100`)
			start(f)
			var running sync.WaitGroup
			for i := range 40 {
				running.Go(func() { f.ask(f.nodes[0], "ann", "", []string{held, midway}[i%2]) })
			}
			f.awaitArrived(40)
			f.kill(0)
			running.Wait()
			killed := time.Now()
			if got := f.burst(100, "ann", "", whole); got != 60 {
				t.Errorf("%d of 100 answered after the kill, want the 60 that are left", got)
			}
			f.reconcile()
			if took := time.Since(killed); took > time.Minute {
				t.Errorf("what the node left was settled after %s, want within a minute", took)
			}
			if u := f.usageOf(f.nodes[1], "ann", ""); u.Usage.Requests != 100 {
				t.Errorf("%d requests are counted, want 100: what the node left is settled as it was held", u.Usage.Requests)
			}
		})
	}
}

// A node is paused for moments, again and again, with whatever it is doing. The others go on, and so does it.
func TestNodeIsPausedUnderLoad(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), tiers)
	f.serve(3)
	l := f.load(24, "paused", calm)
	rounds := 3
	if long {
		rounds = 30
	}
	for i := range rounds {
		f.more(50, answered)
		p, others := f.nodes[i%3], append(f.nodes[:i%3:i%3], f.nodes[i%3+1:]...)
		l.turnTo(others...)
		p.Signal(syscall.SIGSTOP)
		f.more(30, answered)
		p.Signal(syscall.SIGCONT)
		l.turnTo(f.nodes...)
	}
	l.end()
	f.reconcile()
	f.fillAll()
}

// A node is paused within a transaction, with rows locked and streams running, for so long that the others take it for
// dead. They go on, and when it comes back it goes on too; what it had running is counted once.
func TestNodeIsPausedWithinATransaction(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), tiers)
	f.serveByClocks(newClock(t, 0), newClock(t, 0))
	for _, identity := range []string{"stuck", "streaming"} {
		f.ask(f.nodes[0], identity, "requests", whole)
	}
	var streams sync.WaitGroup
	for range 10 {
		streams.Go(func() { f.ask(f.nodes[0], "streaming", "requests", midway) })
	}
	f.awaitArrived(12)
	back := f.doubt(f.nodes[0])
	f.pauseWithin(f.nodes[0], "stuck", &streams)

	began := time.Now()
	for i := range 30 {
		if end := f.ask(f.nodes[1], fmt.Sprint("free ", i%5), "requests", whole); end != answered {
			t.Errorf("a request of another account is %s, want it answered", end)
		}
	}
	await.Within(t, node.Patience, "the account that it had locked is free again", func() bool {
		return f.ask(f.nodes[1], "stuck", "requests", whole) == answered
	})
	t.Logf("the locked account was free after %s", time.Since(began))
	await.Within(t, node.Patience, "the paused node is taken for dead", func() bool { return f.db.holds() == 0 })

	f.nodes[0].Signal(syscall.SIGCONT)
	f.open()
	streams.Wait()
	f.awaitReady()
	for i := range 10 {
		if end := f.ask(f.nodes[i%2], "free 0", "requests", whole); end != answered {
			t.Errorf("a request after the pause is %s, want it answered", end)
		}
	}
	back()
	f.reconcile()
	for identity, y := range f.tallies() {
		f.fill(identity, y.answered)
	}
	f.reconcile()

	// It counts among the living again: what it begins now nobody else settles.
	f.gate = make(chan struct{})
	arrived := f.arrived
	for range 5 {
		streams.Go(func() { f.ask(f.nodes[0], "after", "requests", held) })
	}
	f.awaitArrived(arrived + 5)
	beats := func() int { return f.db.number(`SELECT coalesce(sum(beat), 0) FROM nodes`) }
	enough := beats() + 2*10
	await.Within(t, node.Patience, "both nodes have looked at each other for longer than a dead one is given", func() bool { return beats() >= enough })
	f.open()
	streams.Wait()
	f.reconcile()
}

// pauseWithin stops a node while it has an identity's row locked.
func (f *fleet) pauseWithin(p *node.Process, identity string, asking *sync.WaitGroup) {
	f.t.Helper()
	sessions := func(condition string) int {
		return f.db.number(fmt.Sprintf(`SELECT count(*) FROM pg_stat_activity
			WHERE datname = '%s' AND application_name = 'airatelimit' AND %s`, f.db.name, condition))
	}
	waits := func() bool { return sessions(`wait_event_type = 'Lock'`) > 0 }
	for range 50 {
		// It waits for a lock that somebody else has, is stopped, and is given the lock.
		unlock := f.db.lock(`SELECT FROM identities WHERE identity = '` + identity + `' FOR UPDATE`)
		seen := make(chan struct{})
		asking.Go(func() {
			for { // a request gives up the lock in time, which is short for a busy machine
				f.ask(p, identity, "requests", whole)
				select {
				case <-seen:
					return
				case <-f.t.Context().Done():
					return
				default:
				}
			}
		})
		await.Within(f.t, node.Patience, "the node waits for the lock", waits)
		p.Signal(syscall.SIGSTOP)
		close(seen)
		unlock()
		await.Within(f.t, node.Patience, "nobody waits for the lock", func() bool { return !waits() })
		if sessions(`state = 'idle in transaction'`) > 0 {
			return
		}
		p.Signal(syscall.SIGCONT) // it had given up just before
	}
	f.t.Fatal("the node could not be stopped within a transaction")
}

// A node's clock is stepped forwards and back, over the ends of periods too. Nobody is admitted over a limit for it, and
// what runs is counted once.
func TestClockIsStepped(t *testing.T) {
	t.Parallel()
	for name, db := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, db(t), `"limitPeriod": "hourly", "enforcement": "strict", "tiers": {"requests": {"requestLimit": 40}, "tokens": {"tokenLimit": 900}, "open": {}}`)
			c := newClock(t, 0)
			f.serveByClocks(c)
			for i, step := range []time.Duration{90 * time.Minute, -90 * time.Minute, 30 * time.Hour, 29 * time.Hour, -48 * time.Hour, 0} {
				l := f.load(8, "", calm)
				f.more(60, answered)
				c.set(step)
				f.more(60, answered)
				l.end()
				if t.Failed() {
					t.Fatalf("after step %d, to %s", i, step)
				}
			}
			f.nodes[0].Stop() // which writes everything
			if n := f.db.holds(); n != 0 {
				t.Errorf("%d requests are held with nothing running", n)
			}
			f.wantHoursWithin()
		})
	}
}

// wantHoursWithin checks that what is counted is what was answered, and no hour has more of an identity than its limit.
func (f *fleet) wantHoursWithin() {
	f.t.Helper()
	f.agree()
	db := f.db.open()
	defer db.Close() //nolint:errcheck // it was only read
	for tier, most := range limits {
		var over int
		err := db.QueryRow(`SELECT count(*) FROM (SELECT 1 FROM usage WHERE tier = $1 GROUP BY identity, hour
			HAVING $2 > 0 AND sum(requests) > $2 OR $3 > 0 AND sum(tokens) > $3) AS o`, tier, most.requests, most.tokens).Scan(&over)
		if err != nil {
			f.t.Fatal(err)
		}
		if over > 0 {
			f.t.Errorf("%d identities have more in an hour than the tier %s allows", over, tier)
		}
	}
}

// stores are a database of each kind.
func stores(*testing.T) map[string]func(*testing.T) *database {
	return map[string]func(*testing.T) *database{"sqlite": file, "postgres": shared}
}
