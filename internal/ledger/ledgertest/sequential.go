package ledgertest

import (
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// sequential makes random calls, one at a time, of a store and of a book beside it. The book
// forgets nothing, keeps every use with its time, and sums all uses for every decision: it has no
// batches, hours, caches or files.
func sequential(t *testing.T, s Store) {
	var checks atomic.Int64
	for range rounds(1) {
		rapid.Check(t, func(t *rapid.T) {
			r := &run{s: s, now: noon, period: limit.Daily, project: fmt.Sprint("pk_", checks.Add(1)), accounts: map[string]*entries{}}
			r.level = genLevel(t, "project")
			t.Repeat(map[string]func(*rapid.T){
				"reserve": r.reserve, "reserve another": r.reserve, "reserve one more": r.reserve,
				"settle": r.settle, "release": r.release, "end a stale one": r.endStale,
				"change": r.change, "change several": r.change, "repeat a change": r.repeat,
				"wait": r.wait, "change the period": r.changePeriod, "change the project": func(t *rapid.T) { r.level = genLevel(t, "project") },
				"look": r.look, "list": r.list, "forget": func(t *rapid.T) { s.Forget(t) },
				"die": r.die,
			})
			r.look(t)
			settled(t, s)
			r.list(t)
		})
	}
}

// use is one request that has ended.
type use struct {
	at                time.Time
	model             string
	counted, credited limit.Amounts
}

// entries is the part of the book for one identity. Its state has holds, credits and so on; Used
// is summed from uses whenever it is needed.
type entries struct {
	known            bool
	settings         *ledger.Settings
	created, updated time.Time
	state            limit.State
	uses             []use
}

type run struct {
	s        Store
	now      time.Time
	period   limit.Period
	project  string
	level    *limit.Level
	accounts map[string]*entries
	running  []*ledger.Reservation
	stale    []*ledger.Reservation
	once     []sent
}

// sent is a change that can be sent again.
type sent struct {
	change ledger.Change
	out    ledger.Outcome
}

var (
	names  = []string{"alice", "bob", "carol"}
	models = []string{"gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "claude-x"}
)

func genLevel(t *rapid.T, name string) *limit.Level {
	number := rapid.Ptr(rapid.OneOf(rapid.Just(int64(-1)), rapid.Int64Range(0, 40)), true)
	var c, m, others limit.Caps
	for i := range c {
		c[i], m[i], others[i] = number.Draw(t, name), number.Draw(t, name+"'s model"), number.Draw(t, name+"'s others")
	}
	return &limit.Level{
		Caps: c,
		Models: append([]limit.ModelCaps{{Key: rapid.SampledFrom([]string{"gpt-4o", "gpt*", "claude-x"}).Draw(t, "key"), Caps: m}},
			rapid.SampledFrom([][]limit.ModelCaps{nil, {{Key: limit.Others, Caps: others}}}).Draw(t, "others")...),
		RequestsPerMinute:  rapid.Ptr(rapid.SampledFrom([]int64{-1, 3, 7}), true).Draw(t, "burst"),
		ConcurrentRequests: rapid.Ptr(rapid.SampledFrom([]int64{-1, 2, 4}), true).Draw(t, "concurrency"),
	}
}

// at returns an identity's entries with its state at now.
func (r *run) at(name string) *entries {
	e := r.accounts[name]
	if e == nil {
		e = &entries{}
		r.accounts[name] = e
	}
	e.state.Period, e.state.Start, e.state.Used = r.period, r.period.Start(r.now), nil
	e.state.Advance(r.now)
	sums := map[string]*limit.ModelUsage{}
	for _, u := range e.uses {
		if u.at.Before(e.state.Start) {
			continue
		}
		if sums[u.model] == nil {
			sums[u.model] = &limit.ModelUsage{Model: u.model}
		}
		sum := sums[u.model]
		sum.Counted, sum.Credited = sum.Counted.Add(u.counted), sum.Credited.Add(u.credited)
	}
	for _, sum := range sums {
		e.state.Used = append(e.state.Used, *sum)
	}
	return e
}

func (r *run) key(name string) ledger.Key { return ledger.Key{Project: r.project, Identity: name} }

func genName(t *rapid.T) string { return rapid.SampledFrom(names).Draw(t, "identity") }

func genAmounts(t *rapid.T, name string) limit.Amounts {
	return limit.Amounts{1, rapid.Int64Range(0, 25).Draw(t, name+" tokens"), rapid.Int64Range(0, 25).Draw(t, name+" cost")}
}

func (r *run) reserve(t *rapid.T) {
	name, model := genName(t), rapid.SampledFrom(models).Draw(t, "model")
	settings := r.settingsOf(t, name)
	e := r.at(name)
	if diff := cmp.Diff(e.settings, settings, cmpopts.IgnoreUnexported(limit.ModelCaps{})); diff != "" {
		t.Fatalf("settings of %s (-want +got):\n%s", name, diff)
	}
	levels := limit.Levels{Project: r.level}
	if settings != nil {
		levels.Identity = &settings.Level
	}
	rules := limit.Resolve(levels, model, r.period, rapid.Bool().Draw(t, "strict"))
	ask := limit.Ask{Tier: rapid.SampledFrom([]string{"", "pro"}).Draw(t, "tier"), Estimate: genAmounts(t, "estimate")}
	ask.Minimum = ask.Estimate
	ask.Free = rapid.IntRange(0, 4).Draw(t, "free") == 0

	want := limit.Decide(&e.state, &rules, ask, r.now)
	res, err := r.s.Reserve(t.Context(), ledger.Request{Key: r.key(name), Settings: settings, Rules: &rules, Ask: ask, Now: r.now})
	if err != nil {
		t.Fatalf("reserve: %v", err)
	}
	want.Hold.ID = res.ID
	if diff := cmp.Diff(want, res.Decision, everything); diff != "" {
		t.Fatalf("decision on a request of %s for %s (-want +got):\n%s", name, model, diff)
	}
	if want.Refusal != limit.Admitted {
		return
	}
	e.state.Admit(want.Hold, r.now)
	if !e.known && e.created.IsZero() {
		e.created, e.updated = r.now, r.now
	}
	e.known = true
	r.running = append(r.running, res)
	if rapid.Bool().Draw(t, "durable") {
		if err := res.Durable(t.Context()); err != nil {
			t.Fatalf("durable: %v", err)
		}
	}
}

func (r *run) settingsOf(t *rapid.T, name string) *ledger.Settings {
	return settingsOf(t, r.s, r.key(name), r.period, r.now)
}

// end removes a running reservation.
func (r *run) end(t *rapid.T) *ledger.Reservation {
	if len(r.running) == 0 {
		t.Skip("nothing runs")
	}
	i := rapid.IntRange(0, len(r.running)-1).Draw(t, "which")
	res := r.running[i]
	r.running = slices.Delete(r.running, i, i+1)
	r.stale = append(r.stale, res)
	return res
}

func (r *run) settle(t *rapid.T) {
	res := r.end(t)
	h := &res.Decision.Hold
	actual := genAmounts(t, "actual")
	if h.Amounts[limit.Requests] == 0 || rapid.IntRange(0, 4).Draw(t, "refused by the provider") == 0 {
		actual = limit.Amounts{}
	}
	if res.Rules.Period != r.period || h.At.Before(r.period.Start(r.now)) {
		// A store may or may not know the allowance of a period that is over, so the book cannot
		// know what credits would pay.
		for m := range actual {
			actual[m] = min(actual[m], h.Amounts[m]-h.Credit[m])
		}
	}
	if err := r.s.Settle(t.Context(), res, ledger.Actual{Amounts: actual}); err != nil {
		t.Fatalf("settle: %v", err)
	}
	e := r.at(res.Key.Identity)
	done, ok := e.state.Settle(res.ID, actual, res.Rules)
	if !ok {
		t.Fatalf("the book has no hold %d", res.ID)
	}
	e.uses = append(e.uses, use{done.Hold.At, done.Hold.Model, done.Counted, done.Credited})
}

func (r *run) release(t *rapid.T) {
	res := r.end(t)
	if err := r.s.Release(t.Context(), res); err != nil {
		t.Fatalf("release: %v", err)
	}
	r.at(res.Key.Identity).state.Release(res.ID)
}

func (r *run) endStale(t *rapid.T) {
	if len(r.stale) == 0 {
		t.Skip("none")
	}
	res := rapid.SampledFrom(r.stale).Draw(t, "which")
	if err := r.s.Settle(t.Context(), res, ledger.Actual{Amounts: limit.Amounts{1, 9, 9}}); err != nil {
		t.Fatalf("settle: %v", err)
	}
	if err := r.s.Release(t.Context(), res); err != nil {
		t.Fatalf("release: %v", err)
	}
}

// die ends the process in one of two ways. Running requests are settled at their holds.
func (r *run) die(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
		r.s.Restart(t)
	} else {
		// A store need not keep changes that no caller has waited for.
		for _, res := range r.running {
			if err := res.Durable(t.Context()); err != nil {
				t.Fatalf("durable: %v", err)
			}
		}
		settled(t, r.s)
		r.s.Crash(t)
	}
	for _, res := range r.running {
		e := r.at(res.Key.Identity)
		i := slices.IndexFunc(e.state.Holds, func(h limit.Hold) bool { return h.ID == res.ID })
		h := e.state.Holds[i]
		e.state.Holds = slices.Delete(e.state.Holds, i, i+1)
		e.state.Credits = e.state.Credits.Sub(h.Credit)
		e.uses = append(e.uses, use{h.At, h.Model, h.Amounts.Sub(h.Credit), h.Credit})
	}
	r.stale = append(r.stale, r.running...)
	r.running = nil
}

// alteration is one random thing that a change does to an account.
type alteration struct {
	what             string
	amounts          limit.Amounts
	until            time.Time
	requests, tokens bool
	settings         *ledger.Settings
}

func genAlteration(t *rapid.T, now time.Time) alteration {
	a := alteration{what: rapid.SampledFrom([]string{"gift", "promo", "reset", "set", "delete"}).Draw(t, "what")}
	switch a.what {
	case "gift":
		a.amounts = genAmounts(t, "gift")
	case "promo":
		if rapid.Bool().Draw(t, "on") {
			a.until = now.Add(time.Duration(rapid.IntRange(-1, 200).Draw(t, "hours")) * time.Hour)
		}
	case "reset":
		a.requests, a.tokens = rapid.Bool().Draw(t, "requests"), rapid.Bool().Draw(t, "tokens")
	case "set":
		a.settings = &ledger.Settings{Tier: "pro", Level: *genLevel(t, "identity")}
	}
	return a
}

// to alters an account of the store.
func (al alteration) to(a *ledger.Account, now time.Time) {
	switch al.what {
	case "gift":
		a.State.AddCredits(al.amounts)
	case "promo":
		a.State.UnlimitedUntil = al.until
	case "reset":
		a.Reset(al.requests, al.tokens)
	case "set":
		a.Settings, a.UpdatedAt, a.Known = al.settings, now, true
		if a.CreatedAt.IsZero() {
			a.CreatedAt = now
		}
	case "delete":
		a.Settings, a.Known = nil, false
	}
}

// toBook alters an account of the book.
func (al alteration) toBook(e *entries, now time.Time) {
	switch al.what {
	case "gift":
		e.state.AddCredits(al.amounts)
	case "promo":
		e.state.UnlimitedUntil = al.until
	case "reset":
		for i := range e.uses {
			u := &e.uses[i]
			for m, take := range []bool{al.requests, al.tokens, al.tokens} {
				if take && !u.at.Before(e.state.Start) {
					u.counted[m], u.credited[m] = 0, 0
				}
			}
		}
	case "set":
		e.settings, e.updated, e.known = al.settings, now, true
		if e.created.IsZero() {
			e.created = now
		}
	case "delete":
		e.settings, e.known = nil, false
	}
}

func (r *run) change(t *rapid.T) {
	al, now := genAlteration(t, r.now), r.now
	who := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID).Draw(t, "identities")
	fail := rapid.IntRange(0, 3).Draw(t, "fail") == 0
	out := ledger.Outcome{Status: 200, Body: fmt.Appendf(nil, "%d", len(r.once))}
	c := ledger.Change{Period: r.period, Now: now, Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
		for _, a := range accounts {
			al.to(a, now)
		}
		if fail {
			return ledger.Outcome{}, errNo
		}
		return out, nil
	}}
	for _, name := range who {
		c.Keys = append(c.Keys, r.key(name))
	}
	if rapid.Bool().Draw(t, "once") {
		c.Once = &ledger.Once{Key: fmt.Sprint(len(r.once))}
	}
	got, err := r.s.Change(t.Context(), c)
	if fail {
		if err != errNo {
			t.Fatalf("change: %v, want Apply's own error", err)
		}
		return
	}
	if err != nil || got.Status != out.Status || string(got.Body) != string(out.Body) {
		t.Fatalf("change: %d %q, %v; want %d %q", got.Status, got.Body, err, out.Status, out.Body)
	}
	if c.Once != nil {
		r.once = append(r.once, sent{c, out})
	}
	for _, name := range who {
		al.toBook(r.at(name), now)
	}
}

// repeat sends a change again: the answer is the same, and nothing changes.
func (r *run) repeat(t *rapid.T) {
	if len(r.once) == 0 {
		t.Skip("none")
	}
	s := rapid.SampledFrom(r.once).Draw(t, "which")
	got, err := r.s.Change(t.Context(), s.change)
	if err != nil || got.Status != s.out.Status || string(got.Body) != string(s.out.Body) {
		t.Fatalf("repeated: %d %q, %v; want %d %q", got.Status, got.Body, err, s.out.Status, s.out.Body)
	}
}

func (r *run) wait(t *rapid.T) {
	r.now = r.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 17 * time.Second, 20 * time.Minute, 5 * time.Hour, 30 * time.Hour, 200 * time.Hour}).Draw(t, "for"))
}

func (r *run) changePeriod(t *rapid.T) {
	r.period = rapid.SampledFrom([]limit.Period{limit.Hourly, limit.Daily, limit.Weekly, limit.Monthly}).Draw(t, "period")
	if len(r.running) > 0 {
		r.look(t) // so that orphans are settled in this period
	}
}

func (r *run) look(t *rapid.T) {
	for _, name := range names {
		e := r.at(name)
		want := figuresOf(&ledger.Account{Known: e.known, Settings: e.settings, CreatedAt: e.created, UpdatedAt: e.updated, State: e.state})
		a := account(t, r.s, r.key(name), r.period, r.now)
		if diff := diffFigures(want, figuresOf(&a)); diff != "" {
			t.Fatalf("account of %s (-want +got):\n%s", name, diff)
		}
		for _, u := range a.State.Used {
			for m := range u.Counted {
				if u.Counted[m] < 0 || u.Credited[m] < 0 {
					t.Fatalf("negative usage of %s: %+v", name, u)
				}
			}
		}
	}
}

func (r *run) list(t *rapid.T) {
	settled(t, r.s)
	var want []string
	for _, name := range names {
		if e := r.accounts[name]; e != nil && e.known {
			want = append(want, name)
		}
	}
	got, err := r.s.List(t.Context(), ledger.Find{Project: r.project, Limit: 10})
	if err != nil || got.Total != len(want) || !cmp.Equal(want, got.Names, cmpopts.EquateEmpty()) {
		t.Fatalf("List = %q of %d, %v; want %q", got.Names, got.Total, err, want)
	}
}

// everything compares unexported fields too.
var everything = cmp.Exporter(func(reflect.Type) bool { return true })
