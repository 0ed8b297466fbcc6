package postgres

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// A transaction sends statements for one row without arrays and before bitmapScans, and
// statements for several rows after it. New accounts come before anything that others may wait
// for: otherwise a transaction that inserts the same account could hold a lock on its usage, and
// settings could be written before the row exists.
func TestTheOrderOfWhatIsWritten(t *testing.T) {
	t.Parallel()
	var w wire
	p := openOn(t, newPool(t, migrated.Database(t), w.through))
	r := requests(100)
	for _, name := range []string{"ann", "ben", "cleo", "dan"} { // the connection may have prepared the statements or not
		settled(t, p.Ledger, admitted(t, p.Ledger, named(name), r, noon), 7)
		written(t, []*process{p}, named(name))
	}
	var (
		mu    sync.Mutex
		trips []trip
	)
	check := func(_ *wired, b []byte) error {
		if bytes.Contains(b, []byte("COMMIT\x00")) {
			mu.Lock()
			defer mu.Unlock()
			trips = append(trips, tripOf(b))
		}
		return nil
	}
	w.write.Store(&check)

	// Two new accounts, one of which has settings, and two known ones, one of which is reset.
	if _, err := p.Change(t.Context(), ledger.Change{
		Keys: []ledger.Key{named("new 1"), named("ann"), named("new 2"), named("ben")}, Period: limit.Daily, Now: noon,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			for _, a := range accounts {
				a.Known = true
			}
			accounts[0].Settings = &ledger.Settings{Tier: "pro"}
			accounts[1].Reset(true, true)
			return ledger.Outcome{Audit: []ledger.Entry{{Identity: "ann", Action: "reset"}}}, nil
		},
	}); err != nil {
		t.Fatal(err)
	}
	// Two requests of known identities end while one of a new identity begins.
	one, two := admitted(t, p.Ledger, named("cleo"), r, noon), admitted(t, p.Ledger, named("dan"), r, noon)
	p.queue.mu.Lock()
	p.queue.paused = true
	p.queue.mu.Unlock()
	settled(t, p.Ledger, one, 5)
	settled(t, p.Ledger, two, 5)
	c := callOf(reserve, ledger.Request{Key: named("new 3"), Rules: r, Now: noon, Ask: limit.Ask{Estimate: limit.Amounts{1, 0, 0}}})
	c.expectAnswer()
	p.queue.push(c)
	p.queue.mu.Lock()
	p.queue.paused = false
	p.queue.wake()
	p.queue.mu.Unlock()
	if err := p.queue.wait(t.Context(), c); err != nil {
		t.Fatal(err)
	}

	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{
		"insertAccounts.many updateSettings resetUsage insertAudit bitmapScans updateAccounts.many",
		"insertAccounts openHolds bitmapScans updateAccounts.many closeHolds.many addUsage.many",
	} {
		if !slices.ContainsFunc(trips, func(got trip) bool { return string(got) == want }) {
			t.Errorf("no trip wrote %s\nin these: %q", want, trips)
		}
	}

	for name, want := range map[string]*ledger.Settings{"new 1": {Tier: "pro"}, "new 2": nil} {
		a, err := p.Account(t.Context(), named(name), limit.Daily, noon)
		if err != nil || !a.Known || (a.Settings == nil) != (want == nil) || want != nil && a.Settings.Tier != want.Tier {
			t.Errorf("%s has %+v, %v, want %+v", name, a.Settings, err, want)
		}
	}
	wantUsed(t, p.Ledger, named("ann"), noon, limit.Amounts{})
	wantUsed(t, p.Ledger, named("ben"), noon, limit.Amounts{1, 7, 70})
	wantUsed(t, p.Ledger, named("cleo"), noon, limit.Amounts{2, 12, 120})
	wantUsed(t, p.Ledger, named("dan"), noon, limit.Amounts{2, 12, 120})
}

// trip is the names of the statements that were sent together; those for several rows are marked.
type trip string

// tripOf finds the statements of a trip by their names or texts, in their order.
func tripOf(b []byte) trip {
	type found struct {
		at   int
		name string
	}
	var all []found
	look := func(name, sql string) {
		at := bytes.Index(b, []byte(nameOf(sql)))
		if at < 0 {
			at = bytes.Index(b, []byte(sql))
		}
		if at >= 0 {
			all = append(all, found{at, name})
		}
	}
	look("bitmapScans", bitmapScans)
	for name, s := range map[string]statement{
		"insertAccounts": insertAccounts, "updateAccounts": updateAccounts, "updateSettings": updateSettings,
		"openHolds": openHolds, "updateHolds": updateHolds, "closeHolds": closeHolds, "addUsage": addUsage,
		"resetUsage": resetUsage, "insertPassed": insertPassed, "insertAudit": insertAudit,
	} {
		look(name, s.one)
		look(name+".many", s.many)
	}
	slices.SortFunc(all, func(x, y found) int { return cmp.Compare(x.at, y.at) })
	var names []string
	for _, f := range all {
		names = append(names, f.name)
	}
	return trip(strings.Join(names, " "))
}
