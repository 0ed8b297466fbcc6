package sqlite

import (
	"context"
	"math"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

var (
	noon  = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	alice = ledger.Key{Project: "pk_test", Identity: "alice"}
	bob   = ledger.Key{Project: "pk_test", Identity: "bob"}
)

func name(s string) ledger.Key { return ledger.Key{Project: "pk_test", Identity: s} }

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

func durable(t testing.TB, res *ledger.Reservation) {
	t.Helper()
	if err := res.Durable(context.Background()); err != nil {
		t.Fatalf("durable: %v", err)
	}
}

func gift(l *Ledger, key ledger.Key, once *ledger.Once) (ledger.Outcome, error) {
	return l.Change(context.Background(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon, Once: once,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].State.AddCredits(limit.Amounts{1, 0, 0})
			return ledger.Outcome{Status: 200}, nil
		}})
}

// stalled returns a ledger that appends and folds only when a test asks for it.
func stalled(t testing.TB) *Ledger {
	t.Helper()
	p := &process{path: filepath.Join(t.TempDir(), "test.db")}
	p.openDB(t)
	l := &Ledger{}
	if err := l.open(context.Background(), p.db.Ledger, p.db.LedgerRead, p.db.Read); err != nil {
		t.Fatal(err)
	}
	l.writer.closed = true // no timer
	t.Cleanup(func() {
		l.reads.close()
		if err := l.writer.release(true); err != nil {
			t.Error(err)
		}
		p.closeDB(t)
	})
	return l
}

var (
	ever  = time.Now().AddDate(100, 0, 0)
	never = time.Duration(math.MaxInt64)
)

// pack packs all accounts that may be packed.
func pack(l *Ledger) { l.evict(ever, 0, never) }

// forget evicts all accounts that may be evicted.
func forget(l *Ledger) {
	l.evict(ever, 0, 0)
	for i := range l.shards {
		l.shards[i].evictPacked(ever, 0)
	}
}

// inMemory returns how many accounts are in memory, packed or not.
func inMemory(l *Ledger) (n int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		n += len(s.accounts) + len(s.packed.places)
		s.mu.Unlock()
	}
	return n
}

func isUnpacked(l *Ledger, key ledger.Key) bool {
	s, at := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[at]
	return a != nil && a.key == key
}

func isPacked(l *Ledger, key ledger.Key) bool {
	s, hash := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, yes := s.packed.places[hash]
	return yes
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // clears pools
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// appendAll appends the staged changes.
func appendAll(t testing.TB, l *Ledger) {
	t.Helper()
	if err := l.writer.awaitAppend(l.writer.last()); err != nil {
		t.Fatal(err)
	}
}

// fold folds everything and returns how many rows changed, without the row of the journal's
// progress and the entries for the rollups.
func fold(t testing.TB, l *Ledger) (rows int64) {
	t.Helper()
	changes := func() (n int64) {
		t.Helper()
		if err := l.writer.conn.QueryRowContext(t.Context(), `SELECT total_changes()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	pending := func() (n int64) {
		t.Helper()
		if err := l.writer.conn.QueryRowContext(t.Context(), `SELECT count(*) FROM rollup_pending`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before, last, waiting := changes(), l.writer.folded.Load(), pending()
	if err := l.writer.fold(); err != nil {
		t.Fatal(err)
	}
	if rows = changes() - before - (pending() - waiting); l.writer.folded.Load() > last {
		rows--
	}
	return rows
}
