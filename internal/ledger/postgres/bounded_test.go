package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// An account from before names were bounded, with thousands of them in its row, is decided on
// exactly, and its row is as small as others after the next request.
func TestManyNamesOfAFormerVersion(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	const names = 5000
	var row strings.Builder
	for i := range names {
		fmt.Fprintf(&row, "made-up-%db\t1\t2\t0\t0\t0\t0\n", i)
	}
	now := noon
	for query, args := range map[string][]any{
		`INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests, tokens)
			SELECT 'pk_test', 'alice', $1, 'made-up-' || n || 'b', '', 0, 1, 2 FROM generate_series(0, $2 - 1) AS n`: {ledger.HourOf(now), names},
		`INSERT INTO identities (project_id, identity, known, period, period_start, used, created_at, updated_at)
			VALUES ('pk_test', 'alice', true, $1, $2, $3, 1, 1)`: {int(limit.Daily), ledger.HourOf(limit.Daily.Start(now)), row.String()},
	} {
		if _, err := p.pool.Exec(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	key, most := named("alice"), int64(names+2)
	r := limit.Resolve(limit.Levels{Project: &limit.Level{Models: []limit.ModelCaps{limit.NewModelCaps("made-up-*", limit.Caps{&most})}}}, "made-up-1b", limit.Daily, false)
	for range 2 {
		settled(t, p.Ledger, admitted(t, p.Ledger, key, &r, now), 2)
	}
	for _, again := range []bool{false, true} {
		if res, err := ask(p.Ledger, key, &r, now); err != nil || res.Decision.Refusal != limit.OverLimit || res.Decision.Standings[limit.Requests].Used != most {
			t.Errorf("restarted %t: %+v, %v; want it refused with all %d counted", again, res, err, most)
		}
		if again {
			break
		}
		p.Restart(t)
		var bytes int
		if err := p.pool.QueryRow(t.Context(), `SELECT length(used) FROM identities WHERE identity = 'alice'`).Scan(&bytes); err != nil {
			t.Fatal(err)
		}
		if bytes > 40*(limit.MaxNames+1) {
			t.Errorf("the row keeps %d bytes of usage, want those of %d names", bytes, limit.MaxNames+1)
		}
	}
	wantUsed(t, p.Ledger, key, now, limit.Amounts{most, 2 * most, 40})
}
