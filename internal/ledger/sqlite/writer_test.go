package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

var (
	noon  = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	alice = ledger.Key{Project: "pk_test", Identity: "alice"}
	bob   = ledger.Key{Project: "pk_test", Identity: "bob"}
)

// upTo are the rules of a project with a limit of n requests a day.
func upTo(n int64) *limit.Rules {
	r := limit.Resolve(limit.Levels{Project: &limit.Level{Caps: limit.Caps{&n}}}, "gpt-4o", limit.Daily, false)
	return &r
}

func tryReserve(l *Ledger, key ledger.Key, r *limit.Rules) (*ledger.Reservation, error) {
	return l.Reserve(context.Background(), ledger.Request{Key: key, Rules: r, Now: noon,
		Ask: limit.Ask{Tier: "pro", Estimate: limit.Amounts{1, 100, 10}}})
}

func reserve(t testing.TB, l *Ledger, key ledger.Key, r *limit.Rules) *ledger.Reservation {
	t.Helper()
	res, err := tryReserve(l, key, r)
	if err != nil || res.Decision.Refusal != limit.Admitted {
		t.Fatalf("reserve for %s: %+v, %v", key.Identity, res, err)
	}
	return res
}

// ripe puts a reservation's hold into the pending batch, as waiting for it does.
func ripe(res *ledger.Reservation) *ledger.Reservation {
	t := res.Commit.(*ticket)
	t.w.mu.Lock()
	defer t.w.mu.Unlock()
	if t.batch == nil {
		t.w.promote(t)
	}
	return res
}

func settle(t testing.TB, l *Ledger, res *ledger.Reservation) {
	t.Helper()
	if err := l.Settle(context.Background(), res, ledger.Actual{Amounts: limit.Amounts{1, 50, 5}}); err != nil {
		t.Fatalf("settle: %v", err)
	}
}

func release(t testing.TB, l *Ledger, res *ledger.Reservation) {
	t.Helper()
	if err := l.Release(context.Background(), res); err != nil {
		t.Fatalf("release: %v", err)
	}
}

func gift(l *Ledger, key ledger.Key, once *ledger.Once) (ledger.Outcome, error) {
	return l.Change(context.Background(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon, Once: once,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].State.Gift(limit.Amounts{1, 0, 0})
			return ledger.Outcome{Status: 200}, nil
		}})
}

// stalled returns a ledger whose writer does nothing by itself: what it would write stays
// in the pending batch until commit is called. It shares its file with a process that idles.
func stalled(t *testing.T) *Ledger {
	p := openProcess(t)
	l := &Ledger{once: flights{running: make(map[onceKey]*flight)}, reads: p.reads}
	for i := range l.shards {
		l.shards[i].accounts = make(map[ledger.Key]*account)
	}
	l.writer = &writer{conn: p.writer.conn, stmt: p.writer.stmt, pending: newBatch(), wake: make(chan struct{}, 1)}
	return l
}

// commit writes the pending batch and returns how many rows it changed.
func commit(t *testing.T, l *Ledger) (rows int64) {
	t.Helper()
	changes := func() (n int64) {
		t.Helper()
		if err := l.writer.conn.QueryRowContext(t.Context(), `SELECT total_changes()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := changes()
	if b := l.writer.take(); b != nil {
		if err := l.writer.commit(b); err != nil {
			t.Fatal(err)
		}
		l.writer.succeed(b)
	}
	return changes() - before
}

func wantRows(t *testing.T, got, want int64, what string) {
	t.Helper()
	if got != want {
		t.Errorf("%s changed %d rows, want %d", what, got, want)
	}
}

func TestWhatMeetsInABatchIsMerged(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	r := upTo(1000)

	settle(t, l, reserve(t, l, alice, r))
	wantRows(t, commit(t, l), 2, "a stranger's request (its identity, its usage)")
	settle(t, l, reserve(t, l, alice, r))
	wantRows(t, commit(t, l), 1, "a request that is reserved and settled")
	for range 100 {
		settle(t, l, reserve(t, l, alice, r))
	}
	wantRows(t, commit(t, l), 1, "a hundred of the same model, tier and hour")
	release(t, l, reserve(t, l, alice, r))
	wantRows(t, commit(t, l), 0, "a request that is reserved and released")

	running := ripe(reserve(t, l, alice, r))
	wantRows(t, commit(t, l), 1, "a hold")
	settle(t, l, running)
	wantRows(t, commit(t, l), 2, "its settlement, later (the hold, the usage)")
	running = ripe(reserve(t, l, alice, r))
	commit(t, l)
	release(t, l, running)
	wantRows(t, commit(t, l), 1, "its release, later")
}

// A hold is young until its answer begins or patience ends; one that ends before is never
// written.
func TestAYoungHoldIsNotWritten(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	r := upTo(1000)
	settle(t, l, reserve(t, l, alice, r))
	commit(t, l)

	young := reserve(t, l, alice, r)
	if l.writer.young.first == nil || l.writer.young.first != young.Commit {
		t.Fatal("a reservation did not begin young")
	}
	old := ripe(reserve(t, l, alice, r))
	wantRows(t, commit(t, l), 1, "the one that was waited for")
	settle(t, l, young)
	release(t, l, old)
	wantRows(t, commit(t, l), 2, "the usage of one and the hold of the other")

	reserve(t, l, alice, r)
	l.writer.young.first.admitted = time.Now().Add(-patience)
	l.writer.ripen()
	wantRows(t, commit(t, l), 1, "a hold whose answer does not come soon")
	if l.writer.young.first != nil || l.writer.young.last != nil {
		t.Error("a ticket is left among the young")
	}
}

func TestAResetInABatchTakesBackWhatCameBeforeItOnly(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	settle(t, l, reserve(t, l, alice, upTo(9)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody commits: don't wait for it
	_, err := l.Change(ctx, ledger.Change{Keys: []ledger.Key{alice}, Period: limit.Daily, Now: noon,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].Reset(true, true)
			return ledger.Outcome{}, nil
		}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	settle(t, l, reserve(t, l, alice, upTo(9)))
	commit(t, l)
	l.evict(time.Now().AddDate(1, 0, 0))
	a, err := l.Account(t.Context(), alice, limit.Daily, noon)
	if want := (limit.Amounts{1, 50, 5}); err != nil || a.State.Total() != want {
		t.Errorf("used %v, %v; want %v", a.State.Total(), err, want)
	}
	var history int64
	if err := l.writer.conn.QueryRowContext(t.Context(), `SELECT sum(requests) FROM usage WHERE kind = 0`).Scan(&history); err != nil || history != 2 {
		t.Errorf("history has %d requests, %v; want 2", history, err)
	}
}

func TestACommittedBatchHoldsNoMemory(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	settle(t, l, reserve(t, l, alice, upTo(9)))
	settle(t, l, reserve(t, l, bob, upTo(9)))
	commit(t, l)
	a := l.shard(alice).accounts[alice]
	if a.batch != nil || a.delta != nil {
		t.Errorf("an idle account keeps %+v and %+v", a.batch, a.delta)
	}
}

// TestWhoWaitsBehindAFailureIsTold: not only those whose batch failed wait for it.
func TestWhoWaitsBehindAFailureIsTold(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	w := l.writer
	first := ripe(reserve(t, l, alice, upTo(9)))
	b := w.take()
	second := ripe(reserve(t, l, alice, upTo(9))) // gathers while the first is being written
	full := errors.New("disk full")
	w.fail(b, full)
	for i, res := range []*ledger.Reservation{first, second} {
		if err := res.Durable(t.Context()); !errors.Is(err, ledger.ErrUnavailable) || !errors.Is(err, full) {
			t.Errorf("reservation %d: %v, want ErrUnavailable and why", i+1, err)
		}
	}
	if _, err := tryReserve(l, alice, upTo(9)); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("reserve while nothing can be kept: %v, want ErrUnavailable", err)
	}
	// The second's batch has told its waiters that it failed: until it is written nobody
	// may join it, or they would be told the same.
	if err := w.commit(b); err != nil {
		t.Fatal(err)
	}
	w.succeed(b)
	if w.failure() == nil {
		t.Error("available again while a batch that failed is still to be written")
	}
	commit(t, l)
	if err := w.failure(); err != nil {
		t.Errorf("not available again: %v", err)
	}
	third := ripe(reserve(t, l, alice, upTo(9)))
	commit(t, l)
	if err := third.Durable(t.Context()); err != nil {
		t.Errorf("after the recovery: %v", err)
	}
}

// failures are ways in which a file refuses to be written.
var failures = []struct {
	name         string
	break_, heal func(t *testing.T, p *process)
}{
	{"Error",
		func(t *testing.T, p *process) {
			for _, table := range []string{"holds", "usage", "identities", "audit"} {
				onStore(t, p, fmt.Sprintf(`CREATE TRIGGER no_%[1]s BEFORE INSERT ON %[1]s BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END`, table))
			}
		},
		func(t *testing.T, p *process) {
			for _, table := range []string{"holds", "usage", "identities", "audit"} {
				onStore(t, p, `DROP TRIGGER no_`+table)
			}
		}},
	{"Locked",
		func(t *testing.T, p *process) {
			onWriter(t, p, `PRAGMA busy_timeout = 1`)
			onStore(t, p, `BEGIN IMMEDIATE`)
		},
		func(t *testing.T, p *process) { onStore(t, p, `ROLLBACK`) }},
	{"DiskFull",
		func(t *testing.T, p *process) {
			var pages int
			if err := p.db.Read.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
				t.Fatal(err)
			}
			onWriter(t, p, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
		},
		func(t *testing.T, p *process) { onWriter(t, p, `PRAGMA max_page_count = 1000000`) }},
}

// onStore runs a statement on the store's other writing connection.
func onStore(t *testing.T, p *process, query string) {
	t.Helper()
	if _, err := p.db.Write.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// onWriter runs a statement on the ledger's own connection, between two of its batches.
func onWriter(t *testing.T, p *process, query string) {
	t.Helper()
	if _, err := p.writer.conn.ExecContext(context.Background(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// inBubble runs a test per way of failing, with a clock of its own: what the writer waits
// between two attempts costs no time.
func inBubble(t *testing.T, test func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process))) {
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := openProcess(t)
				test(t, p, f.break_, f.heal)
			})
		})
	}
}

// recovered waits for the writer's next attempts.
func recovered(t *testing.T, p *process) {
	t.Helper()
	time.Sleep(3 * time.Second) // of the bubble's clock: longer than any pause
	synctest.Wait()
	if err := p.Healthy(); err != nil {
		t.Fatalf("not healthy again: %v", err)
	}
}

// until reserves for made-up, long names until one cannot be kept, and returns them all.
func until(t *testing.T, p *process) (admitted []*ledger.Reservation) {
	t.Helper()
	for i := range 1000 {
		key := ledger.Key{Project: "pk_test", Identity: fmt.Sprintf("%d-%s", i, strings.Repeat("x", 500))}
		res := reserve(t, p.Ledger, key, upTo(9))
		admitted = append(admitted, res)
		if err := res.Durable(t.Context()); err != nil {
			if !errors.Is(err, ledger.ErrUnavailable) {
				t.Fatalf("error %v, want ErrUnavailable", err)
			}
			return admitted
		}
	}
	t.Fatal("a thousand reservations were kept in a file that refuses them")
	return nil
}

// TestACommitThatFails: whoever waits is told, nothing new is admitted, and when the file
// takes writes again nothing is lost or counted twice.
func TestACommitThatFails(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process)) {
		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
		running, ending := reserve(t, p.Ledger, alice, upTo(9)), reserve(t, p.Ledger, alice, upTo(9))
		if err := running.Durable(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := ending.Durable(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		break_(t, p)
		kept := until(t, p)
		if p.Healthy() == nil {
			t.Error("healthy while nothing can be kept")
		}
		if _, err := tryReserve(p.Ledger, alice, upTo(9)); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("reserve: %v, want ErrUnavailable", err)
		}
		if _, err := gift(p.Ledger, alice, nil); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("change: %v, want ErrUnavailable", err)
		}
		// What runs ends all the same, some of what could not be kept included.
		settle(t, p.Ledger, ending)
		for i, res := range kept {
			if i%2 == 0 {
				settle(t, p.Ledger, res)
			} else {
				release(t, p.Ledger, res)
			}
		}
		time.Sleep(10 * time.Second) // several attempts of the bubble's clock
		synctest.Wait()
		if p.Healthy() == nil {
			t.Error("healthy again while nothing can be kept")
		}
		heal(t, p)
		recovered(t, p)

		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
		last := reserve(t, p.Ledger, bob, upTo(9))
		if err := last.Durable(t.Context()); err != nil {
			t.Errorf("after the recovery: %v", err)
		}
		release(t, p.Ledger, last)
		settle(t, p.Ledger, running)
		for range 2 {
			wantUsed(t, p, alice, 4)
			for i, res := range kept {
				wantUsed(t, p, res.Key, int64(1-i%2))
			}
			p.Restart(t)
		}
		var holds int
		if err := p.db.Read.QueryRow(`SELECT count(*) FROM holds`).Scan(&holds); err != nil || holds != 0 {
			t.Errorf("%d holds left, %v", holds, err)
		}
	})
}

func wantUsed(t *testing.T, p *process, key ledger.Key, requests int64) {
	t.Helper()
	a, err := p.Account(t.Context(), key, limit.Daily, noon)
	if want := (limit.Amounts{requests, 50 * requests, 5 * requests}); err != nil || a.State.Total() != want {
		t.Errorf("%.20s has used %v, %v; want %v", key.Identity, a.State.Total(), err, want)
	}
}

// TestAChangeThatFailedIsAppliedOnce: it was made in memory and is written when the file
// allows it, so sending it again must find it.
func TestAChangeThatFailedIsAppliedOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process)) {
		if t.Name() == "TestAChangeThatFailedIsAppliedOnce/DiskFull" {
			t.Skip("one change fits into the pages that are there")
		}
		break_(t, p)
		once := &ledger.Once{Key: "k"}
		for range 3 {
			if _, err := gift(p.Ledger, alice, once); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("change: %v, want ErrUnavailable", err)
			}
		}
		heal(t, p)
		recovered(t, p)
		for range 2 {
			if out, err := gift(p.Ledger, alice, once); err != nil || out.Status != 200 {
				t.Errorf("sent again: %d, %v", out.Status, err)
			}
			a, err := p.Account(t.Context(), alice, limit.Daily, noon)
			if err != nil || a.State.Credits[limit.Requests] != 1 {
				t.Errorf("%d credits, %v; want 1", a.State.Credits[limit.Requests], err)
			}
			p.Restart(t)
		}
	})
}

func TestCloseWhileNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, p *process, break_, heal func(t *testing.T, p *process)) {
		settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
		if _, err := gift(p.Ledger, alice, nil); err != nil {
			t.Fatal(err)
		}
		break_(t, p)
		until(t, p)
		waiting := &ledger.Reservation{Commit: p.writer.pending}
		if err := p.Close(); err == nil || !strings.Contains(err.Error(), "not everything was written") {
			t.Errorf("Close = %v, want that not everything was written", err)
		}
		if err := waiting.Durable(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("who still waits is told %v, want ErrUnavailable", err)
		}
		if _, err := tryReserve(p.Ledger, alice, upTo(9)); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("reserve after Close: %v, want ErrUnavailable", err)
		}
		if t.Name() != "TestCloseWhileNothingCanBeWritten/DiskFull" { // whose limit went with its connection
			heal(t, p)
		}
		p.closeDB(t)
		p.open(t)
		wantUsed(t, p, alice, 1)
	})
}

func TestCloseWritesWhatIsPending(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	for i := range 1000 {
		key := ledger.Key{Project: "pk_test", Identity: fmt.Sprint(i)}
		settle(t, p.Ledger, reserve(t, p.Ledger, key, upTo(9)))
	}
	p.Restart(t)
	for i := range 1000 {
		wantUsed(t, p, ledger.Key{Project: "pk_test", Identity: fmt.Sprint(i)}, 1)
	}
}
