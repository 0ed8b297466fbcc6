package limit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// record is one admitted request in the book of TestAccounting.
type record struct {
	model    string
	at       time.Time
	running  bool
	hold     Hold
	counted  Amounts
	credited Amounts
}

// book is a sequential account that remembers every request and sums them all for each answer.
type book struct {
	all    []record
	gifted Amounts
}

// towards sums the usage that counts towards l in the period that starts at start.
func (b *book) towards(ls Levels, m Metric, l *refLimit, start time.Time) (used, held int64) {
	for _, r := range b.all {
		switch {
		case r.at.Before(start) || !l.counts(ls, m, r.model):
		case r.running:
			held += r.hold.Amounts[m] - r.hold.Credit[m]
		default:
			used += r.counted[m]
		}
	}
	return used, held
}

// credits returns what is left of the credits, and the part that is not held.
func (b *book) credits(m Metric) (left, free int64) {
	left = b.gifted[m]
	for _, r := range b.all {
		left -= r.credited[m]
	}
	free = left
	for _, r := range b.all {
		if r.running {
			free -= r.hold.Credit[m]
		}
	}
	return left, free
}

func (b *book) running() (ids []uint64) {
	for i, r := range b.all {
		if r.running {
			ids = append(ids, uint64(i))
		}
	}
	return ids
}

// TestAccounting runs random requests of several models under random levels, and compares every
// decision and every amount with those of a book.
func TestAccounting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.SampledFrom([]Period{Hourly, Daily, Weekly, Monthly}).Draw(t, "period")
		a := &accounting{
			s: &State{Period: period}, ls: genLevels(t), now: noon,
			strict: rapid.Bool().Draw(t, "strict"),
		}
		a.ls.Identity.RequestsPerMinute = new(int64(Unlimited)) // another test covers it
		t.Repeat(map[string]func(*rapid.T){
			"reserve": a.reserve, "settle": a.settle, "release": a.release, "end twice": a.endTwice,
			"reset": a.reset, "wait": a.wait, "gift": a.gift, "settings": a.settings, "": a.check,
		})
	})
}

type accounting struct {
	s      *State
	book   book
	ls     Levels
	now    time.Time
	strict bool
}

func genAmounts(t *rapid.T, name string) Amounts {
	return Amounts{1, rapid.Int64Range(0, 40).Draw(t, name+" tokens"), rapid.Int64Range(0, 40).Draw(t, name+" cost")}
}

func (a *accounting) reserve(t *rapid.T) {
	model := rapid.SampledFrom(testModels).Draw(t, "model")
	ask := Ask{Estimate: genAmounts(t, "estimate")}
	for m, most := range ask.Estimate {
		ask.Minimum[m] = rapid.Int64Range(0, most).Draw(t, "least")
	}
	r := Resolve(a.ls, model, a.s.Period, a.strict)
	a.s.Advance(a.now)
	before := clone(a.s)
	d := Decide(a.s, &r, ask, a.now)
	same(t, before, a.s, "Decide changed the state")

	want, metric, lasting := Admitted, Requests, false
	refuse := func(why Refusal, m Metric, lasts bool) {
		if want == Admitted || lasts && !lasting {
			want, metric, lasting = why, m, lasts
		}
	}
	for m := range Metric(NumMetrics) {
		g := refGoverning(a.ls, m, model)
		if g == nil || g.max == Unlimited {
			continue
		}
		used, held := a.book.towards(a.ls, m, g, a.s.Start)
		all, credit := a.book.credits(m)
		if g.key != "" && g.max == 0 {
			all, credit = 0, 0 // credits do not lift a limit that blocks
		}
		room, least := max(0, g.max-used-held)+credit, int64(1)
		if a.strict {
			least = max(1, ask.Minimum[m])
		}
		if room < least {
			refuse(OverLimit, m, g.max+all < least)
		}
	}
	if c := r.concurrent; c >= 0 && int64(len(a.book.running())) >= c {
		refuse(OverConcurrency, Requests, c == 0)
	}
	if d.Refusal != want || d.Metric != metric || d.Lasting != lasting {
		t.Fatalf("decision %d for %s, lasting %t; want %d for %s, %t", d.Refusal, d.Metric, d.Lasting, want, metric, lasting)
	}
	if d.Refusal != Admitted {
		return
	}
	d.Hold.ID = uint64(len(a.book.all))
	a.s.Admit(d.Hold, a.now)
	a.book.all = append(a.book.all, record{model: model, at: d.Hold.At, running: true, hold: d.Hold})
	for m := range Metric(NumMetrics) {
		g := refGoverning(a.ls, m, model)
		if g == nil || g.max == Unlimited {
			continue
		}
		used, held := a.book.towards(a.ls, m, g, a.s.Start)
		if own := d.Hold.Amounts[m] - d.Hold.Credit[m]; own > 0 && used+held > g.max {
			t.Fatalf("%s: used %d + held %d exceed the limit of %d", m, used, held, g.max)
		}
		st := d.Standings[m]
		if m == Requests {
			used += held
		}
		if st.Used != used || st.Held != held || st.Limit.Max != g.max {
			t.Fatalf("%s stands at used %d, held %d of %d; want %d, %d of %d", m, st.Used, st.Held, st.Limit.Max, used, held, g.max)
		}
	}
}

func (a *accounting) pick(t *rapid.T) *record {
	ids := a.book.running()
	if len(ids) == 0 {
		t.Skip("nothing runs")
	}
	return &a.book.all[rapid.SampledFrom(ids).Draw(t, "id")]
}

func (a *accounting) settle(t *rapid.T) {
	r := a.pick(t)
	actual := genAmounts(t, "actual")
	rules := Resolve(a.ls, r.model, a.s.Period, a.strict)
	var free Amounts
	for m := range Metric(NumMetrics) {
		_, free[m] = a.book.credits(m)
		free[m] += r.hold.Credit[m]
	}
	done, ok := a.s.Settle(r.hold.ID, actual, &rules)
	if !ok || done.Counted.Add(done.Credited) != actual {
		t.Fatalf("settled %v as counted %v and credited %v, %t", actual, done.Counted, done.Credited, ok)
	}
	for m := range Metric(NumMetrics) {
		if own := r.hold.Amounts[m] - r.hold.Credit[m]; done.Credited[m] > 0 && done.Counted[m] < own {
			t.Fatalf("%s: credits paid %d while the allowance set aside %d, of which %d were used", m, done.Credited[m], own, done.Counted[m])
		}
		if done.Credited[m] > free[m] {
			t.Fatalf("%s: %d of credits drawn, %d were free", m, done.Credited[m], free[m])
		}
	}
	r.running, r.counted, r.credited = false, done.Counted, done.Credited
}

func (a *accounting) release(t *rapid.T) {
	r := a.pick(t)
	if _, ok := a.s.Release(r.hold.ID); !ok {
		t.Fatal("not released")
	}
	*r = record{model: r.model, at: r.at}
}

func (a *accounting) endTwice(t *rapid.T) {
	if len(a.book.all) == 0 {
		t.Skip("nothing to end")
	}
	id := rapid.IntRange(0, len(a.book.all)-1).Draw(t, "id")
	if a.book.all[id].running {
		t.Skip("still running")
	}
	before := clone(a.s)
	if _, ok := a.s.Settle(uint64(id), Amounts{1, 5, 5}, nil); ok {
		t.Fatal("settled twice")
	}
	if _, ok := a.s.Release(uint64(id)); ok {
		t.Fatal("released twice")
	}
	same(t, before, a.s, "the second end changed something")
}

func (a *accounting) reset(t *rapid.T) {
	requests, tokens := rapid.Bool().Draw(t, "requests"), rapid.Bool().Draw(t, "tokens")
	a.s.Reset(requests, tokens)
	for i := range a.book.all {
		r := &a.book.all[i]
		if r.running || r.at.Before(a.s.Start) {
			continue
		}
		for m, take := range []bool{requests, tokens, tokens} {
			if take {
				// Credits that were used stay used.
				a.book.gifted[m] -= r.credited[m]
				r.counted[m], r.credited[m] = 0, 0
			}
		}
	}
}

func (a *accounting) wait(t *rapid.T) {
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		a.now = a.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 20 * time.Minute, 9 * time.Hour, 80 * time.Hour, -3 * time.Minute}).Draw(t, "for"))
	}
	a.s.Advance(a.now)
}

func (a *accounting) gift(t *rapid.T) {
	g := genAmounts(t, "gift")
	a.s.AddCredits(g)
	a.book.gifted = a.book.gifted.Add(g)
}

func (a *accounting) settings(t *rapid.T) {
	a.ls.Identity = genLevel(t, "identity")
	a.ls.Identity.RequestsPerMinute = new(int64(Unlimited))
}

func (a *accounting) check(t *rapid.T) {
	var total Amounts
	for _, r := range a.book.all {
		if r.at.Before(a.s.Start) {
			continue
		}
		total = total.Add(r.counted).Add(r.credited)
		if r.running {
			total[Requests] += r.hold.Amounts[Requests]
		}
	}
	if got := a.s.Total(); got != total {
		t.Fatalf("used %v, want %v", got, total)
	}
	if got, want := len(a.s.Holds), len(a.book.running()); got != want {
		t.Fatalf("%d holds, want %d", got, want)
	}
	for m := range Metric(NumMetrics) {
		left, free := a.book.credits(m)
		if a.s.Credits[m] != left || a.s.credit(m) != free || free < 0 {
			t.Fatalf("%s: %d of credits left, %d free; want %d and %d", m, a.s.Credits[m], a.s.credit(m), left, free)
		}
	}
	for _, u := range a.s.Used {
		for m := range u.Counted {
			if u.Counted[m] < 0 || u.Credited[m] < 0 {
				t.Fatalf("negative usage: %+v", u)
			}
		}
	}
}

// TestRemainingIsWhatTheNextRequestsAreAdmittedFor: the remaining amount of a limit, credits
// included, admits exactly as many requests of one unit.
func TestRemainingIsWhatTheNextRequestsAreAdmittedFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := Metric(rapid.IntRange(0, NumMetrics-1).Draw(t, "metric"))
		ls := genLevels(t)
		for _, l := range []*Level{ls.Identity, ls.Tier, ls.Project} { // no other limit may refuse
			l.RequestsPerMinute, l.ConcurrentRequests = nil, nil
			only(&l.Caps, m)
			for i := range l.Models {
				only(&l.Models[i].Caps, m)
			}
		}
		s := &State{Start: Daily.Start(noon)}
		for id := range rapid.IntRange(0, 6).Draw(t, "before") { // some of them still run
			model := rapid.SampledFrom(testModels).Draw(t, "model")
			r := Resolve(ls, model, Daily, false)
			s.AddCredits(Amounts{rapid.Int64Range(0, 5).Draw(t, "gift"), rapid.Int64Range(0, 5).Draw(t, "gift"), rapid.Int64Range(0, 5).Draw(t, "gift")})
			d := Decide(s, &r, Ask{Estimate: genAmounts(t, "estimate")}, noon)
			if d.Refusal != Admitted {
				continue
			}
			d.Hold.ID = uint64(id + 1)
			s.Admit(d.Hold, noon)
			if rapid.Bool().Draw(t, "ends") {
				s.Settle(d.Hold.ID, genAmounts(t, "actual"), &r)
			}
		}
		r := Resolve(ls, rapid.SampledFrom(testModels).Draw(t, "model"), Daily, true)
		if !r.set[m] {
			t.Skip("no limit is in force")
		}
		st := s.Standing(&r, m)
		one := Amounts{1, 1, 1}
		for n := st.Remaining(); n >= 0; n-- {
			d := Decide(s, &r, Ask{Estimate: one, Minimum: one}, noon)
			if (d.Refusal == Admitted) != (n > 0) {
				t.Fatalf("%d of %d remain of %s, and the next request's decision is %d", n, st.Remaining(), st.Limit, d.Refusal)
			}
			if n == 0 {
				break
			}
			if left := d.Standings[m]; left.Remaining() != n-1 {
				t.Fatalf("%d remain with the request admitted, want %d", left.Remaining(), n-1)
			}
			d.Hold.ID = uint64(1000 + n)
			s.Admit(d.Hold, noon)
			if rapid.Bool().Draw(t, "settled") {
				s.Settle(d.Hold.ID, one, &r)
			}
		}
	})
}

func only(c *Caps, m Metric) {
	for o := range Metric(NumMetrics) {
		if o != m {
			c[o] = nil
		}
	}
}

// TestWhatADecisionSaysRemainsDoes: after a request has ended, with any usage, its decision and
// the account state the same remaining amounts.
func TestWhatADecisionSaysRemainsDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Resolve(genLevels(t), rapid.SampledFrom(testModels).Draw(t, "model"), Daily, rapid.Bool().Draw(t, "strict"))
		r.perMinute, r.concurrent = Unlimited, Unlimited
		s := &State{Start: Daily.Start(noon), Credits: genAmounts(t, "credits")}
		if rapid.Bool().Draw(t, "unlimited") {
			s.UnlimitedUntil = noon.Add(time.Hour)
		}
		for id := range rapid.IntRange(1, 5).Draw(t, "requests") {
			d := Decide(s, &r, Ask{Estimate: genAmounts(t, "estimate")}, noon)
			if d.Refusal != Admitted {
				return
			}
			d.Hold.ID = uint64(id + 1)
			s.Admit(d.Hold, noon)
			for m := range Metric(NumMetrics) {
				if st := s.Standing(&r, m); d.InForce[m] && st.Remaining() != d.Standings[m].Remaining() {
					t.Fatalf("%s: %d remain at the admission, the account has %d", m, d.Standings[m].Remaining(), st.Remaining())
				}
			}
			if rapid.Bool().Draw(t, "runs on") {
				continue
			}
			actual := genAmounts(t, "actual")
			if rapid.Bool().Draw(t, "free") {
				actual = Amounts{}
			}
			s.Settle(d.Hold.ID, actual, &r)
			d.Settle(actual)
			for m := range Metric(NumMetrics) {
				if st := s.Standing(&r, m); d.InForce[m] && st.Remaining() != d.Standings[m].Remaining() {
					t.Fatalf("%s: %d remain after %v, the account has %d", m, d.Standings[m].Remaining(), actual, st.Remaining())
				}
			}
		}
	})
}
