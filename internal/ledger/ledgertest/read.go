package ledgertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// accountsAreRead: accounts that are read together are those that are read one by one, whether they are in memory, were
// forgotten, are unknown, or have usage of another period.
func accountsAreRead(t *testing.T, s Store) {
	keys := []ledger.Key{identity("unknown"), identity(`q"uo\ted`), identity("zebra")}
	for i := range 20 {
		keys = append(keys, identity(fmt.Sprint("user-", i)))
	}
	keys = append(keys, ledger.Key{Project: "pk_other", Identity: "zebra"})
	r := rules(caps(1000, -1, -1), "gpt-4o", limit.Daily)
	for i, key := range keys[1:] {
		spend(t, s, key, r, int64(i), noon)
		if i%3 == 0 {
			change(t, s, noon, func(a *ledger.Account) {
				a.Settings, a.UpdatedAt = &ledger.Settings{Tier: "pro"}, noon
				a.State.AddCredits(limit.Amounts{1, 2, 3})
			}, key)
		}
	}
	settled(t, s)
	check := func(when string, period limit.Period, now time.Time) {
		t.Helper()
		all, err := s.Accounts(context.Background(), keys, period, now)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		for i, key := range keys {
			want := account(t, s, key, period, now)
			if all[i].Key != key {
				t.Fatalf("%s: account %d is %v, want %v", when, i, all[i].Key, key)
			}
			if diff := diffFigures(figuresOf(&want), figuresOf(&all[i])); diff != "" {
				t.Errorf("%s: %s (-one by one +together):\n%s", when, key.Identity, diff)
			}
		}
	}
	check("used a moment ago", limit.Daily, noon)
	s.Forget(t)
	check("forgotten", limit.Daily, noon)
	s.Restart(t)
	check("after a restart", limit.Daily, noon)
	s.Restart(t)
	check("another period", limit.Monthly, noon)
	s.Restart(t)
	check("the next day", limit.Daily, noon.AddDate(0, 0, 1))
	spend(t, s, keys[2], r, 5, noon)
	running := mustReserve(t, s, keys[3], r, 5, noon)
	check("used again", limit.Daily, noon)
	release(t, s, running)
	if none, err := s.Accounts(context.Background(), nil, limit.Daily, noon); err != nil || len(none) > 0 {
		t.Errorf("no accounts: %v, %v", none, err)
	}
}
