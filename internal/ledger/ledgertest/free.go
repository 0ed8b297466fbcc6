package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// providerRefuses: a request that the provider refuses costs nothing in the period and leaves no
// model name. It keeps its place in the burst bucket, also after a restart. A request that was
// never made gives its place back.
func providerRefuses(t *testing.T, s Store) {
	key, ls := identity("alice"), caps(1, 1000, -1)
	ls.Project.RequestsPerMinute = new(int64(3))
	change(t, s, noon, gift(limit.Amounts{3, 0, 0}), key)
	spend(t, s, key, rules(ls, "gpt-4o", limit.Daily), 10, noon) // the following requests hold credits
	for range 5 {
		release(t, s, mustReserve(t, s, key, rules(ls, "gpt-4o", limit.Daily), 10, noon))
	}
	for i := range 2 {
		res := mustReserve(t, s, key, rules(ls, fmt.Sprint("made-up-", i), limit.Daily), 10, noon)
		if i == 0 {
			if err := res.Durable(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		settleFree(t, s, res)
		settleFree(t, s, res)
		release(t, s, res) // only the first end counts
	}
	for _, crash := range []bool{false, true} {
		if crash {
			settled(t, s)
			s.Crash(t)
		}
		res := ask(t, s, key, rules(ls, "gpt-4o", limit.Daily), limit.Ask{Estimate: limit.Amounts{1, 1, 1}}, noon)
		if res.Decision.Refusal != limit.OverBurst {
			t.Errorf("crashed %t: decision %d on a fourth request in the minute, want OverBurst", crash, res.Decision.Refusal)
		}
		a := account(t, s, key, limit.Daily, noon)
		if a.State.Total() != (limit.Amounts{1, 10, 100}) || a.State.Credits != (limit.Amounts{3, 0, 0}) || len(a.State.Holds) != 0 || len(a.State.Used) != 1 {
			t.Errorf("crashed %t: used %v of %d models, credits %v, %d running; want what was answered, and no credit or name for what was refused",
				crash, a.State.Total(), len(a.State.Used), a.State.Credits, len(a.State.Holds))
		}
	}
	passed := s.Pass(ledger.Request{Key: identity("nobody"), Rules: rules(ls, "made-up", limit.Daily), Now: noon})
	settleFree(t, s, passed)
	settled(t, s)
	if a := account(t, s, identity("nobody"), limit.Daily, noon); a.Known || len(a.State.Used) != 0 {
		t.Errorf("what passed and used nothing left %+v", a)
	}
}

// freeRequests: a free request counts in the burst bucket and as a running request, whatever is
// left in the period, and leaves nothing else, even after a crash.
func freeRequests(t *testing.T, s Store) {
	key, ls := identity("alice"), caps(1, 5, 0)
	ls.Project.Models = []limit.ModelCaps{{Key: "blocked", Caps: limit.Caps{new(int64(0))}}}
	ls.Project.RequestsPerMinute, ls.Project.ConcurrentRequests = new(int64(4)), new(int64(2))
	free := limit.Ask{Tier: "pro", Free: true}
	one := func(model string, now time.Time, want limit.Refusal) *ledger.Reservation {
		t.Helper()
		res := ask(t, s, key, rules(ls, model, limit.Daily), free, now)
		if res.Decision.Refusal != want {
			t.Fatalf("decision %d on a free request of %s, want %d", res.Decision.Refusal, model, want)
		}
		return res
	}
	first, second := one("blocked", noon, limit.Admitted), one("gpt-4o", noon, limit.Admitted)
	one("gpt-4o", noon, limit.OverConcurrency)
	settleFree(t, s, first)
	third := one("gpt-4o", noon, limit.Admitted)
	settleFree(t, s, second)
	release(t, s, third) // it was never made
	for range 2 {
		settleFree(t, s, one("gpt-4o", noon, limit.Admitted))
	}
	one("gpt-4o", noon, limit.OverBurst)

	later := noon.Add(time.Minute)
	for range 2 {
		if err := one("made-up", later, limit.Admitted).Durable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := account(t, s, key, limit.Daily, later); len(got.State.Holds) != 2 || got.State.Total() != (limit.Amounts{}) {
		t.Errorf("%d running, used %v; want 2 that count in no period", len(got.State.Holds), got.State.Total())
	}
	settled(t, s)
	s.Crash(t)
	if got := account(t, s, key, limit.Daily, later); len(got.State.Holds) != 0 || len(got.State.Used) != 0 || got.State.Total() != (limit.Amounts{}) {
		t.Errorf("after a crash %d running, used %v of %d models; want nothing", len(got.State.Holds), got.State.Total(), len(got.State.Used))
	}
}

// remainingIsAdmitted: the remaining allowance and credits are exactly what the next requests are
// admitted for; credits outlive the period and the process.
func remainingIsAdmitted(t *testing.T, s Store) {
	key, ls := identity("alice"), caps(2, -1, -1)
	ls.Project.Models = []limit.ModelCaps{{Key: "o3", Caps: limit.Caps{new(int64(1))}}, {Key: "blocked", Caps: limit.Caps{new(int64(0))}}}
	wantRemaining := func(now time.Time, general, o3 int64) {
		t.Helper()
		a := account(t, s, key, limit.Daily, now)
		for _, st := range a.State.Standings(ls) {
			if want := map[string]int64{"": general, "o3": o3}[st.Model]; st.Remaining() != want {
				t.Errorf("%d remain of %s, want %d", st.Remaining(), st.Limit, want)
			}
		}
	}
	spendAll := func(model string, n int, now time.Time) {
		t.Helper()
		for range n {
			spend(t, s, key, rules(ls, model, limit.Daily), 1, now)
		}
		wantRefused(t, s, key, rules(ls, model, limit.Daily), now)
	}
	wantRemaining(noon, 2, 1)
	change(t, s, noon, gift(limit.Amounts{4, 0, 0}), key)
	wantRemaining(noon, 6, 5)
	spendAll("blocked", 0, noon)
	spend(t, s, key, rules(ls, "o3", limit.Daily), 1, noon)
	spend(t, s, key, rules(ls, "o3", limit.Daily), 1, noon) // uses a credit
	wantRemaining(noon, 5, 3)
	running := mustReserve(t, s, key, rules(ls, "o3", limit.Daily), 1, noon) // holds another
	wantRemaining(noon, 4, 2)
	release(t, s, running)
	wantRemaining(noon, 5, 3)
	settled(t, s)
	s.Crash(t)
	wantRemaining(noon, 5, 3)

	tomorrow := noon.Add(24 * time.Hour)
	wantRemaining(tomorrow, 5, 4)
	spendAll("gpt-4o", 5, tomorrow)
	wantRemaining(tomorrow, 0, 1)
	spendAll("o3", 1, tomorrow)
	s.Restart(t)
	wantRemaining(tomorrow.Add(24*time.Hour), 2, 1)
}
