package limit

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var noon = at("2026-11-22T12:00:00Z")

// project makes the rules of a project that sets these caps for all models.
func project(c Caps, strict bool) Rules {
	return Resolve(Levels{Project: &Level{Caps: c}}, "gpt-4o", Daily, strict)
}

// stateOf is a state in the day of noon with this usage of gpt-4o.
func stateOf(counted, credits Amounts) *State {
	s := &State{Start: Daily.Start(noon), Credits: credits}
	if !counted.IsZero() {
		s.Used = []ModelUsage{{Model: "gpt-4o", Counted: counted}}
	}
	return s
}

func TestDecide(t *testing.T) {
	t.Parallel()
	const huge = math.MaxInt64
	for _, c := range []struct {
		name     string
		caps     Caps
		strict   bool
		used     Amounts
		credits  Amounts
		estimate Amounts
		least    Amounts
		want     Refusal
		metric   Metric
		hold     Amounts
		credit   Amounts
	}{
		{name: "nothing in force holds the estimate", estimate: Amounts{1, 500, 70}, hold: Amounts{1, 500, 70}},
		{name: "below the limit", caps: caps(5, 1000, 100), used: Amounts{4, 100, 10}, estimate: Amounts{1, 500, 70}, hold: Amounts{1, 500, 70}},
		{name: "requests used up", caps: caps(5, nil, nil), used: Amounts{5, 0, 0}, estimate: Amounts{1, 1, 1}, want: OverLimit, metric: Requests},
		{name: "tokens used up", caps: caps(5, 100, nil), used: Amounts{1, 100, 0}, estimate: Amounts{1, 1, 1}, want: OverLimit, metric: Tokens},
		{name: "cost used up", caps: caps(5, 100, 9), used: Amounts{1, 1, 9}, estimate: Amounts{1, 1, 1}, want: OverLimit, metric: Cost},
		{name: "exceeded before", caps: caps(5, 100, nil), used: Amounts{1, 150, 0}, estimate: Amounts{1, 1, 1}, want: OverLimit, metric: Tokens},
		{name: "the first metric is named", caps: caps(0, 0, 0), estimate: Amounts{1, 1, 1}, want: OverLimit, metric: Requests},
		{name: "0 is no allowance", caps: caps(nil, 0, nil), estimate: Amounts{1, 1, 1}, want: OverLimit, metric: Tokens},
		{name: "nor of what needs nothing", caps: caps(nil, 0, nil), estimate: Amounts{1, 0, 0}, want: OverLimit, metric: Tokens},
		{name: "-1 does not", caps: caps(-1, -1, -1), used: Amounts{9, 9, 9}, estimate: Amounts{1, 5, 7}, hold: Amounts{1, 5, 7}},

		{name: "soft holds no more than what is left", caps: caps(nil, 100, nil), used: Amounts{0, 90, 0}, estimate: Amounts{1, 4096, 0}, hold: Amounts{1, 10, 0}},
		{name: "a missing output cap does not refuse an identity that has plenty left", caps: caps(nil, 100_000, nil), estimate: Amounts{1, huge, 0}, hold: Amounts{1, 100_000, 0}},
		{name: "strict refuses what cannot fit", caps: caps(nil, 100, nil), strict: true, used: Amounts{0, 90, 0}, estimate: Amounts{1, 50, 0}, least: Amounts{1, 11, 0}, want: OverLimit, metric: Tokens},
		{name: "strict admits what just fits", caps: caps(nil, 100, nil), strict: true, used: Amounts{0, 90, 0}, estimate: Amounts{1, 50, 0}, least: Amounts{1, 10, 0}, hold: Amounts{1, 10, 0}},
		{name: "soft does not look at the least", caps: caps(nil, 100, nil), used: Amounts{0, 90, 0}, estimate: Amounts{1, 50, 0}, least: Amounts{1, 50, 0}, hold: Amounts{1, 10, 0}},
		{name: "strict without a limit does not either", strict: true, estimate: Amounts{1, 50, 0}, least: Amounts{1, 50, 0}, hold: Amounts{1, 50, 0}},

		{name: "a credit when the allowance is used up", caps: caps(5, nil, nil), used: Amounts{5, 0, 0}, credits: Amounts{2, 0, 0}, estimate: Amounts{1, 9, 0}, hold: Amounts{1, 9, 0}, credit: Amounts{1, 0, 0}},
		{name: "no credit before", caps: caps(5, nil, nil), used: Amounts{4, 0, 0}, credits: Amounts{2, 0, 0}, estimate: Amounts{1, 9, 0}, hold: Amounts{1, 9, 0}},
		{name: "credits of tokens alone can be used", caps: caps(5, 100, nil), used: Amounts{1, 100, 0}, credits: Amounts{0, 50, 0}, estimate: Amounts{1, 20, 0}, hold: Amounts{1, 20, 0}, credit: Amounts{0, 20, 0}},
		{name: "credits of tokens alone are no request", caps: caps(5, 100, nil), used: Amounts{5, 1, 0}, credits: Amounts{0, 50, 0}, estimate: Amounts{1, 20, 0}, want: OverLimit, metric: Requests},
		{name: "allowance first, then credits", caps: caps(nil, 100, nil), used: Amounts{0, 90, 0}, credits: Amounts{0, 50, 0}, estimate: Amounts{1, 25, 0}, hold: Amounts{1, 25, 0}, credit: Amounts{0, 15, 0}},
		{name: "soft holds no more than both", caps: caps(nil, 100, nil), used: Amounts{0, 90, 0}, credits: Amounts{0, 50, 0}, estimate: Amounts{1, 4096, 0}, hold: Amounts{1, 60, 0}, credit: Amounts{0, 50, 0}},
		{name: "strict counts both", caps: caps(nil, 100, nil), strict: true, used: Amounts{0, 90, 0}, credits: Amounts{0, 50, 0}, estimate: Amounts{1, 61, 0}, least: Amounts{1, 61, 0}, want: OverLimit, metric: Tokens},
		{name: "credits open an allowance of 0: it is used up from the start", caps: caps(0, nil, nil), credits: Amounts{1, 0, 0}, estimate: Amounts{1, 1, 0}, hold: Amounts{1, 1, 0}, credit: Amounts{1, 0, 0}},
		{name: "credits are not held where no limit is in force", credits: Amounts{1, 10, 0}, estimate: Amounts{1, 25, 0}, hold: Amounts{1, 25, 0}},

		{name: "absurd estimates are clamped", estimate: Amounts{1, huge, huge}, hold: Amounts{1, MaxAmount, MaxAmount}},
		{name: "absurd limits do not overflow", caps: Caps{Tokens: new(int64(huge))}, used: Amounts{1, huge, 1}, credits: Amounts{0, huge, 0}, estimate: Amounts{1, huge, 0}, hold: Amounts{1, MaxAmount, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, r := stateOf(c.used, c.credits), project(c.caps, c.strict)
			before := clone(s)
			d := Decide(s, &r, Ask{Tier: "pro", Estimate: c.estimate, Minimum: c.least}, noon)
			if d.Refusal != c.want || d.Metric != c.metric {
				t.Fatalf("decision %d for %s, want %d for %s", d.Refusal, d.Metric, c.want, c.metric)
			}
			if d.Hold.Amounts != c.hold || d.Hold.Credit != c.credit {
				t.Errorf("hold %v of which credits %v, want %v of which %v", d.Hold.Amounts, d.Hold.Credit, c.hold, c.credit)
			}
			if d.Refusal == Admitted && (d.Hold.Model != "gpt-4o" || d.Hold.Tier != "pro" || !d.Hold.At.Equal(noon)) {
				t.Errorf("hold %+v, want one of gpt-4o, pro, noon", d.Hold)
			}
			same(t, before, s, "Decide changed the state")
		})
	}
}

func clone(s *State) *State {
	c := *s
	c.Used = append([]ModelUsage(nil), s.Used...)
	c.Holds = append([]Hold(nil), s.Holds...)
	return &c
}

func same(t interface {
	Helper()
	Errorf(string, ...any)
}, want, got *State, what string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Hold{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-before +after):\n%s", what, diff)
	}
}

// running admits a request for each estimate, and fails if one is refused.
func running(t *testing.T, s *State, r *Rules, now time.Time, estimates ...Amounts) {
	t.Helper()
	for _, e := range estimates {
		s.Advance(now)
		d := Decide(s, r, Ask{Estimate: e}, now)
		if d.Refusal != Admitted {
			t.Fatalf("request %d refused: %d for %s", len(s.Holds)+1, d.Refusal, d.Metric)
		}
		d.Hold.ID = uint64(len(s.Holds) + 1)
		s.Admit(d.Hold, now)
	}
}

func TestUnlimitedUntilLiftsEverythingAndStillCounts(t *testing.T) {
	t.Parallel()
	zero := int64(0)
	r := Resolve(Levels{Project: &Level{Caps: caps(0, 0, 0), RequestsPerMinute: &zero, ConcurrentRequests: &zero}}, "gpt-4o", Daily, true)
	s := stateOf(Amounts{}, Amounts{5, 5, 5})
	s.UnlimitedUntil = noon.Add(time.Hour)
	running(t, s, &r, noon, Amounts{1, 500, 70}, Amounts{1, 500, 70})
	for id := range uint64(2) {
		s.Settle(id+1, Amounts{1, 400, 50}, &r)
	}
	if got, want := s.Total(), (Amounts{2, 800, 100}); got != want {
		t.Errorf("used %v, want %v", got, want)
	}
	if want := (Amounts{5, 5, 5}); s.Credits != want {
		t.Errorf("credits left %v, want %v: none are drawn while unlimited", s.Credits, want)
	}
	if d := Decide(s, &r, Ask{Estimate: Amounts{1, 1, 1}}, s.UnlimitedUntil); d.Refusal == Admitted {
		t.Error("still unlimited at the very end")
	}
}

// TestWhatUnlimitedUsedCounts: an identity that used up its allowance while it was unlimited has
// none left afterwards.
func TestWhatUnlimitedUsedCounts(t *testing.T) {
	t.Parallel()
	r := project(caps(2, nil, nil), false)
	s := stateOf(Amounts{}, Amounts{})
	s.UnlimitedUntil = noon.Add(time.Hour)
	running(t, s, &r, noon, Amounts{1}, Amounts{1}, Amounts{1})
	d := Decide(s, &r, Ask{Estimate: Amounts{1}}, noon.Add(time.Hour))
	if d.Refusal != OverLimit || d.Standings[Requests].Used != 3 || d.Standings[Requests].Remaining() != 0 {
		t.Errorf("afterwards %d with %+v, want OverLimit with 3 used", d.Refusal, d.Standings[Requests])
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	r := Resolve(Levels{Project: &Level{ConcurrentRequests: new(int64(2))}}, "gpt-4o", Hourly, false)
	s := &State{Period: Hourly, Start: Hourly.Start(noon)}
	running(t, s, &r, noon, Amounts{1}, Amounts{1})
	// A request that began in the hour before still runs.
	now := noon.Add(time.Hour)
	s.Advance(now)
	if d := Decide(s, &r, Ask{Estimate: Amounts{1}}, now); d.Refusal != OverConcurrency || d.Concurrent != 2 {
		t.Errorf("third at once: %d of %d, want OverConcurrency of 2", d.Refusal, d.Concurrent)
	}
	s.Release(1)
	if d := Decide(s, &r, Ask{Estimate: Amounts{1}}, now); d.Refusal != Admitted {
		t.Errorf("after one ended: %d, want admitted", d.Refusal)
	}
	zero := Resolve(Levels{Project: &Level{ConcurrentRequests: new(int64(0))}}, "gpt-4o", Hourly, false)
	if d := Decide(&State{}, &zero, Ask{Estimate: Amounts{1}}, now); d.Refusal != OverConcurrency {
		t.Errorf("limit of 0: %d, want OverConcurrency", d.Refusal)
	}
}

func TestTheLastingRefusalComesFirst(t *testing.T) {
	t.Parallel()
	one := int64(1)
	level := &Level{Caps: caps(1, nil, nil), RequestsPerMinute: &one, ConcurrentRequests: &one}
	for _, want := range []Refusal{OverLimit, OverBurst, OverConcurrency, Admitted} {
		r := Resolve(Levels{Project: level}, "gpt-4o", Daily, false)
		s := stateOf(Amounts{}, Amounts{})
		full := perMinute(1)
		full.limits, full.set = r.limits, r.set
		if want != Admitted {
			running(t, s, &full, noon, Amounts{1})
		}
		if d := Decide(s, &r, Ask{Estimate: Amounts{1}}, noon); d.Refusal != want {
			t.Errorf("refusal %d, want %d", d.Refusal, want)
		}
		switch want { // remove the limit that refused
		case OverLimit:
			level = &Level{RequestsPerMinute: &one, ConcurrentRequests: &one}
		case OverBurst:
			level = &Level{ConcurrentRequests: &one}
		}
	}
}

func TestStandings(t *testing.T) {
	t.Parallel()
	r := project(caps(10, 1000, nil), false)
	s := stateOf(Amounts{3, 300, 0}, Amounts{})
	running(t, s, &r, noon, Amounts{1, 200, 0})
	ends := at("2026-11-23T00:00:00Z")

	// The standings include this request: requests count from admission on, tokens once settled.
	d := Decide(s, &r, Ask{Estimate: Amounts{1, 100, 0}}, noon)
	requests, tokens := r.limits[Requests], r.limits[Tokens]
	want := [NumMetrics]Standing{
		Requests: {Limit: requests, Used: 5, Held: 2, Allowance: 5, ResetsAt: ends},
		Tokens:   {Limit: tokens, Used: 300, Held: 300, Allowance: 400, ResetsAt: ends},
	}
	opt := cmp.AllowUnexported(Limit{}, source{})
	if diff := cmp.Diff(want, d.Standings, opt); diff != "" || d.InForce != [NumMetrics]bool{true, true, false} {
		t.Errorf("standings after an admission, in force %v (-want +got):\n%s", d.InForce, diff)
	}

	// Standings without a request, of all models.
	list := []Standing{
		{Limit: requests, Used: 4, Held: 1, Allowance: 6, ResetsAt: ends},
		{Limit: tokens, Used: 300, Held: 200, Allowance: 500, ResetsAt: ends},
	}
	if diff := cmp.Diff(list, s.Standings(r.Levels), opt); diff != "" {
		t.Errorf("standings (-want +got):\n%s", diff)
	}
}

func TestARefusalShowsWhatIsUsed(t *testing.T) {
	t.Parallel()
	r := project(caps(3, 1000, nil), false)
	s := stateOf(Amounts{3, 300, 0}, Amounts{})
	d := Decide(s, &r, Ask{Estimate: Amounts{1, 100, 0}}, noon)
	if st := d.Standings[Requests]; st.Used != 3 || st.Remaining() != 0 {
		t.Errorf("requests: used %d, remaining %d; want 3 and 0", st.Used, st.Remaining())
	}
	if st := d.Standings[Tokens]; st.Used != 300 || st.Remaining() != 700 {
		t.Errorf("tokens: used %d, remaining %d; want 300 and 700", st.Used, st.Remaining())
	}
	if d.Hold.Amounts != (Amounts{}) || d.Hold.Model != "" {
		t.Errorf("a refusal holds %+v", d.Hold)
	}
}

// A model limit of 0 refuses everything, whatever credits there are; at other levels 0 is an
// allowance that is used up from the start.
func TestZero(t *testing.T) {
	t.Parallel()
	gifts := Amounts{100, 1000, 10}
	zero := Caps{Requests: new(int64(0))}
	blocked := []ModelCaps{{Key: "gpt-4o", Caps: zero}}
	for _, c := range []struct {
		name   string
		levels Levels
		blocks bool
	}{
		{"project", Levels{Project: &Level{Caps: zero}}, false},
		{"tier", Levels{Tier: &Level{Caps: zero}, Project: &Level{Caps: requestCap(9)}}, false},
		{"identity", Levels{Identity: &Level{Caps: zero}}, false},
		{"project's model", Levels{Project: &Level{Models: blocked}}, true},
		{"tier's model", Levels{Tier: &Level{Models: blocked}}, true},
		{"identity's model", Levels{Identity: &Level{Caps: requestCap(9), Models: blocked}}, true},
		{"prefix", Levels{Project: &Level{Models: []ModelCaps{{Key: "*", Caps: zero}}}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := stateOf(Amounts{}, gifts)
			r := Resolve(c.levels, "gpt-4o", Daily, false)
			d := Decide(s, &r, Ask{Estimate: Amounts{1, 1, 1}}, noon)
			remaining := int64(100)
			if c.blocks {
				remaining = 0
			}
			if (d.Refusal == OverLimit) != c.blocks || d.Lasting != c.blocks || !d.Standings[Requests].ResetsAt.IsZero() {
				t.Errorf("decision %d, lasting %t, resets at %s; want it refused for good: %t, and no reset", d.Refusal, d.Lasting, d.Standings[Requests].ResetsAt, c.blocks)
			}
			if st := s.Standing(&r, Requests); st.Remaining() != remaining {
				t.Errorf("%d remain, want %d", st.Remaining(), remaining)
			}
			s.UnlimitedUntil = noon.Add(time.Second)
			if d := Decide(s, &r, Ask{Estimate: Amounts{1, 1, 1}}, noon); d.Refusal != Admitted {
				t.Error("refused for a limit while unlimited")
			}
		})
	}
}

// A refusal is lasting if waiting does not lift it: then no retry time is named.
func TestLasting(t *testing.T) {
	t.Parallel()
	zero, one := int64(0), int64(1)
	for _, c := range []struct {
		name    string
		level   Level
		model   Caps // of gpt-4o
		used    Amounts
		credits Amounts
		least   Amounts
		want    Refusal
		metric  Metric
		lasting bool
	}{
		{name: "used up", level: Level{Caps: caps(5, nil, nil)}, used: Amounts{5}, want: OverLimit},
		{name: "no allowance", level: Level{Caps: caps(0, nil, nil)}, want: OverLimit, lasting: true},
		{name: "no allowance, less credits than it needs", level: Level{Caps: caps(nil, 0, nil)}, credits: Amounts{0, 9}, least: Amounts{1, 10}, want: OverLimit, metric: Tokens, lasting: true},
		{name: "no allowance, credits of another metric", level: Level{Caps: caps(0, nil, nil)}, credits: Amounts{0, 9, 9}, want: OverLimit, lasting: true},
		{name: "less left than it needs", level: Level{Caps: caps(nil, 100, nil)}, used: Amounts{0, 90}, least: Amounts{1, 11}, want: OverLimit, metric: Tokens},
		{name: "larger than the whole limit", level: Level{Caps: caps(nil, 100, nil)}, least: Amounts{1, 101}, want: OverLimit, metric: Tokens, lasting: true},
		{name: "larger than the limit, not than limit and credits", level: Level{Caps: caps(nil, 100, nil)}, used: Amounts{0, 50}, credits: Amounts{0, 1}, least: Amounts{1, 101}, want: OverLimit, metric: Tokens},
		{name: "used up, and another that lasts", level: Level{Caps: caps(5, 0, nil)}, used: Amounts{5}, want: OverLimit, metric: Tokens, lasting: true},
		{name: "no burst", level: Level{RequestsPerMinute: &zero}, want: OverBurst, lasting: true},
		{name: "none at once", level: Level{ConcurrentRequests: &zero}, want: OverConcurrency, lasting: true},
		{name: "used up, and no burst", level: Level{Caps: caps(5, nil, nil), RequestsPerMinute: &zero}, used: Amounts{5}, want: OverBurst, lasting: true},
		{name: "used up, and none at once", level: Level{Caps: caps(5, nil, nil), RequestsPerMinute: &one, ConcurrentRequests: &zero}, used: Amounts{5}, want: OverConcurrency, lasting: true},
		{name: "a blocked model, and no burst", level: Level{RequestsPerMinute: &zero}, model: caps(0, nil, nil), credits: Amounts{9}, want: OverLimit, lasting: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.level.Models = []ModelCaps{{Key: "gpt-4o", Caps: c.model}}
			r := Resolve(Levels{Project: &c.level}, "gpt-4o", Daily, true)
			d := Decide(stateOf(c.used, c.credits), &r, Ask{Estimate: Amounts{1, 200, 1}, Minimum: c.least}, noon)
			if d.Refusal != c.want || d.Metric != c.metric || d.Lasting != c.lasting {
				t.Errorf("decision %d for %s, lasting %t; want %d for %s, %t", d.Refusal, d.Metric, d.Lasting, c.want, c.metric, c.lasting)
			}
			if c.want == OverLimit && d.Standings[c.metric].ResetsAt.IsZero() != c.lasting {
				t.Errorf("resets at %s, want none: %t", d.Standings[c.metric].ResetsAt, c.lasting)
			}
		})
	}
}

// TestHeldCreditsComeBack: a refusal is not lasting while a running request holds the credits: it may
// use less of them.
func TestHeldCreditsComeBack(t *testing.T) {
	t.Parallel()
	r := project(caps(nil, 0, nil), false)
	s := stateOf(Amounts{}, Amounts{0, 100, 0})
	running(t, s, &r, noon, Amounts{1, 500, 0})
	ask := Ask{Estimate: Amounts{1, 50, 0}}
	if d := Decide(s, &r, ask, noon); d.Refusal != OverLimit || d.Lasting || !d.Standings[Tokens].ResetsAt.IsZero() || d.Standings[Tokens].Remaining() != 0 {
		t.Errorf("while the credits are held: %d, lasting %t, standing %+v", d.Refusal, d.Lasting, d.Standings[Tokens])
	}
	s.Settle(1, Amounts{1, 60, 0}, &r)
	if d := Decide(s, &r, ask, noon); d.Refusal != Admitted || d.Hold.Credit[Tokens] != 40 {
		t.Errorf("afterwards: %d with %v of credits, want it admitted with 40", d.Refusal, d.Hold.Credit)
	}
}

// TestUsageWithoutAModelIsNoModelsUsage: usage without a model does not count towards the limit
// of a model when limits are listed.
func TestUsageWithoutAModelIsNoModelsUsage(t *testing.T) {
	t.Parallel()
	s := &State{Start: Daily.Start(noon), Used: []ModelUsage{{Model: "", Counted: Amounts{7}}}}
	st := s.Standings(Levels{Project: &Level{Models: models("gpt-4o", requestCap(5))}})
	if len(st) != 1 || st[0].Used != 0 {
		t.Errorf("standings %+v, want gpt-4o's with 0 used", st)
	}
}

func TestClockSetBackKeepsCounting(t *testing.T) {
	t.Parallel()
	r := project(caps(2, nil, nil), false)
	s := &State{}
	midnight := at("2026-11-23T00:00:00Z")
	running(t, s, &r, midnight, Amounts{1})
	before := midnight.Add(-10 * time.Second)
	running(t, s, &r, before, Amounts{1})
	if got := s.Holds[1].At; !got.Equal(midnight) {
		t.Errorf("admitted at %s, want the period it counts in, from %s", got, midnight)
	}
	if d := Decide(s, &r, Ask{Estimate: Amounts{1}}, before); d.Refusal != OverLimit {
		t.Errorf("third request of two: %d", d.Refusal)
	}
}
