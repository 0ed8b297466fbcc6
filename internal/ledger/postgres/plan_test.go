package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// No statement reads a whole table, however large it is: each finds its rows by an index. The
// planner uses an index wherever it can if a sequential scan is expensive.
func TestNoQueryWithoutAnIndex(t *testing.T) {
	t.Parallel()
	pool := newPool(t, migrated.Database(t))
	check := func(when string) {
		t.Helper()
		for name, sql := range map[string]string{
			"readOnce": readOnce, "countNames": countNames, "listNames": listNames, "scanNames": scanNames,
			"readHistory": readHistory, "countWhereNames": countWhereNames, "listWhereNames": listWhereNames, "listRecentNames": listRecentNames, "scanRecentNames": scanRecentNames,
			"register": register, "beat": beat, "readBeats": readBeats, "deregister": deregister, "declare": declare,
			"findOrphans": selectOrphans,
		} {
			wantNothingReadThrough(t, when, name, explain(t, pool, sql, setLimits))
		}
		wantNothingReadThrough(t, when, "setUp", explain(t, pool, setUp))
		wantNothingReadThrough(t, when, "insertOnce", explain(t, pool, insertOnce, setLimits))
		for name, s := range map[string]statement{
			"lockAccounts": lockAccounts, "lockFree": lockFree, "findAccounts": findAccounts, "readAccounts": readAccounts, "readHolds": readHolds,
			"sumUsage": sumUsage, "readPassed": readPassed,
		} {
			wantNothingReadThrough(t, when, name, explain(t, pool, s.many, setLimits))
			wantLookedUp(t, when, name+" of one", explain(t, pool, s.one, setLimits))
		}
		for name, s := range map[string]statement{
			"insertAccounts": insertAccounts, "updateAccounts": updateAccounts, "updateSettings": updateSettings,
			"openHolds": openHolds, "updateHolds": updateHolds, "closeHolds": closeHolds, "addUsage": addUsage, "resetUsage": resetUsage,
			"insertPassed": insertPassed, "insertAudit": insertAudit, "insertPending": insertPending,
		} {
			wantNothingReadThrough(t, when, name, explain(t, pool, s.many, setLimits, bitmapScans))
			wantLookedUp(t, when, name+" of one", explain(t, pool, s.one, setLimits))
		}
		// Only plain index scans remove the index entries of holds that have ended.
		for _, sql := range []string{readHolds.many, readHolds.one} {
			if plan := explain(t, pool, sql, setLimits); strings.Contains(plan, "Bitmap") {
				t.Errorf("%s: holds are read by a bitmap:\n%s", when, plan)
			}
		}
	}
	check("new tables")
	// A plan lives as long as its connection, however its tables change.
	if _, err := pool.Exec(t.Context(), `VACUUM ANALYZE`); err != nil {
		t.Fatal(err)
	}
	check("empty tables")
	p := openOn(t, pool)
	for i, n := range []int{1, 1, 100} {
		key := named(fmt.Sprint("user-", i))
		for range n {
			settled(t, p.Ledger, admitted(t, p.Ledger, key, requests(1000), noon), 7)
			admitted(t, p.Ledger, key, requests(1000), noon)
		}
		written(t, []*process{p}, key)
		if _, err := pool.Exec(t.Context(), `VACUUM ANALYZE`); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("rows of %d identities", i+1))
	}
}

func wantNothingReadThrough(t *testing.T, when, name, plan string) {
	t.Helper()
	lines := strings.Split(plan, "\n")
	for i, line := range lines {
		switch {
		case strings.Contains(line, "Seq Scan"):
			t.Errorf("%s: %s reads through a table:\n%s", when, name, plan)
		case strings.Contains(line, " on nodes"): // nodes are few
		case strings.Contains(line, "Index") && strings.Contains(line, "Scan") && !strings.Contains(lines[i+1], "Index Cond"):
			t.Errorf("%s: %s reads through an index:\n%s", when, name, plan)
		case strings.Contains(line, "Index Cond") && strings.Contains(line, "project_id") &&
			!strings.Contains(line, "identity =") && !strings.Contains(line, "key =") && !strings.HasSuffix(name, "Names"):
			t.Errorf("%s: %s reads all of a project:\n%s", when, name, plan)
		case strings.Contains(line, "Index Cond") && (strings.HasPrefix(name, "closeHolds") || strings.HasPrefix(name, "updateHolds")) && !holdsID.MatchString(line):
			t.Errorf("%s: %s reads all holds of an identity:\n%s", when, name, plan)
		}
	}
}

// wantLookedUp checks that a statement for one row finds the row by its key, without other
// statements before it.
func wantLookedUp(t *testing.T, when, name, plan string) {
	t.Helper()
	wantNothingReadThrough(t, when, name, plan)
	for _, node := range []string{"Bitmap", "Function Scan", "Nested Loop"} {
		if strings.Contains(plan, node) {
			t.Errorf("%s: %s has a %s:\n%s", when, name, node, plan)
		}
	}
}

// explain returns a statement's plan after the statements before it, which
// TestNothingIsSentWithoutLimits checks. It is the plan for any parameters.
func explain(t *testing.T, pool *pgxpool.Pool, sql string, before ...string) string {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // only a plan was requested
	for _, sql := range before {
		args := []any{pgx.QueryExecModeExec, "1s", "1s"}
		if _, err := tx.Exec(t.Context(), sql, args[:1+strings.Count(sql, "$")]...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Exec(t.Context(), "PREPARE explained AS "+sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%.40s: %v", sql, err)
	}
	defer tx.Exec(context.Background(), "DEALLOCATE explained") //nolint:errcheck // the next PREPARE would fail
	execute := "EXPLAIN EXECUTE explained"
	if n := len(slices.Compact(slices.Sorted(slices.Values(parameter.FindAllString(sql, -1))))); n > 0 {
		execute += "(NULL" + strings.Repeat(", NULL", n-1) + ")"
	}
	rows, err := tx.Query(t.Context(), execute, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("%.40s: %v", sql, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%.40s: %v", sql, err)
	}
	return fmt.Sprintln(strings.Join(lines, "\n"))
}

// holdsID is a condition that one hold meets.
var holdsID = regexp.MustCompile(`\(id = (k\.id|\$3)\)`)

var parameter = regexp.MustCompile(`\$[0-9]+`)

// A plan is made once for each connection, not for each transaction. The first statement of a
// transaction sets this for those after it.
func TestAPlanIsMadeOnce(t *testing.T) {
	t.Parallel()
	pool := newPool(t, migrated.Database(t), func(c *pgxpool.Config) { c.MaxConns = 1 })
	p := openOn(t, pool)
	key, r := named("alice"), requests(100)
	for range 5 {
		settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 7)
		written(t, []*process{p}, key)
	}
	rows, err := pool.Query(t.Context(), `SELECT generic_plans, custom_plans, statement FROM pg_prepared_statements WHERE from_sql IS FALSE`)
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]int64{}
	var generic, custom int64
	var sql string
	if _, err := pgx.ForEachRow(rows, []any{&generic, &custom, &sql}, func() error {
		uses[sql] = generic
		if custom > 0 && sql != setUp && sql != setLimits {
			t.Errorf("%d plans for any parameters, %d for particular ones: %.40s", generic, custom, sql)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	// Statements for one account have no arrays.
	for _, s := range []statement{lockAccounts, readHolds, updateAccounts, openHolds, closeHolds, addUsage} {
		if uses[s.one] < 4 || uses[s.many] > 0 {
			t.Errorf("done %d times to one row, and %d times to many: %.40s", uses[s.one], uses[s.many], s.one)
		}
	}
}

// The server limits the time of all statements and how they are planned. The limits end with the
// transaction, so that a pooler may be in between.
func TestNothingIsSentWithoutLimits(t *testing.T) {
	t.Parallel()
	var w wire
	p := openOn(t, newPool(t, migrated.Database(t), w.through))
	var (
		mu     sync.Mutex
		within = map[*wired]bool{} // connections within a transaction
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
		begun := bytes.Contains(b, []byte(begin)) || bytes.Contains(b, []byte(beginRead))
		within[c] = (begun || within[c]) && !bytes.Contains(b, []byte("COMMIT\x00"))
		return nil
	}
	key, r := named("alice"), requests(100)
	orphan(t, p, key, 1)
	w.write.Store(&check)
	looks(t, p.Ledger, time.Now(), 2)
	settled(t, p.Ledger, admitted(t, p.Ledger, key, r, noon), 7)
	wantUsed(t, p.Ledger, key, noon, limit.Amounts{2, 17, 170})
	if _, err := p.List(t.Context(), ledger.Find{Project: key.Project, Limit: 10}); err != nil {
		t.Error(err)
	}
	if _, err := p.Accounts(t.Context(), []ledger.Key{key}, limit.Weekly, noon); err != nil { // sums for another period
		t.Error(err)
	}
	_, err := p.Change(t.Context(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: noon,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].State.AddCredits(limit.Amounts{1, 0, 0})
			return ledger.Outcome{}, nil
		}})
	if err != nil {
		t.Error(err)
	}
	if err := p.deregister(t.Context()); err != nil {
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

// The server ends a beat that waits for a row, whatever the node's own timeout is.
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
