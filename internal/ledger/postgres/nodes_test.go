package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/await"
)

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func named(name string) ledger.Key { return ledger.Key{Project: "pk_test", Identity: name} }

// requests makes rules with a limit of n requests a day.
func requests(most int64) *limit.Rules {
	r := limit.Resolve(limit.Levels{Project: &limit.Level{Caps: limit.Caps{&most}}}, "gpt-4o", limit.Daily, false)
	return &r
}

// ask makes a request of ten tokens, as the gateway does.
func ask(l *Ledger, key ledger.Key, r *limit.Rules, now time.Time) (*ledger.Reservation, error) {
	for {
		settings, _, err := l.Settings(context.Background(), key)
		if err != nil {
			return nil, err
		}
		res, err := l.Reserve(context.Background(), ledger.Request{Key: key, Settings: settings, Rules: r, Now: now,
			Ask: limit.Ask{Tier: "pro", Estimate: limit.Amounts{1, 10, 100}}})
		if !errors.Is(err, ledger.ErrStale) {
			return res, err
		}
	}
}

// admitted is ask for a call that must not fail. It returns nil for a refusal.
func admitted(t testing.TB, l *Ledger, key ledger.Key, r *limit.Rules, now time.Time) *ledger.Reservation {
	t.Helper()
	res, err := ask(l, key, r, now)
	if err != nil {
		t.Errorf("reserve: %v", err)
		return nil
	}
	if res.Decision.Refusal != limit.Admitted {
		return nil
	}
	return res
}

func settled(t testing.TB, l *Ledger, res *ledger.Reservation, tokens int64) {
	t.Helper()
	if err := l.Settle(context.Background(), res, ledger.Actual{Amounts: limit.Amounts{1, tokens, 10 * tokens}, InputTokens: tokens}); err != nil {
		t.Errorf("settle: %v", err)
	}
}

// used returns the usage of an identity, and how many of its requests run.
func used(t testing.TB, l *Ledger, key ledger.Key, now time.Time) (limit.Amounts, int) {
	t.Helper()
	a, err := l.Account(context.Background(), key, limit.Daily, now)
	if err != nil {
		t.Fatalf("account: %v", err)
	}
	return a.State.Total(), len(a.State.Holds)
}

func wantUsed(t testing.TB, l *Ledger, key ledger.Key, now time.Time, want limit.Amounts) {
	t.Helper()
	if got, running := used(t, l, key, now); got != want || running != 0 {
		t.Errorf("%s has used %v with %d running, want %v with none", key.Identity, got, running, want)
	}
}

// several opens nodes on one database, each with its own pool.
func several(t testing.TB, n int, configure ...func(*pgxpool.Config)) []*process {
	t.Helper()
	url := migrated.Database(t)
	after := newPool(t, url)
	t.Cleanup(func() { wantConsistent(t, after) }) // when all are closed
	nodes := make([]*process, n)
	for i := range nodes {
		nodes[i] = openOn(t, newPool(t, url, configure...))
	}
	return nodes
}

// wantConsistent checks that the usage in an account's row is the sum of its usage rows, and that
// nothing is negative.
func wantConsistent(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	rows, err := pool.Query(context.Background(), `SELECT project_id, identity, period_start, used FROM identities WHERE period >= 0`)
	if err != nil {
		t.Fatal(err)
	}
	type kept struct {
		key   ledger.Key
		start int64
		used  string
	}
	var all []kept
	for rows.Next() {
		var k kept
		if err := rows.Scan(&k.key.Project, &k.key.Identity, &k.start, &k.used); err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		var sum, total limit.Amounts
		for _, u := range decodeUsed(k.used) {
			sum = sum.Add(u.Counted).Add(u.Credited)
		}
		err := pool.QueryRow(context.Background(), `SELECT coalesce(sum(requests), 0)::int8, coalesce(sum(tokens), 0)::int8,
			coalesce(sum(micros), 0)::int8 FROM usage WHERE project_id = $1 AND identity = $2 AND hour >= $3`,
			k.key.Project, k.key.Identity, k.start).Scan(&total[0], &total[1], &total[2])
		if err != nil {
			t.Fatal(err)
		}
		if sum != total {
			t.Errorf("%s keeps %v as used, its usage adds up to %v", k.key.Identity, sum, total)
		}
		for _, n := range total {
			if n < 0 {
				t.Errorf("%s has used %v", k.key.Identity, total)
			}
		}
	}
}

// race sends requests of one identity to all nodes at once and returns how many were admitted.
// Some of them stay running, the others end at once.
func race(t *testing.T, nodes []*process, n int, key ledger.Key, r *limit.Rules, now func(i int) time.Time) (count int64) {
	t.Helper()
	var got atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			node := nodes[i%len(nodes)].Ledger
			if res := admitted(t, node, key, r, now(i)); res != nil {
				got.Add(1)
				settled(t, node, res, 7)
			}
		})
	}
	wg.Wait()
	written(t, nodes, key)
	return got.Load()
}

// written waits until all queued calls of an identity are in the database.
func written(t testing.TB, nodes []*process, key ledger.Key) {
	t.Helper()
	for _, n := range nodes {
		used(t, n.Ledger, key, noon)
	}
}

func at(when time.Time) func(int) time.Time { return func(int) time.Time { return when } }

// A limit of a hundred admits a hundred, whichever nodes decide.
func TestThreeNodesAdmitExactly(t *testing.T) {
	t.Parallel()
	nodes := several(t, 3)
	r := requests(100)
	for round := range 5 {
		key := named(fmt.Sprint("new ", round))
		if got := race(t, nodes, 300, key, r, at(noon)); got != 100 {
			t.Errorf("new identity: %d of 300 admitted, want 100", got)
		}
		wantUsed(t, nodes[round%3].Ledger, key, noon, limit.Amounts{100, 700, 7000})
	}
	known := named("known")
	for range 40 {
		settled(t, nodes[0].Ledger, admitted(t, nodes[0].Ledger, known, r, noon), 7)
	}
	if got := race(t, nodes, 300, known, r, at(noon)); got != 60 {
		t.Errorf("known identity: %d of 300 admitted, want the 60 that were left of 100", got)
	}
	wantUsed(t, nodes[1].Ledger, known, noon, limit.Amounts{100, 700, 7000})
}

// At midnight each node begins the new day at its own moment. Each day admits its hundred.
func TestThreeNodesTurnThePeriod(t *testing.T) {
	t.Parallel()
	nodes := several(t, 3)
	r, key := requests(100), named("alice")
	midnight := time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC)
	if got := race(t, nodes, 300, key, r, at(midnight.Add(-time.Second))); got != 100 {
		t.Errorf("before midnight: %d admitted, want 100", got)
	}
	// The clocks differ by up to a second in each direction.
	got := race(t, nodes, 300, key, r, func(i int) time.Time { return midnight.Add(time.Duration(i%3-1) * time.Second) })
	if got != 100 {
		t.Errorf("around midnight: %d admitted, want the new day's 100 and none of the old", got)
	}
	wantUsed(t, nodes[2].Ledger, key, midnight, limit.Amounts{100, 700, 7000})
}

// Resets and new credits come in between, from any node. The number of admitted requests matches
// them.
func TestResetsAndGiftsUnderFire(t *testing.T) {
	t.Parallel()
	nodes := several(t, 3)
	r, key := requests(50), named("alice")
	var (
		wg        sync.WaitGroup
		requested atomic.Int64
		tookBack  atomic.Int64
		given     atomic.Int64
	)
	change := func(l *Ledger, apply func(a *ledger.Account)) {
		_, err := l.Change(context.Background(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon,
			Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
				apply(accounts[0])
				return ledger.Outcome{}, nil
			}})
		if err != nil {
			t.Errorf("change: %v", err)
		}
	}
	for i := range 300 {
		node := nodes[i%3].Ledger
		wg.Go(func() {
			if res := admitted(t, node, key, r, noon); res != nil {
				requested.Add(1)
				settled(t, node, res, 1)
			}
		})
		switch {
		case i%50 == 20:
			wg.Go(func() {
				change(node, func(a *ledger.Account) { a.State.AddCredits(limit.Amounts{5, 0, 0}) })
				given.Add(5)
			})
		case i%100 == 70:
			wg.Go(func() {
				var last limit.Amounts
				change(node, func(a *ledger.Account) { last = a.Reset(true, true) })
				tookBack.Add(last[limit.Requests])
			})
		}
	}
	wg.Wait()
	written(t, nodes, key)
	a, err := nodes[0].Account(t.Context(), key, limit.Daily, noon)
	if err != nil {
		t.Fatal(err)
	}
	total := a.State.Total()[limit.Requests]
	if got := total + tookBack.Load(); got != requested.Load() || len(a.State.Holds) != 0 {
		t.Errorf("%d are counted and %d were taken back, want %d in all; %d are running", total, tookBack.Load(), requested.Load(), len(a.State.Holds))
	}
	var credited int64
	for _, u := range a.State.Used {
		credited += u.Credited[limit.Requests]
	}
	if counted := total - credited; counted > 50 {
		t.Errorf("%d are counted against a limit of 50", counted)
	}
	if left := a.State.Credits[limit.Requests]; left < 0 || left > given.Load() {
		t.Errorf("%d credits are left of %d", left, given.Load())
	}
}

// looks makes nodes check each other several times, one beat apart.
func looks(t *testing.T, l *Ledger, from time.Time, n int, also ...func()) time.Time {
	t.Helper()
	for range n {
		from = from.Add(5 * time.Second)
		if err := l.checkNodes(t.Context(), from); err != nil {
			t.Fatalf("look: %v", err)
		}
		for _, f := range also {
			f()
		}
	}
	return from
}

// beating gives nodes the beat interval of production, without a timer.
func beating(nodes []*process) {
	for _, n := range nodes {
		n.nodes.silence, n.nodes.maxStep = 30*time.Second, 10*time.Second
	}
}

// A node whose beat does not change for thirty seconds is dead, and its orphans are settled once
// as they stand, even if two nodes do so at once. A node that beats lives.
func TestDeadNodeIsSweptOnce(t *testing.T) {
	t.Parallel()
	nodes := several(t, 4)
	beating(nodes)
	dead, alive := nodes[0], nodes[3]
	r, key := requests(100), named("alice")
	var running []*ledger.Reservation
	for range 20 {
		running = append(running, admitted(t, dead.Ledger, key, r, noon))
	}
	living := admitted(t, alive.Ledger, key, r, noon)
	beats := func() {
		if err := alive.beat(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	start := time.Now()
	now := looks(t, nodes[1].Ledger, start, 6, beats)
	looks(t, nodes[2].Ledger, start, 6, beats)
	if got, n := used(t, nodes[1].Ledger, key, noon); got != (limit.Amounts{21, 0, 0}) || n != 21 {
		t.Fatalf("after 25 s of silence %v are used with %d running, want all 21 running", got, n)
	}
	var wg sync.WaitGroup
	for _, n := range nodes[1:3] {
		wg.Go(func() {
			if err := n.checkNodes(t.Context(), now.Add(5*time.Second)); err != nil {
				t.Errorf("look: %v", err)
			}
		})
	}
	wg.Wait()
	if got, n := used(t, nodes[1].Ledger, key, noon); got != (limit.Amounts{21, 200, 2000}) || n != 1 {
		t.Errorf("after 30 s of silence %v are used with %d running, want 20 settled as they stood and one running", got, n)
	}

	// The dead node's ends of these requests come too late; its new requests count.
	for _, res := range running {
		settled(t, dead.Ledger, res, 1)
	}
	settled(t, alive.Ledger, living, 5)
	written(t, nodes, key)
	again := admitted(t, dead.Ledger, key, r, noon)
	looks(t, nodes[1].Ledger, now.Add(5*time.Second), 1, beats)
	if _, n := used(t, nodes[1].Ledger, key, noon); n != 1 {
		t.Errorf("%d run, want the one of the node that came back", n)
	}
	settled(t, dead.Ledger, again, 5)
	wantUsed(t, dead.Ledger, key, noon, limit.Amounts{22, 210, 2100})
}

// A node that was declared dead goes on at once, even if its pool has one connection.
func TestDeclaredDeadWithOneConnection(t *testing.T) {
	t.Parallel()
	p := openOn(t, newPool(t, migrated.Database(t), func(c *pgxpool.Config) { c.MaxConns = 1 }))
	key, r := named("alice"), requests(100)
	settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 7)
	if err := p.deregister(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := p.node.Load()
	res := admitted(t, p.Ledger, key, r, noon)
	if res == nil {
		t.Fatal("refused")
	}
	if p.node.Load() == old {
		t.Error("it goes on under the id of the dead")
	}
	settled(t, p.Ledger, res, 7)
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{2, 14, 140})
}

// While the database was unavailable no node could beat, so no node is declared dead.
func TestTimeWithoutTheDatabaseIsNoSilence(t *testing.T) {
	t.Parallel()
	nodes := several(t, 2)
	beating(nodes)
	key := named("alice")
	res := admitted(t, nodes[0].Ledger, key, requests(1), noon)
	now := looks(t, nodes[1].Ledger, time.Now(), 2)
	looks(t, nodes[1].Ledger, now.Add(time.Hour), 1)
	if _, n := used(t, nodes[1].Ledger, key, noon); n != 1 {
		t.Errorf("%d run, want the one that does", n)
	}
	settled(t, nodes[0].Ledger, res, 5)
	wantUsed(t, nodes[0].Ledger, key, noon, limit.Amounts{1, 5, 50})
}

// The next start settles the orphans of a killed node once that node is declared dead, and those
// of a closed node at once.
func TestTheNextStartSettlesWhatIsLeft(t *testing.T) {
	t.Parallel()
	url := migrated.Database(t)
	key, r := named("alice"), requests(100)
	first := openOn(t, newPool(t, url))
	admitted(t, first.Ledger, key, r, noon)
	first.Restart(t)
	wantUsed(t, first.Ledger, key, noon, limit.Amounts{1, 10, 100})

	admitted(t, first.Ledger, key, r, noon)
	second := openOn(t, newPool(t, url))
	beating([]*process{second})
	if _, n := used(t, second.Ledger, key, noon); n != 1 {
		t.Errorf("%d run, want one: nobody knows yet that its node is gone", n)
	}
	looks(t, second.Ledger, time.Now(), 7)
	wantUsed(t, second.Ledger, key, noon, limit.Amounts{2, 20, 200})
}

// orphan makes a hold of a node that is dead.
func orphan(t *testing.T, p *process, key ledger.Key, id int64) {
	t.Helper()
	_, err := p.pool.Exec(t.Context(), `INSERT INTO holds (project_id, identity, id, node, model, tier, requests, tokens, micros, admitted_at)
		VALUES ($1, $2, $3, 999, '', '', 1, 10, 100, $4)`, key.Project, key.Identity, id, noon.UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
}

// Orphans that the database rejects do not stop the sweep of those after them, in one check or,
// if it takes long, in several.
func TestWhatCannotBeSettledIsPassedOver(t *testing.T) {
	t.Parallel()
	for name, patient := range map[string]bool{"in one look": true, "in several": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := openProcess(t)
			p.nodes.sweepSize = 2
			if !patient {
				p.Ledger.opts.Beat = 0
			}
			mallory, alice, bob := named("mallory"), named("alice"), named("bob")
			for id, key := range []ledger.Key{mallory, mallory, mallory, alice, mallory, bob, bob} {
				settled(t, p.Ledger, admitted(t, p.Ledger, key, requests(100), noon), 0)
				written(t, []*process{p}, key)
				orphan(t, p, key, int64(1+id))
			}
			exec := func(sql string) {
				t.Helper()
				if _, err := p.pool.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			exec(`UPDATE holds SET node = 1000, id = 1 WHERE id = 7`) // it comes after all orphans of the first node
			exec(`ALTER TABLE usage ADD CHECK (identity <> 'mallory') NOT VALID`)
			// The checks reach all pages. The first three have orphans that are rejected.
			for i := range 4 {
				err := p.checkNodes(t.Context(), noon)
				expected := failureOf(err) == rejected
				if !patient && i == 3 {
					expected = err == nil
				}
				if !expected {
					t.Errorf("look %d: %v", i+1, err)
				}
			}
			wantUsed(t, p.Ledger, alice, noon, limit.Amounts{2, 10, 100})
			wantUsed(t, p.Ledger, bob, noon, limit.Amounts{4, 20, 200})
			if _, n := used(t, p.Ledger, mallory, noon); n != 4 {
				t.Errorf("%d run of those that cannot be settled, want all 4", n)
			}
			// And they reach them again.
			exec(`ALTER TABLE usage DROP CONSTRAINT usage_identity_check`)
			looks(t, p.Ledger, noon, 1)
			wantUsed(t, p.Ledger, mallory, noon, limit.Amounts{8, 40, 400})
		})
	}
}

// Close does not wait for a check whose calls no lane makes any more.
func TestCloseDuringALook(t *testing.T) {
	t.Parallel()
	pool := newPool(t, migrated.Database(t))
	p := &process{pool: pool, opts: Options{Beat: never}}
	p.open(t)
	key := named("alice")
	settled(t, p.Ledger, admitted(t, p.Ledger, key, requests(100), noon), 7)
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{1, 7, 70})
	orphan(t, p, key, 1)
	p.stop()
	defer p.queue.close(t.Context())()
	p.idle.Wait() // until the lanes have ended
	look, end := context.WithCancel(t.Context())
	p.idle.Go(func() {
		if err := p.sweep(look); !errors.Is(err, context.Canceled) {
			t.Errorf("sweep: %v, want that it was canceled", err)
		}
	})
	await.Soon(t, "the hold is found", func() bool {
		p.queue.mu.Lock()
		defer p.queue.mu.Unlock()
		return len(p.queue.lines) > 0
	})
	end()
	closed := make(chan error, 1)
	go func() { closed <- p.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("close: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Close hangs")
	}
}

// Nodes work on accounts in any order without a deadlock.
func TestNodesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	nodes := several(t, 3)
	r := requests(1_000_000)
	var wg sync.WaitGroup
	var count atomic.Int64
	for w := range 24 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for range 40 {
				node := nodes[w%3].Ledger
				// New identities come all the time.
				res := admitted(t, node, named(fmt.Sprint(rng.IntN(200))), r, noon)
				if res == nil {
					t.Error("refused far below the limit")
					return
				}
				count.Add(1)
				settled(t, node, res, 1)
			}
		})
	}
	wg.Wait()
	for _, n := range nodes {
		n.Restart(t)
	}
	var sum, names int64
	if err := nodes[0].pool.QueryRow(t.Context(), `SELECT sum(requests)::int8, count(DISTINCT identity) FROM usage`).Scan(&sum, &names); err != nil {
		t.Fatal(err)
	}
	if sum != count.Load() {
		t.Errorf("%d counted of %d", sum, count.Load())
	}
}

// Two transactions that lock the same rows in opposite orders would deadlock. A transaction that
// waits for its first row has locked none of the others.
func TestRowsAreLockedInTheOrderOfTheirKeys(t *testing.T) {
	t.Parallel()
	const n = 50
	url := migrated.Database(t)
	p, others := openOn(t, newPool(t, url)), newPool(t, url)
	p.reserveMany(t, n, 1000)
	var keys []ledger.Key
	var calls []*call
	for i := range n {
		keys = append(keys, named(fmt.Sprint(n-1-i))) // 0 comes first
		calls = append(calls, &call{kind: readAccount, key: keys[i]})
	}
	count := func(sql string) (n int) {
		t.Helper()
		if err := others.QueryRow(t.Context(), sql).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// The results do not matter here: the calls may time out before the row is free.
	for who, lock := range map[string]func(){
		"a batch": func() {
			tx, err := p.begin(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer tx.s.close()
			_ = tx.lock(newBatch(p.queue, calls).wants, locking{timeout: changeLockTimeout})
		},
		"a change": func() {
			_, _ = p.Change(t.Context(), ledger.Change{Keys: keys, Period: limit.Daily, Now: noon,
				Apply: func([]*ledger.Account) (ledger.Outcome, error) { return ledger.Outcome{}, nil }})
		},
	} {
		first, err := others.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = first.Rollback(context.Background()) }) // if the test ends early
		if _, err := first.Exec(t.Context(), `SELECT FROM identities WHERE identity = '0' FOR UPDATE`); err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		running.Go(lock)
		await.Soon(t, who+" waits for the first row", func() bool {
			return count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
		})
		if free := count(`SELECT count(*) FROM (SELECT FROM identities FOR UPDATE SKIP LOCKED) AS free`); free != n-1 {
			t.Errorf("%s that waits for the first of %d rows leaves %d of the others free, want all", who, n, free)
		}
		if err := first.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		running.Wait()
	}
}

// Settings that one node sets are in force on another with its next request.
func TestSettingsOfAnotherNode(t *testing.T) {
	t.Parallel()
	nodes := several(t, 2)
	a, b, key := nodes[0].Ledger, nodes[1].Ledger, named("alice")
	set := func(s *ledger.Settings) {
		_, err := b.Change(t.Context(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon,
			Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
				accounts[0].Settings, accounts[0].Known = s, true
				return ledger.Outcome{}, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
	}
	r := requests(100)
	ofA := func() *ledger.Settings {
		s, _, err := a.Settings(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := ofA(); s != nil {
		t.Errorf("settings %+v of nobody", s)
	}
	for _, tier := range []string{"pro", "free"} {
		set(&ledger.Settings{Tier: tier})
		before := ofA()
		if _, err := a.Reserve(t.Context(), ledger.Request{Key: key, Settings: before, Rules: r, Now: noon}); !errors.Is(err, ledger.ErrStale) {
			t.Fatalf("a request that was resolved from old settings: %v, want ErrStale", err)
		}
		if s := ofA(); s == nil || s.Tier != tier {
			t.Errorf("settings %+v after that, want tier %s", s, tier)
		}
		settled(t, a, admitted(t, a, key, r, noon), 1)
	}
	// A disabled identity is read anew each time.
	set(&ledger.Settings{Disabled: true})
	if _, err := a.Reserve(t.Context(), ledger.Request{Key: key, Settings: ofA(), Rules: r, Now: noon}); !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("a request of a disabled identity: %v, want ErrStale", err)
	}
	if s := ofA(); s == nil || !s.Disabled {
		t.Fatalf("settings %+v, want disabled", s)
	}
	set(nil)
	if s := ofA(); s != nil {
		t.Errorf("settings %+v, want none at once", s)
	}
	wantUsed(t, a, key, noon, limit.Amounts{2, 2, 20})
}
