package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// The database goes away under load and comes back, in every way in which one does. What comes meanwhile is refused and
// costs nothing, what was running is answered and counted, and nobody has to do anything.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	c, db := private(t)
	f := newFleet(t, db, tiers)
	f.serve(2)
	ways := []struct {
		name string
		end  func() error
	}{
		{"killed", c.Kill},
		{"stopped at once", func() error { return c.Stop(pgtest.Immediate) }},
		{"stopped", func() error { return c.Stop(pgtest.Fast) }},
	}
	rounds := len(ways)
	if long {
		rounds = 9
	}
	for round := range rounds {
		how := ways[round%len(ways)]
		l := f.load(16, fmt.Sprint("round", round), calm)
		f.more(100, answered)
		if err := how.end(); err != nil {
			t.Fatalf("%s: %v", how.name, err)
		}
		f.more(20, unavailable)
		f.wantAway(how.name)
		if err := c.Start(); err != nil {
			t.Fatalf("%s: %v", how.name, err)
		}
		f.awaitReady()
		f.more(100, answered)
		l.end()
		f.reconcile()
		if t.Failed() {
			t.Fatalf("after the database was %s", how.name)
		}
	}
	f.fillAll()
}

// wantAway checks what the nodes say while the database is away.
func (f *fleet) wantAway(when string) {
	f.t.Helper()
	f.wantNotReady(when)
	for _, p := range f.nodes {
		for path, dialect := range dialects {
			f.wantUnavailable(p, path, dialect.body, dialect.says)
		}
	}
}

// wantNotReady checks that the nodes say that they are not ready, and why.
func (f *fleet) wantNotReady(when string) {
	f.t.Helper()
	for i, p := range f.nodes {
		var status int
		var reason string
		await.Within(f.t, node.Patience, fmt.Sprintf("node %d is not ready", i), func() bool {
			status, reason = f.ready(p)
			return status == http.StatusServiceUnavailable
		})
		if !strings.Contains(reason, "the database") {
			f.t.Errorf("%s: /readyz of node %d says %q, want that it is the database", when, i, reason)
		}
	}
}

// dialects are a request of each, and the words by which its error is known.
var dialects = map[string]struct{ body, says string }{
	"/v1/chat/completions": {`{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}`, `"code":"unavailable"`},
	"/v1/messages":         {`{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`, `"type":"overloaded_error"`},
	"/v1beta/models/gemini-2.0-flash:streamGenerateContent": {`{"contents":[{"role":"user","parts":[{"text":"hello"}]}]}`, `"status":"UNAVAILABLE"`},
}

func (f *fleet) wantUnavailable(p *node.Process, path, body, says string) {
	f.t.Helper()
	began := time.Now()
	a := f.do(f.request(f.t.Context(), p, http.MethodPost, path, "nobody", body))
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, says) {
		f.t.Errorf("%s with the database away: %d %v %s, want 503 with Retry-After and %s", path, a.status, a.err, a.body, says)
	}
	if took := time.Since(began); took > 15*time.Second {
		f.t.Errorf("%s with the database away is refused after %s", path, took)
	}
}

// Connections are cut, again and again, in the middle of whatever they carry.
func TestConnectionsAreCut(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), tiers)
	f.serve(2)
	rounds := 8
	if long {
		rounds = 60
	}
	l := f.load(16, "cut", calm)
	for range rounds {
		f.more(25, answered)
		f.db.cut("airatelimit%")
	}
	f.more(100, answered)
	l.end()
	f.reconcile()
	f.fillAll()
}

// Somebody keeps the ledger's table locked for longer than anybody waits.
func TestDatabaseIsLocked(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), tiers)
	f.serve(2)
	l := f.load(16, "locked", calm)
	for range 2 {
		f.more(60, answered)
		unlock := f.db.lock(`LOCK TABLE identities IN ACCESS EXCLUSIVE MODE`)
		f.more(20, unavailable)
		unlock()
		f.awaitReady()
		f.more(60, answered)
	}
	l.end()
	f.reconcile()
	f.fillAll()
}

// One account is locked by somebody else: who asks for another one is not kept waiting.
func TestOneAccountIsLocked(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), tiers)
	f.serve(2)
	for _, identity := range []string{"locked", "free"} {
		if end := f.ask(f.nodes[0], identity, "requests", whole); end != answered {
			t.Fatalf("%s is %s", identity, end)
		}
	}
	unlock := f.db.lock(`SELECT FROM identities WHERE identity = 'locked' FOR UPDATE`)
	blocked := make(chan outcome, 4)
	for i := range 4 {
		go func() { blocked <- f.ask(f.nodes[i%2], "locked", "requests", whole) }()
	}
	for i := range 20 {
		if end := f.ask(f.nodes[i%2], fmt.Sprint("free ", i%5), "requests", whole); end != answered {
			t.Errorf("a request of another account is %s, want it answered", end)
		}
	}
	for range 4 {
		if end := <-blocked; end != unavailable {
			t.Errorf("a request of the locked account is %s, want it refused as unavailable in the end", end)
		}
	}
	for i, p := range f.nodes {
		if status, reason := f.ready(p); status != http.StatusOK {
			t.Errorf("node %d is not ready: %s; one account is no reason", i, reason)
		}
	}
	unlock()
	f.reconcile()
	f.fillAll()
}

// The primary dies and its synchronous replica takes over. Whatever was acknowledged is there.
func TestFailoverToAReplica(t *testing.T) {
	t.Parallel()
	c := pgtest.New(t, pgtest.Options{TCP: true})
	db := in(t, c)
	replica, err := c.Replica()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := replica.Remove(); err != nil {
			t.Errorf("remove the replica: %v", err)
		}
	})
	if err := c.Exec("postgres", `ALTER SYSTEM SET synchronous_standby_names = '*'`, `SELECT pg_reload_conf()`); err != nil {
		t.Fatal(err)
	}
	db.url = "postgresql://app@" + c.Address() + "," + replica.Address() + "/" + db.name + "?target_session_attrs=read-write&connect_timeout=2"
	f := newFleet(t, db, tiers)
	f.serve(2)
	l := f.load(16, "failover", calm)
	f.more(200, answered)
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	f.more(20, unavailable)
	if err := replica.Promote(); err != nil {
		t.Fatal(err)
	}
	db.cluster = replica
	f.awaitReady()
	f.more(200, answered)
	l.end()
	f.reconcile()
	f.fillAll()
}

// A synchronous replica that hangs makes commits hang: what is not acknowledged is not given out, and counted once when
// the replica goes on.
func TestCommitsHang(t *testing.T) {
	t.Parallel()
	c, db := private(t)
	f := newFleet(t, db, tiers)
	f.serve(2)
	l := f.load(8, "hanging", calm)
	f.more(50, answered)
	if err := c.Exec("postgres", `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`); err != nil {
		t.Fatal(err)
	}
	f.more(8, unavailable)
	f.wantNotReady("with commits that hang")
	if err := c.Exec("postgres", `ALTER SYSTEM RESET synchronous_standby_names`, `SELECT pg_reload_conf()`); err != nil {
		t.Fatal(err)
	}
	f.awaitReady()
	f.more(50, answered)
	l.end()
	f.reconcile()
	f.fillAll()
}

// A project that fails open lets requests pass while the database is away, and says so. They are counted afterwards.
func TestFailOpenIsCountedAfterwards(t *testing.T) {
	t.Parallel()
	c, db := private(t)
	f := newFleet(t, db, `"failOpen": true`)
	f.limits = nil
	f.serve(2)
	l := f.load(8, "open", calm)
	f.more(50, answered)
	if err := c.Kill(); err != nil {
		t.Fatal(err)
	}
	f.more(100, answered)
	f.wantNotReady("killed")
	if n := f.unchecked.Load(); n < 50 {
		t.Errorf("%d answers are marked as unchecked, want those that came while the database was away", n)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	f.awaitReady()
	f.more(50, answered)
	l.end()
	f.reconcile()
}

// The database falls silent without a word, and wakes up again in the middle of what it was doing. What was asked of it
// meanwhile is not known to have been done: it is undone, or counted once.
func TestDatabaseFallsSilent(t *testing.T) {
	t.Parallel()
	c, db := private(t)
	f := newFleet(t, db, tiers)
	f.serve(2)
	rounds := 1
	if long {
		rounds = 6
	}
	for round := range rounds {
		l := f.load(12, fmt.Sprint("round", round), calm)
		f.more(60, answered)
		resume, err := c.Pause()
		if err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		wake := func() {
			once.Do(func() {
				if err := resume(); err != nil {
					t.Errorf("resume: %v", err)
				}
			})
		}
		t.Cleanup(wake)
		f.more(12, unavailable)
		f.wantAway("silent")
		wake()
		f.awaitReady()
		f.more(60, answered)
		l.end()
		f.reconcile()
	}
	f.fillAll()
}
