package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// No statement reads through a whole table, however large it is: each finds its rows by an
// index. The planner takes one where it can, if reading through is made dear.
func TestNoQueryWithoutAnIndex(t *testing.T) {
	t.Parallel()
	pool := newPool(t, migrated.Database(t))
	keys := []any{[]string{"p"}, []string{"i"}}
	row := append(append([]any{}, keys...), []bool{true}, one8, one8, one8, one8, one8, one8, one8, []string{""}, one8, one8)
	for name, c := range map[string]struct {
		sql  string
		args []any
	}{
		"setUp":          {setUp, []any{"1s", "1s", int64(1)}},
		"lockAccounts":   {lockAccounts, append(keys, []bool{true})},
		"lockFree":       {lockFree, append(keys, []bool{true})},
		"findAccounts":   {findAccounts, append(keys, []bool{true})},
		"readHolds":      {readHolds, append(keys, []bool{true})},
		"sumUsage":       {sumUsage, append(keys, one8)},
		"insertAccounts": {insertAccounts, row},
		"updateAccounts": {updateAccounts, row},
		"updateSettings": {updateSettings, append(keys, []string{""}, one8)},
		"updateHolds":    {updateHolds, append(keys, one8, one8)},
		"closeHolds":     {closeHolds, append(keys, one8)},
		"takeBack":       {takeBack, append(keys, one8, one8, one8, one8)},
		"readOnce":       {readOnce, []any{"p", "k"}},
		"readPassed":     {readPassed, []any{[]string{"p"}, []string{"k"}}},
		"countNames":     {countNames, []any{"p", "i"}},
		"listNames":      {listNames, []any{"p", "i", int64(10), int64(0)}},
		"beat":           {beat, []any{int64(1)}},
		"deregister":     {deregister, []any{int64(1)}},
		"declare":        {declare, []any{int64(1), int64(1)}},
		"findOrphans":    {findOrphans, []any{int64(10)}},
	} {
		plan := explain(t, pool, c.sql, c.args...)
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s reads through a table:\n%s", name, plan)
		}
		// A scan of a whole index is no better. What lists a project reads its part of one.
		for line := range strings.Lines(plan) {
			if strings.Contains(line, "Index") && strings.Contains(line, "Scan") && !strings.Contains(plan, "Index Cond") && name != "findOrphans" {
				t.Errorf("%s reads through an index:\n%s", name, plan)
			}
		}
	}
}

var one8 = []int64{1}

// explain returns a statement's plan under the limits that it is sent with, as
// TestNothingIsSentWithoutLimits makes sure.
func explain(t *testing.T, pool interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}, sql string, args ...any) string {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // only a plan was asked for
	if _, err := tx.Exec(t.Context(), setLimits, pgx.QueryExecModeExec, "1s", "1s"); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.Query(t.Context(), "EXPLAIN "+sql, append([]any{pgx.QueryExecModeExec}, args...)...)
	if err != nil {
		t.Fatalf("%.40s: %v", sql, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%.40s: %v", sql, err)
	}
	return fmt.Sprintln(strings.Join(lines, "\n"))
}

// Whatever is sent is under limits that the server keeps, as long as it would run and however
// it is planned, and they end with its transaction: a pooler may stand in between.
func TestNothingIsSentWithoutLimits(t *testing.T) {
	t.Parallel()
	var w wire
	p := openOn(t, newPool(t, migrated.Database(t), w.through))
	var (
		mu     sync.Mutex
		within = map[*wired]bool{} // a transaction
		sent   int
	)
	check := func(c *wired, b []byte) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case bytes.Contains(b, []byte("ROLLBACK\x00")):
			within[c] = false
			return nil
		case b[0] != 'P' && b[0] != 'B' || bytes.Contains(b, []byte("-- ping")): // no statements
			return nil
		}
		sent++
		limited := bytes.Contains(b, []byte(limits)) || bytes.Contains(b, []byte(nameOf(setUp))) || bytes.Contains(b, []byte(nameOf(setLimits)))
		if !limited && !within[c] {
			t.Errorf("sent without limits: %q", b)
		}
		begun := bytes.Contains(b, []byte(begin))
		within[c] = (begun || within[c]) && !bytes.Contains(b, []byte("COMMIT\x00"))
		return nil
	}
	key, r := named("alice"), requests(100)
	orphan(t, p, key, 1)
	w.write.Store(&check)
	looks(t, p.Ledger, time.Now(), 2)
	settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 7)
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{2, 17, 170})
	if _, _, err := p.List(t.Context(), key.Project, "", 10, 0); err != nil {
		t.Error(err)
	}
	_, err := p.Change(t.Context(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].State.Gift(limit.Amounts{1, 0, 0})
			return ledger.Outcome{}, nil
		}})
	if err != nil {
		t.Error(err)
	}
	if err := p.leave(t.Context()); err != nil {
		t.Error(err)
	}
	settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 7) // registers anew
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{3, 24, 240})
	mu.Lock()
	defer mu.Unlock()
	if sent < 10 {
		t.Errorf("%d trips were seen", sent)
	}
}

// A beat that waits for a row is ended by the server, which knows nothing of the node's patience.
func TestBeatWaitsForNoLock(t *testing.T) {
	t.Parallel()
	url := migrated.Database(t)
	p := openOn(t, newPool(t, url))
	lock, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback(context.Background()) //nolint:errcheck // it has changed nothing
	if _, err := lock.Exec(t.Context(), `SELECT FROM nodes FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	err = p.beat(t.Context())
	if e, ok := errors.AsType[*pgconn.PgError](err); !ok || e.Code != "55P03" {
		t.Errorf("beat: %v, want that the lock was not available", err)
	}
}
