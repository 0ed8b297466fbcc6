package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// namesAreBounded: an account keeps a bounded number of models separately, whatever names clients
// make up, and its limits stay exact before and after a restart, a crash and a reset.
func namesAreBounded(t *testing.T, s Store) {
	key, ls := identity("alice"), caps(1000, -1, -1)
	ls.Project.Models = []limit.ModelCaps{{Key: "gpt-x-*", Caps: limit.Caps{new(int64(100))}}}
	const each = 3 * limit.MaxNames
	for i := range each {
		spend(t, s, key, rules(ls, fmt.Sprint("gpt-x-", i, "b"), limit.Daily), 1, noon)
		spend(t, s, key, rules(ls, fmt.Sprint("made-up-", i, "b"), limit.Daily), 1, noon)
		if i == each/2 {
			s.Forget(t)
		}
	}
	// The limit of the prefix covers 96 of the 100 models.
	wantUsed := func(when string, names int, general, prefixed int64) {
		t.Helper()
		a := account(t, s, key, limit.Daily, noon)
		if n := len(a.State.Used); n > names {
			t.Errorf("%s: the account keeps %d names, want at most %d", when, n, names)
		}
		for _, st := range a.State.Standings(ls) {
			if want := map[string]int64{"": general, "gpt-x-*": prefixed}[st.Model]; st.Used != want {
				t.Errorf("%s: %d of %s used, want %d", when, st.Used, st.Limit, want)
			}
		}
	}
	wantUsed("in memory", limit.MaxNames+2, each, each)
	settled(t, s)
	s.Crash(t)
	wantUsed("crashed", limit.MaxNames+2, each, each)
	for range 100 - each {
		spend(t, s, key, rules(ls, "gpt-x-another", limit.Daily), 1, noon)
	}
	wantRefused(t, s, key, rules(ls, "gpt-x-0b", limit.Daily), noon)
	wantRefused(t, s, key, rules(ls, "gpt-x-new", limit.Daily), noon)
	spend(t, s, key, rules(ls, "made-up-0b", limit.Daily), 1, noon)
	s.Restart(t)
	wantUsed("restarted", limit.MaxNames+2, each+1, 100)
	wantRefused(t, s, key, rules(ls, "gpt-x-new", limit.Daily), noon)

	change(t, s, noon, func(a *ledger.Account) { a.Reset(true, true) }, key)
	s.Restart(t)
	wantUsed("reset", limit.MaxNames+2, 0, 0)
	spend(t, s, key, rules(ls, "gpt-x-new", limit.Daily), 1, noon)
	wantUsed("used again", limit.MaxNames+3, 0, 1)
}

// namesOfManyPeriods: when a project changes to a longer period, usage that was kept separately
// in several shorter periods is merged, and counts as before.
func namesOfManyPeriods(t *testing.T, s Store) {
	key, ls := identity("alice"), caps(1000, -1, -1)
	const hours = 5
	for h := range hours {
		for i := range limit.MaxNames {
			spend(t, s, key, rules(ls, fmt.Sprintf("m-%d-%db", h, i), limit.Hourly), 1, noon.Add(time.Duration(h)*time.Hour))
		}
	}
	later := noon.Add(hours * time.Hour)
	for i := range 3 {
		wantTotal(t, s, key, limit.Daily, later, limit.Amounts{hours*limit.MaxNames + int64(i), hours*limit.MaxNames + int64(i), 10 * (hours*limit.MaxNames + int64(i))})
		spend(t, s, key, rules(ls, "m-0-0b", limit.Daily), 1, later)
	}
	if n := len(account(t, s, key, limit.Daily, later).State.Used); n > 2*limit.MaxNames+1 {
		t.Errorf("the account keeps %d names, want at most %d", n, 2*limit.MaxNames+1)
	}
}
