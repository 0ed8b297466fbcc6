package ledgertest

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// rollupsEqualUsage makes random calls, and kills the process now and then. Whatever happened, the rollups are the sums of
// the usage rows.
func rollupsEqualUsage(t *testing.T, s Store) {
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for range rounds(8) {
		var running []*ledger.Reservation
		for range 60 {
			key, now := identity(fmt.Sprint("user-", random.IntN(6))), noon.Add(time.Duration(random.IntN(72))*time.Hour)
			switch n := random.IntN(20); {
			case n < 10:
				r := rules(caps(-1, -1, -1), fmt.Sprint("model-", random.IntN(5)), limit.Daily)
				running = append(running, mustReserve(t, s, key, r, random.Int64N(50), now))
			case n < 16 && len(running) > 0:
				settle(t, s, running[0], random.Int64N(100))
				running = running[1:]
			case n < 17 && len(running) > 0:
				release(t, s, running[0])
				running = running[1:]
			case n < 18:
				res := s.Pass(ledger.Request{Key: key, Rules: daily(caps(-1, -1, -1)), Now: now})
				settle(t, s, res, 7)
			case n < 19:
				reset(t, s, key, now)
			default:
				s.RollUp(t)
			}
		}
		if len(running) > 0 {
			if err := running[len(running)-1].Durable(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if random.IntN(2) == 0 {
			s.Crash(t)
		} else {
			s.Restart(t)
		}
		compareRollups(t, s.RollUp(t))
	}
}

func reset(t *testing.T, s Store, key ledger.Key, now time.Time) {
	t.Helper()
	_, err := s.Change(context.Background(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Daily, Now: now,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			accounts[0].Reset(true, true)
			return ledger.Outcome{}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
}

// compareRollups compares the rollups of the test's project with its usage rows and identities.
func compareRollups(t *testing.T, tables *sql.DB) {
	t.Helper()
	for _, c := range []struct{ name, usage, rollup string }{
		{"by model and hour", `SELECT hour, model, sum(requests), sum(tokens), sum(micros) FROM usage WHERE kind = 0 GROUP BY 1, 2`,
			`SELECT hour, key, requests, tokens, micros FROM usage_hour WHERE split = 0`},
		{"by tier and hour", `SELECT hour, tier, sum(requests), sum(tokens), sum(micros) FROM usage WHERE kind = 0 GROUP BY 1, 2`,
			`SELECT hour, key, requests, tokens, micros FROM usage_hour WHERE split = 1`},
		{"by model and day", `SELECT hour / 24, model, sum(requests), sum(tokens), sum(micros) FROM usage WHERE kind = 0 GROUP BY 1, 2`,
			`SELECT day, key, requests, tokens, micros FROM usage_day WHERE split = 0`},
		{"by hour", `SELECT hour, '', sum(requests), sum(tokens), sum(micros) FROM usage WHERE kind = 0 GROUP BY 1`,
			`SELECT hour, '', requests, tokens, micros FROM usage_total WHERE requests > 0`},
		{"new identities", `SELECT 0, '', count(*), 0, 0 FROM identities`, `SELECT 0, '', sum(created), 0, 0 FROM usage_total`},
	} {
		want, got := rowsOf(t, tables, c.usage), rowsOf(t, tables, c.rollup)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: usage and rollups differ (-usage +rollups):\n%s", c.name, diff)
		}
	}
}

func rowsOf(t *testing.T, tables *sql.DB, query string) []string {
	t.Helper()
	rows, err := tables.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err returns its error
	all := map[string]bool{}
	for rows.Next() {
		var at, requests, tokens, micros int64
		var key string
		if err := rows.Scan(&at, &key, &requests, &tokens, &micros); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		all[fmt.Sprintf("%d %s: %d requests, %d tokens, %d micros", at, key, requests, tokens, micros)] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(all))
}
