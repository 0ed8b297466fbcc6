package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// together runs n calls at the same moment and waits for all of them.
func together(n int, call func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	wg.Wait()
}

// race sends 200 requests at once and returns the admitted ones.
func race(t TB, s Store, key ledger.Key, now time.Time, tokens int64, r ...*limit.Rules) []*ledger.Reservation {
	t.Helper()
	var mu sync.Mutex
	var admitted []*ledger.Reservation
	together(200, func(i int) {
		if res := reserve(t, s, key, r[i%len(r)], tokens, now); res != nil {
			mu.Lock()
			admitted = append(admitted, res)
			mu.Unlock()
		}
	})
	return admitted
}

func wantAdmitted(t TB, admitted []*ledger.Reservation, want int, when string) {
	t.Helper()
	if len(admitted) != want {
		t.Errorf("%s: %d of 200 admitted, want %d", when, len(admitted), want)
	}
}

// limitAdmitsExactly sends 200 requests at once to an identity with a limit of 5: when it is new,
// when it has used some, and after a restart.
func limitAdmitsExactly(t *testing.T, s Store) {
	five := daily(caps(5, -1, -1))

	alice := identity("alice")
	admitted := race(t, s, alice, noon, 10, five)
	wantAdmitted(t, admitted, 5, "new")
	release(t, s, admitted[0])
	settle(t, s, admitted[1], 10)
	admitted = append(race(t, s, alice, noon, 10, five), admitted[2:]...)
	wantAdmitted(t, admitted, 1+3, "after one was released")
	for _, res := range admitted {
		settle(t, s, res, 10)
	}
	s.Restart(t)
	wantAdmitted(t, race(t, s, alice, noon, 10, five), 0, "used up, after a restart")

	bob := identity("bob")
	for range 2 {
		spend(t, s, bob, five, 10, noon)
	}
	s.Restart(t)
	wantAdmitted(t, race(t, s, bob, noon, 10, five), 3, "two used, after a restart")
	wantTotal(t, s, bob, limit.Daily, noon, limit.Amounts{5, 20, 200})
}

// firstRequests: no extra request is admitted while an identity is looked up for the first time,
// and it is created once.
func firstRequests(t *testing.T, s Store) {
	for i := range 20 {
		key := identity(fmt.Sprint("new ", i))
		wantAdmitted(t, race(t, s, key, noon, 1, daily(caps(5, -1, -1))), 5, "unknown identity")
	}
	settled(t, s)
	found, err := s.List(t.Context(), ledger.Find{Project: "pk_test", Limit: 100})
	if err != nil || found.Total != 20 || len(found.Names) != 20 {
		t.Errorf("List = %d names of %d, %v; want 20 of 20", len(found.Names), found.Total, err)
	}
}

func modelsShare(t *testing.T, s Store) {
	five := limit.Caps{new(int64(5))}
	perModel := limit.Levels{Project: &limit.Level{Models: []limit.ModelCaps{{Key: "gpt-4o", Caps: five}}}}
	wantAdmitted(t, race(t, s, identity("dated names"), noon, 1,
		rules(perModel, "gpt-4o", limit.Daily), rules(perModel, "gpt-4o-2024-08-06", limit.Daily), rules(perModel, "gpt-4o-latest", limit.Daily)),
		5, "names of one model")

	all := limit.Levels{Project: &limit.Level{Caps: five}}
	wantAdmitted(t, race(t, s, identity("two models"), noon, 1, rules(all, "gpt-4o", limit.Daily), rules(all, "claude-x", limit.Daily)),
		5, "two models under one limit")

	each := limit.Levels{Project: &limit.Level{Models: []limit.ModelCaps{{Key: "gpt-4o", Caps: five}, {Key: "claude-x", Caps: five}}}}
	wantAdmitted(t, race(t, s, identity("each"), noon, 1, rules(each, "gpt-4o", limit.Daily), rules(each, "claude-x", limit.Daily)),
		10, "two models with a limit each")

	listed := limit.Levels{Project: &limit.Level{Models: []limit.ModelCaps{{Key: "gpt-4o", Caps: five}, {Key: limit.Others, Caps: five}}}}
	others := identity("others")
	wantAdmitted(t, race(t, s, others, noon, 1, rules(listed, "o1-pro", limit.Daily), rules(listed, "claude-x", limit.Daily), rules(listed, "made-up", limit.Daily)),
		5, "models without a key of their own, together")
	s.Restart(t)
	wantAdmitted(t, race(t, s, others, noon, 1, rules(listed, "gpt-5", limit.Daily)), 0, "one more of them, after a restart")
	wantAdmitted(t, race(t, s, others, noon, 1, rules(listed, "gpt-4o-2024-08-06", limit.Daily)), 5, "the model with a key")
}

// holdsCount: many requests at once must not exceed a token limit, although none of them has
// ended.
func holdsCount(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(-1, 100, -1))
	admitted := race(t, s, key, noon, 30, r)
	var held int64
	for _, res := range admitted {
		held += res.Decision.Hold.Amounts[limit.Tokens]
	}
	if len(admitted) != 4 || held != 100 {
		t.Errorf("%d admitted that hold %d tokens, want 4 that hold 100", len(admitted), held)
	}
}

func refusalChangesNothing(t *testing.T, s Store) {
	key := identity("alice")
	ls := caps(1, -1, -1)
	ls.Project.RequestsPerMinute = new(int64(60))
	r := daily(ls)
	spend(t, s, key, r, 10, noon)
	a := account(t, s, key, limit.Daily, noon)
	before := figuresOf(&a)
	for range 10 {
		wantRefused(t, s, key, r, noon)
	}
	a = account(t, s, key, limit.Daily, noon)
	if diff := diffFigures(before, figuresOf(&a)); diff != "" {
		t.Errorf("refusals changed the account (-before +after):\n%s", diff)
	}

	wantRefused(t, s, identity("never seen"), daily(caps(0, -1, -1)), noon)
	settled(t, s)
	if found, err := s.List(t.Context(), ledger.Find{Project: "pk_test", Limit: 10}); err != nil || found.Total != 1 {
		t.Errorf("%d identities after a refused request of a new one, want 1; %v", found.Total, err)
	}
}

func releaseLeavesNoTrace(t *testing.T, s Store) {
	key := identity("alice")
	ls := caps(5, 100, -1)
	ls.Project.RequestsPerMinute = new(int64(7))
	r := daily(ls)
	spend(t, s, key, r, 90, noon)
	change(t, s, noon, gift(limit.Amounts{0, 50, 0}), key)
	a := account(t, s, key, limit.Daily, noon)
	before := figuresOf(&a)
	check := func(when string) {
		t.Helper()
		a := account(t, s, key, limit.Daily, noon)
		if diff := diffFigures(before, figuresOf(&a)); diff != "" {
			t.Errorf("%s (-before +after):\n%s", when, diff)
		}
	}
	release(t, s, mustReserve(t, s, key, r, 30, noon))
	check("released at once")
	res := mustReserve(t, s, key, r, 30, noon)
	if err := res.Durable(t.Context()); err != nil {
		t.Fatal(err)
	}
	release(t, s, res)
	check("released when durable")
	s.Restart(t)
	check("after a restart")
}

func settleTwice(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(5, -1, -1))
	res := mustReserve(t, s, key, r, 10, noon)
	together(20, func(i int) {
		if i%2 == 0 {
			settle(t, s, res, 10)
		} else {
			release(t, s, res)
		}
	})
	a := account(t, s, key, limit.Daily, noon)
	if got := a.State.Total(); got != (limit.Amounts{1, 10, 100}) && got != (limit.Amounts{}) || len(a.State.Holds) != 0 {
		t.Errorf("ended many times: used %v, %d running; want it used once or not at all", got, len(a.State.Holds))
	}
	s.Restart(t)
	wantTotal(t, s, key, limit.Daily, noon, a.State.Total())
}

// manyAtOnce lets identities that share a few names reserve, settle, release, receive credits and
// be deleted at the same time, and then checks the sums.
func manyAtOnce(t *testing.T, s Store) {
	const workers, identities = 64, 7
	r := daily(caps(-1, 1_000_000_000, -1))
	var requests, tokens, gifts [identities]atomic.Int64
	together(workers, func(w int) {
		rng := rand.New(rand.NewPCG(uint64(w), 1))
		for range rounds(100) {
			i := rng.IntN(identities)
			key := identity(fmt.Sprint(i))
			switch n := rng.Int64N(100); {
			case n == 0:
				s.Forget(t)
			case n < 5:
				change(t, s, noon, gift(limit.Amounts{1, 0, 0}), key)
				gifts[i].Add(1)
			default:
				res := reserve(t, s, key, r, n, noon)
				switch {
				case res == nil:
					t.Errorf("refused far below the limit")
				case n%3 == 0:
					release(t, s, res)
				default:
					settle(t, s, res, n)
					requests[i].Add(1)
					tokens[i].Add(n)
				}
			}
		}
	})
	check := func(when string) {
		t.Helper()
		for i := range identities {
			a := account(t, s, identity(fmt.Sprint(i)), limit.Daily, noon)
			want := limit.Amounts{requests[i].Load(), tokens[i].Load(), 10 * tokens[i].Load()}
			if got := a.State.Total(); got != want || len(a.State.Holds) != 0 {
				t.Errorf("%s: used %v with %d running, want %v with none", when, got, len(a.State.Holds), want)
			}
			if got := a.State.Credits[limit.Requests]; got != gifts[i].Load() {
				t.Errorf("%s: %d credits, want %d", when, got, gifts[i].Load())
			}
		}
	}
	check("in memory")
	s.Forget(t)
	check("forgotten")
	s.Restart(t)
	check("restarted")
}

func hoursRoll(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(-1, -1, -1))
	for _, when := range []string{
		"2026-10-31T23:59:59.999999Z",                  // the month before
		"2026-11-01T00:00:00Z", "2026-11-15T23:30:00Z", // the week before
		"2026-11-16T00:00:00Z", "2026-11-17T23:59:59Z", // the day before
		"2026-11-18T00:00:00Z", "2026-11-18T11:59:59.999Z", // the hour before
		"2026-11-18T12:00:00Z", "2026-11-18T12:59:59.999999999Z",
	} {
		now, err := time.Parse(time.RFC3339Nano, when)
		if err != nil {
			t.Fatal(err)
		}
		spend(t, s, key, r, 1, now.In(time.FixedZone("Nepal", 5*3600+45*60)))
	}
	now := noon.Add(59 * time.Minute)
	for _, again := range []bool{false, true} {
		if again {
			s.Restart(t)
		}
		for p, n := range map[limit.Period]int64{limit.Hourly: 2, limit.Daily: 4, limit.Weekly: 6, limit.Monthly: 8} {
			wantTotal(t, s, key, p, now, limit.Amounts{n, n, 10 * n})
		}
		for p, at := range map[limit.Period]time.Time{
			limit.Hourly: now.Add(time.Minute), limit.Daily: noon.Add(12 * time.Hour),
			limit.Weekly: noon.AddDate(0, 0, 5), limit.Monthly: noon.AddDate(0, 1, 0),
		} {
			wantTotal(t, s, key, p, at, limit.Amounts{})
		}
	}
}

// periodChange: the usage before a project changes its period counts in the new period.
func periodChange(t *testing.T, s Store) {
	key, two := identity("alice"), caps(2, -1, -1)
	spend(t, s, key, rules(two, "gpt-4o", limit.Daily), 1, noon.AddDate(0, 0, -1))
	spend(t, s, key, rules(two, "gpt-4o", limit.Daily), 1, noon)
	wantRefused(t, s, key, rules(two, "gpt-4o", limit.Weekly), noon)
	wantRefused(t, s, key, rules(two, "gpt-4o", limit.Monthly), noon)
	spend(t, s, key, rules(two, "gpt-4o", limit.Daily), 1, noon)
	wantRefused(t, s, key, rules(two, "gpt-4o", limit.Daily), noon)
	spend(t, s, key, rules(two, "gpt-4o", limit.Hourly), 1, noon.Add(time.Hour))
	wantTotal(t, s, key, limit.Weekly, noon, limit.Amounts{4, 4, 40})

	// A request that runs meanwhile counts once, whichever period it ends in.
	res := mustReserve(t, s, key, rules(caps(-1, -1, -1), "gpt-4o", limit.Daily), 5, noon)
	wantTotal(t, s, key, limit.Hourly, noon.Add(time.Hour), limit.Amounts{1, 1, 10})
	settle(t, s, res, 5)
	wantTotal(t, s, key, limit.Hourly, noon.Add(time.Hour), limit.Amounts{1, 1, 10})
	wantTotal(t, s, key, limit.Weekly, noon.Add(time.Hour), limit.Amounts{5, 9, 90})
}

// resetThenShorterPeriod: the usage that a reset of the day has removed must not become an
// allowance of the current hour.
func resetThenShorterPeriod(t *testing.T, s Store) {
	key := identity("alice")
	for range 5 {
		spend(t, s, key, daily(caps(-1, -1, -1)), 10, noon)
	}
	later := noon.Add(90 * time.Minute)
	spend(t, s, key, daily(caps(-1, -1, -1)), 7, later)
	change(t, s, later, func(a *ledger.Account) {
		if got := a.Reset(true, true); got != (limit.Amounts{6, 57, 570}) {
			t.Errorf("took back %v, want all six", got)
		}
	}, key)
	spend(t, s, key, daily(caps(-1, -1, -1)), 3, later)
	for _, p := range []limit.Period{limit.Daily, limit.Hourly, limit.Weekly} {
		wantTotal(t, s, key, p, later, limit.Amounts{1, 3, 30})
	}
	s.Restart(t)
	r := rules(caps(2, -1, -1), "gpt-4o", limit.Hourly)
	spend(t, s, key, r, 1, later)
	wantRefused(t, s, key, r, later)
}

// oldRequestEnds: when a request ends after its project has changed the period, it takes nothing
// from the new period, and counts in the period in which it began.
func oldRequestEnds(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(5, -1, -1))
	later := noon.Add(200 * time.Hour)
	old := mustReserve(t, s, key, r, 10, noon)
	young := mustReserve(t, s, key, r, 20, later)
	if err := young.Durable(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := s.Change(t.Context(), ledger.Change{Keys: []ledger.Key{key}, Period: limit.Weekly, Now: later,
		Apply: func([]*ledger.Account) (ledger.Outcome, error) { return ledger.Outcome{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	settle(t, s, old, 7)
	settled(t, s)
	s.Crash(t)
	for _, p := range []limit.Period{limit.Daily, limit.Weekly, limit.Hourly} {
		wantTotal(t, s, key, p, later, limit.Amounts{1, 20, 200})
	}
	wantTotal(t, s, key, limit.Monthly, later, limit.Amounts{2, 27, 270})
	for range 4 {
		spend(t, s, key, r, 1, later)
	}
	wantRefused(t, s, key, r, later)
}

func resetInFlight(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(5, -1, -1))
	spend(t, s, key, r, 10, noon)
	running := mustReserve(t, s, key, r, 10, noon)
	refunded := mustReserve(t, s, key, r, 10, noon)
	change(t, s, noon, func(a *ledger.Account) { a.Reset(true, true) }, key)
	settle(t, s, running, 8)
	release(t, s, refunded)
	want := limit.Amounts{1, 8, 80}
	wantTotal(t, s, key, limit.Daily, noon, want)
	s.Restart(t)
	wantTotal(t, s, key, limit.Daily, noon, want)
	change(t, s, noon, func(a *ledger.Account) { a.Reset(true, false) }, key)
	s.Restart(t)
	wantTotal(t, s, key, limit.Daily, noon, limit.Amounts{0, 8, 80})
}

// clockSetBack: seconds that come twice give no second allowance, even with restarts in between.
func clockSetBack(t *testing.T, s Store) {
	midnight := time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC)
	nothing, forget, restart := func() {}, func() { s.Forget(t) }, func() { s.Restart(t) }
	for name, between := range map[string]struct{ first, interrupt func() }{
		"warm": {nothing, nothing}, "forgotten": {forget, forget}, "restarted": {restart, restart},
		// Then the account, which was read for the day before, must read the later usage.
		"restarted once": {restart, nothing}, "restarted, then forgotten": {restart, forget},
	} {
		key, r, interrupt := identity(name), daily(caps(2, -1, -1)), between.interrupt
		spend(t, s, key, r, 1, midnight.Add(time.Second))
		spend(t, s, key, r, 1, midnight.Add(2*time.Second))
		between.first()
		if res := reserve(t, s, key, r, 1, midnight.Add(-time.Second)); res != nil {
			settle(t, s, res, 1) // it may count in the day before
		}
		interrupt()
		wantRefused(t, s, key, r, midnight.Add(time.Second))
		change(t, s, midnight.Add(-time.Second), func(a *ledger.Account) { a.Reset(true, true) }, key)
		a := account(t, s, key, limit.Daily, midnight.Add(time.Second))
		interrupt()
		wantTotal(t, s, key, limit.Daily, midnight.Add(time.Second), a.State.Total())
	}
}

// clockSetBackFillsTheBucket: after a clock that was a day ahead is right again, the bucket is
// empty and refills, even if no request is admitted meanwhile.
func clockSetBackFillsTheBucket(t *testing.T, s Store) {
	r := rules(limit.Levels{Project: &limit.Level{RequestsPerMinute: new(int64(6))}}, "m", limit.Monthly)
	for name, interrupt := range map[string]func(){"warm": func() {}, "forgotten": func() { s.Forget(t) }, "restarted": func() { s.Restart(t) }} {
		key := identity(name)
		spend(t, s, key, r, 1, noon.Add(24*time.Hour))
		interrupt()
		for second := range time.Duration(10) {
			wantRefused(t, s, key, r, noon.Add(second*time.Second))
		}
		for range 6 {
			spend(t, s, key, r, 1, noon.Add(time.Minute))
		}
		wantRefused(t, s, key, r, noon.Add(time.Minute))
	}
}

func oddNames(t *testing.T, s Store) {
	names := []string{"o'hara", `back\slash`, "50%", "a_b", "ключ", "🙂", "a\u0301", "\u00e1", "A", "a", strings.Repeat("x", 512)}
	models := []string{"gpt-4o", "meta-llama/llama-3:free", "a\x00b", "a\x00c", "модель"}
	for i, name := range names {
		for j, model := range models {
			spend(t, s, identity(name), rules(caps(-1, -1, -1), model, limit.Daily), int64(1+i+100*j), noon)
		}
	}
	for range 2 {
		for i, name := range names {
			a := account(t, s, identity(name), limit.Daily, noon)
			got := map[string]int64{}
			for _, u := range a.State.Used {
				got[u.Model] += u.Counted[limit.Tokens]
			}
			for j, model := range models {
				if want, of := int64(1+i+100*j), limit.CanonicalModel(model); got[of] != want {
					t.Errorf("%q has used %d tokens of %q, want %d", name, got[of], of, want)
				}
			}
		}
		s.Restart(t)
	}
}

// absurdFigures: absurd amounts from a broken provider or a hostile client must not lock the
// account, its neighbours or the next start.
func absurdFigures(t *testing.T, s Store) {
	key, none := identity("alice"), caps(-1, -1, -1)
	for i := range 6 {
		for _, model := range []string{"a", "b"} {
			r := rules(none, model, limit.Daily)
			res := mustReserve(t, s, key, r, math.MaxInt64/10, noon.Add(time.Duration(i%3)*time.Hour))
			actual := ledger.Actual{Amounts: limit.Amounts{1, math.MaxInt64, math.MaxInt64}, InputTokens: math.MaxInt64, OutputTokens: math.MaxInt64}
			if err := s.Settle(t.Context(), res, actual); err != nil {
				t.Fatal(err)
			}
		}
	}
	res := mustReserve(t, s, key, rules(none, "c", limit.Daily), 1, noon)
	if err := s.Settle(t.Context(), res, ledger.Actual{Amounts: limit.Amounts{1, -5, math.MinInt64}, InputTokens: -5}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		res := mustReserve(t, s, key, rules(none, "a", limit.Daily), math.MaxInt64/10, noon)
		if err := res.Durable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, s)
	s.Crash(t)
	a := account(t, s, key, limit.Monthly, noon)
	for _, u := range a.State.Used {
		for m, n := range u.Counted {
			if n < 0 {
				t.Errorf("%d of %s used by %s", n, limit.Metric(m), u.Model)
			}
		}
	}
	wantRefused(t, s, key, rules(caps(-1, 1000, -1), "a", limit.Monthly), noon)
	spend(t, s, identity("neighbour"), daily(caps(1, 1, -1)), 1, noon)
	settled(t, s)
}

// If a caller gives up, its error must not look like an unavailable ledger: the request could
// then pass unchecked.
func callersGone(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(5, -1, -1))
	spend(t, s, key, r, 7, noon)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range rounds(5) {
		for name, call := range map[string]func() error{
			"Settings": func() error { _, _, err := s.Settings(gone, key); return err },
			"Reserve": func() error {
				res, err := s.Reserve(gone, ledger.Request{Key: key, Rules: r, Now: noon, Ask: limit.Ask{Estimate: limit.Amounts{1, 1, 1}}})
				if err == nil {
					release(t, s, res)
				}
				return err
			},
			"Account": func() error { _, err := s.Account(gone, key, limit.Daily, noon); return err },
			"List":    func() error { _, err := s.List(gone, ledger.Find{Project: key.Project, Limit: 10}); return err },
		} {
			s.Forget(t) // an account in memory needs no waiting
			if err := call(); err != nil && (!errors.Is(err, context.Canceled) || errors.Is(err, ledger.ErrUnavailable)) {
				t.Errorf("%s: %v, want context.Canceled, and not ErrUnavailable", name, err)
			}
		}
	}
	s.Restart(t)
	wantTotal(t, s, key, limit.Daily, noon, limit.Amounts{1, 7, 70})
	if n := len(account(t, s, key, limit.Daily, noon).State.Holds); n != 0 {
		t.Errorf("%d requests are running that nobody waits for", n)
	}
}

// staleSettings: a request is decided on under the current settings, or not at all.
func staleSettings(t *testing.T, s Store) {
	key := identity("alice")
	ask := func(given *ledger.Settings) error {
		_, err := s.Reserve(t.Context(), ledger.Request{Key: key, Settings: given, Rules: daily(caps(5, -1, -1)), Now: noon,
			Ask: limit.Ask{Estimate: limit.Amounts{1, 1, 1}}})
		return err
	}
	read := func() *ledger.Settings {
		t.Helper()
		return settingsOf(t, s, key, limit.Daily, noon)
	}
	given := read()
	for i, next := range []*ledger.Settings{{Tier: "pro"}, {Tier: "pro"}, {Disabled: true}, nil, {Tier: "free"}} {
		change(t, s, noon, func(a *ledger.Account) { a.Known, a.Settings = true, next }, key)
		if err := ask(given); !errors.Is(err, ledger.ErrStale) {
			t.Errorf("change %d: reserved under the settings before it: %v, want ErrStale", i, err)
		}
		if given = read(); !cmp.Equal(given, next) {
			t.Errorf("change %d: settings %+v, want %+v", i, given, next)
		}
	}
	a := account(t, s, key, limit.Daily, noon)
	if got := a.State.Total(); got != (limit.Amounts{}) || len(a.State.Holds) != 0 {
		t.Errorf("stale requests left %v used and %d running", got, len(a.State.Holds))
	}
	// A change that leaves the settings as they are keeps the pointer that was returned.
	change(t, s, noon, gift(limit.Amounts{1, 0, 0}), key)
	if err := ask(given); err != nil {
		t.Errorf("reserved under the settings that stand: %v", err)
	}
	if err := ask(&ledger.Settings{Tier: "free"}); !errors.Is(err, ledger.ErrStale) {
		t.Errorf("reserved under settings that were never given out: %v, want ErrStale", err)
	}
	// After a restart the settings are the same, or read anew.
	s.Restart(t)
	spend(t, s, key, daily(caps(5, -1, -1)), 1, noon)
}

// passedAreCounted: a request that passes without a decision is not limited, and counts when it
// ends.
func passedAreCounted(t *testing.T, s Store) {
	key, r := identity("alice"), daily(caps(2, -1, -1))
	pass := func(now time.Time) *ledger.Reservation {
		res := s.Pass(ledger.Request{Key: key, Rules: r, Now: now, Ask: limit.Ask{Tier: "pro", Estimate: limit.Amounts{1, 1000, 1000}}})
		if err := res.Durable(t.Context()); err != nil {
			t.Errorf("durable: %v", err)
		}
		return res
	}
	for range 5 {
		res := pass(noon)
		together(4, func(int) { settle(t, s, res, 10) })
		release(t, s, res)
	}
	release(t, s, pass(noon))
	running := pass(noon)
	wantTotal(t, s, key, limit.Daily, noon, limit.Amounts{5, 50, 500})
	wantRefused(t, s, key, r, noon)
	settle(t, s, running, 10)

	// They belong to the period in which they began, and use no credits.
	change(t, s, noon, gift(limit.Amounts{3, 3, 3}), key)
	settle(t, s, pass(noon.Add(24*time.Hour)), 7)
	for range 2 {
		a := account(t, s, key, limit.Weekly, noon.Add(24*time.Hour))
		if got := a.State.Total(); got != (limit.Amounts{7, 67, 670}) || a.State.Credits != (limit.Amounts{3, 3, 3}) || !a.Known {
			t.Errorf("used %v, credits %v, known %t; want 7 requests, the credits as they were, true", got, a.State.Credits, a.Known)
		}
		settled(t, s)
		s.Crash(t)
	}
}
