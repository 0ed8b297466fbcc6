package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
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
		"setUp":          {setUp, []any{int64(1), "1s"}},
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

// explain returns a statement's plan under the settings of the ledger's transactions.
func explain(t *testing.T, pool interface {
	BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
}, sql string, args ...any) string {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // only a plan was asked for
	if _, err := tx.Exec(t.Context(), setUp, pgx.QueryExecModeExec, int64(1), "1s"); err != nil {
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
